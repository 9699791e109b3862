"""A value as it goes into the vault: sealed under a contact's key, with a commitment beside it."""

import hashlib
import os
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any

from answerable.kit.canonical import canonical_json
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.privacy.data_keys import DataKey
from answerable.privacy.keys import NONCE_BYTES

SALT_BYTES = 16


@dataclass(frozen=True, kw_only=True, slots=True)
class VaultRef:
    """What the ledger may hold of a value.

    commitment: hex SHA-256 of a random salt and the value, in its canonical JSON unless it is
    bytes. The salt exists only inside the ciphertext: until erasure the commitment proves the
    value, afterwards it tells nothing.
    """

    id: str
    commitment: str


@dataclass(frozen=True, kw_only=True, slots=True)
class VaultEntry:
    """One value to be put away. value: anything JSON can hold, or a file's bytes."""

    tenant: TenantId
    contact_id: ContactId
    conversation_id: ConversationId
    value: Mapping[str, Any] | bytes


def seal(key: DataKey, entry: VaultEntry, value_id: str) -> tuple[VaultRef, bytes]:
    """What the ledger may hold of the value, and the value as the store holds it."""
    random = os.urandom(NONCE_BYTES + SALT_BYTES)
    nonce, salt = random[:NONCE_BYTES], random[NONCE_BYTES:]
    value = entry.value if isinstance(entry.value, bytes) else canonical_json(entry.value)
    plaintext = salt + value
    context = value_context(entry.tenant, entry.contact_id, value_id)
    sealed = nonce + key.cipher.encrypt(nonce, plaintext, context)
    return VaultRef(id=value_id, commitment=hashlib.sha256(plaintext).hexdigest()), sealed


def sealed_row(
    key: DataKey, entry: VaultEntry, value_id: str, at: datetime
) -> tuple[VaultRef, dict[str, Any]]:
    """What the ledger may hold of the value, and its row in a store. Under a key that is lost, as
    that of an erased value."""
    ref, sealed = seal(key, entry, value_id)
    return ref, {
        "id": value_id,
        "tenant": entry.tenant,
        "contact_id": entry.contact_id,
        "conversation_id": entry.conversation_id,
        "sealed": b"" if key.lost else sealed,
        "created_at": at,
        "wrapped_key": key.wrapped,
        "master_key_id": key.master_key_id,
    }


def key_context(tenant: str, contact_id: str) -> bytes:
    return f"{tenant}|{contact_id}".encode()


def value_context(tenant: str, contact_id: str, value_id: str) -> bytes:
    return f"{tenant}|{contact_id}|{value_id}".encode()
