"""Texts and personal values under one key per contact; destroying the key erases them."""

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from cryptography.exceptions import InvalidTag
from sqlalchemy import Connection

from answerable.kit.clock import Clock
from answerable.kit.database import after_commit, transaction_memory
from answerable.kit.errors import InvalidInput, NotFound
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.privacy import store
from answerable.privacy.data_keys import DataKey, RememberedKeys
from answerable.privacy.keys import KEY_BYTES, NONCE_BYTES, MasterKey, WrongMasterKey
from answerable.privacy.rows import VaultRows
from answerable.privacy.sealing import (
    SALT_BYTES,
    VaultEntry,
    VaultRef,
    key_context,
    sealed_row,
    value_context,
)
from answerable.privacy.volatile import VolatileRows, is_volatile

KEYS_REMEMBERED = 4096  # unwrapped keys in memory, about 0.5 KB each
Number = Callable[[str, str], int]


@dataclass(frozen=True, kw_only=True, slots=True)
class Erased:
    """Stands where a value was before its contact was erased.

    at: when; None if only the value was removed.
    """

    at: datetime | None


class Vault:
    """Puts values away and gets them back; all functions run inside the caller's transaction.

    master: wraps new keys. previous: further master keys that still open old ones, so that a
    rotation needs no pause.
    exclusive: no other process writes this database, so that the key of a contact seen before
    need not be read again. With several writers it is read each time, and locked against an
    erasure elsewhere, which then also destroys what is just being put away.
    volatile: where the values of some tenants are instead of the database, for a time.
    """

    def __init__(
        self,
        master: MasterKey,
        *,
        clock: Clock,
        previous: Sequence[MasterKey] = (),
        exclusive: bool = False,
        keys_remembered: int = KEYS_REMEMBERED,
        volatile: VolatileRows | None = None,
    ) -> None:
        self._master = master
        self._masters = {key.id: key for key in (*previous, master)}
        self._clock = clock
        self._exclusive = exclusive
        self._volatile = volatile
        self._by_contact = RememberedKeys(keys_remembered)
        # By wrapped bytes: what a reader remembers from an old snapshot can never be found again.
        self._by_wrapping = RememberedKeys(keys_remembered)

    # Writing

    def put(
        self,
        tx: Connection,
        *,
        tenant: TenantId,
        contact_id: ContactId,
        conversation_id: ConversationId,
        value: Mapping[str, Any] | bytes,
    ) -> VaultRef:
        """Encrypts and stores `value`; see `put_many` for several at once."""
        entry = VaultEntry(
            tenant=tenant, contact_id=contact_id, conversation_id=conversation_id, value=value
        )
        return self.put_many(tx, [entry])[0]

    def put_many(
        self, tx: Connection, entries: Sequence[VaultEntry], *, revives: bool = True
    ) -> list[VaultRef]:
        """Stores all entries of a store with one statement; references in the order of the entries.

        An erased contact who comes back gets a new key: what was erased stays so. Unless it
        `revives` them: what is late, of one who did not come back, is as if erased with them.
        """
        now = self._clock.now()
        keys = self._writing_keys(tx, {(e.tenant, e.contact_id) for e in entries}, now, revives)
        refs: list[VaultRef] = []
        rows: dict[bool, list[dict[str, Any]]] = {}
        for entry in entries:
            key, keeps = keys[entry.tenant, entry.contact_id], self.keeps(entry.tenant)
            value_id = self._rows(keeps).new_value_id(entry.contact_id)
            ref, row = sealed_row(key, entry, value_id, now)
            refs.append(ref)
            rows.setdefault(keeps, []).append(row)
        for keeps, own in rows.items():
            self._rows(keeps).insert_values(tx, own)
        return refs

    def keeps(self, tenant: TenantId) -> bool:
        """Whether what is put away of this tenant is in the database, and stays until erased."""
        return self._volatile is None or not self._volatile.takes(tenant)

    def _rows(self, keeps: bool) -> VaultRows:
        if keeps or self._volatile is None:
            return store
        return self._volatile

    def forget(
        self, *, tenant: TenantId, contact_id: ContactId, conversations: Iterable[ConversationId]
    ) -> None:
        """Of what was never in the database, what was said in these conversations; it then reads
        as erased. Those of no conversation ("") are what is known of the contact."""
        if self._volatile is not None:
            self._volatile.forget(tenant, contact_id, conversations)

    def erase(self, tx: Connection, *, tenant: TenantId, contact_id: ContactId) -> bool:
        """Destroys the contact's key and overwrites the ciphertexts; False if there was no key.

        Repeating it is safe. Handles and commitments stay and mean nothing any more.
        """
        row = store.find_key(tx, tenant, contact_id)
        name = (tenant, contact_id)
        wrapped = row.wrapped_key if row is not None else None

        def forget() -> None:
            self._by_contact.forget(name)
            self._by_wrapping.forget(wrapped)

        transaction_memory(tx).pop(("vault_key", *name), None)
        forget()
        after_commit(tx, forget)  # again: another thread may have read it meanwhile
        known = store.blank(tx, tenant, contact_id, at=self._clock.now())
        if self._volatile is not None:
            known = self._volatile.blank(tx, tenant, contact_id, at=self._clock.now()) or known
        return known

    def remove(self, tx: Connection, *, tenant: TenantId, ids: Iterable[str]) -> None:
        """Overwrites single values that nobody needs any more; their key goes on. Safe to repeat.

        From then on they are `Erased`, without a time.
        """
        wanted = list(ids)
        store.blank_values(tx, tenant, [id_ for id_ in wanted if not is_volatile(id_)])
        if self._volatile is not None:
            self._volatile.remove(tenant, [id_ for id_ in wanted if is_volatile(id_)])

    def ready_keys(
        self,
        tx: Connection,
        names: Iterable[tuple[TenantId, ContactId]],
        *,
        revives: bool = True,
    ) -> None:
        """Read, or make, the keys of several contacts with one query of each tenant, for what this
        transaction does with them next. revives: as of `put_many`."""
        self._writing_keys(tx, names, self._clock.now(), revives)

    def _writing_keys(
        self,
        tx: Connection,
        names: Iterable[tuple[TenantId, ContactId]],
        now: datetime,
        revives: bool = True,
    ) -> dict[tuple[TenantId, ContactId], DataKey]:
        """The contacts' keys, made where there is none; with one query for all of a tenant."""
        memory = transaction_memory(tx)
        keys: dict[tuple[TenantId, ContactId], DataKey] = {}
        missing: dict[TenantId, list[ContactId]] = {}
        for name in sorted(set(names)):
            key: DataKey | None = memory.get(("vault_key", *name))
            if key is None and self._exclusive and self.keeps(name[0]):
                key = self._by_contact.get(name)
            if key is None:
                missing.setdefault(name[0], []).append(name[1])
            else:
                keys[name] = key
        for tenant, contacts in missing.items():
            keeps, made = self.keeps(tenant), []
            kept = self._rows(keeps)
            rows = kept.keys_to_write_with(tx, tenant, contacts)
            for contact_id in contacts:
                row = rows.get(contact_id)
                if row is not None and row.wrapped_key is not None:
                    key = self._unwrapped(row.wrapped_key, row.master_key_id, tenant, contact_id)
                else:
                    key, new = self._new_key(tenant, contact_id, now)
                    if row is not None and not revives:
                        key.lost, keys[tenant, contact_id] = True, key
                        continue
                    if row is None:
                        made.append(new)
                    else:
                        kept.replace_key(tx, **new)
                keys[tenant, contact_id] = memory["vault_key", tenant, contact_id] = key
                if self._exclusive and keeps:
                    self._remember_after_commit(tx, (tenant, contact_id), key)
            kept.insert_keys(tx, made)
        return keys

    def _remember_after_commit(self, tx: Connection, name: tuple[str, str], key: DataKey) -> None:
        # Not before the commit: a key that was rolled back must not be used again. Not if the
        # contact was erased later in this transaction either.
        memory = transaction_memory(tx)
        after_commit(tx, lambda: self._remember(memory, name, key))

    def _remember(self, memory: dict[Any, Any], name: tuple[str, str], key: DataKey) -> None:
        if memory.get(("vault_key", *name)) is key:
            self._by_contact.put(name, key)

    def _new_key(
        self, tenant: TenantId, contact_id: ContactId, now: datetime
    ) -> tuple[DataKey, dict[str, Any]]:
        """A key, and its row."""
        data_key = os.urandom(KEY_BYTES)
        wrapped = self._master.wrap(data_key, key_context(tenant, contact_id))
        row = {
            "tenant": tenant,
            "contact_id": contact_id,
            "wrapped_key": wrapped,
            "master_key_id": self._master.id,
            "created_at": now,
        }
        return DataKey(data_key, wrapped=wrapped, master_key_id=self._master.id), row

    # Reading

    def get(self, tx: Connection, *, tenant: TenantId, id: str) -> dict[str, Any] | Erased:
        """The value put away under `id`. Raises NotFound if this tenant has no such value."""
        found = self.get_many(tx, tenant=tenant, ids=[id])
        if id not in found:
            raise NotFound("vault_value_not_found", f"no value {id}", id=id)
        return found[id]

    def get_many(
        self, tx: Connection, *, tenant: TenantId, ids: Iterable[str]
    ) -> dict[str, dict[str, Any] | Erased]:
        """Values by id with one query; ids that this tenant has not are left out.

        Raises WrongMasterKey, or InvalidInput ("vault_damaged") if one was altered or moved.
        """
        found: dict[str, dict[str, Any] | Erased] = {}
        for row in self._values_of(tx, tenant, ids):
            opened = self._open(tenant, row)
            found[row.id] = (
                opened if isinstance(opened, Erased) else json.loads(opened[SALT_BYTES:])
            )
        return found

    def get_bytes(
        self, tx: Connection, *, tenant: TenantId, id: str, commitment: str
    ) -> bytes | Erased:
        """A file put away under `id`, and only what `commitment` was given for.

        Raises NotFound as `get` does, InvalidInput ("vault_damaged") if it is another file.
        """
        opened = self.opening(tx, tenant=tenant, id=id)
        if isinstance(opened, Erased):
            return opened
        if hashlib.sha256(opened).hexdigest() != commitment:
            raise InvalidInput("vault_damaged", f"the value {id} is not what was put away", id=id)
        return opened[SALT_BYTES:]

    def opening(self, tx: Connection, *, tenant: TenantId, id: str) -> bytes | Erased:
        """The bytes whose SHA-256 is the commitment (salt, then the value), for an auditor."""
        if self._volatile is not None and is_volatile(id):
            row = next(iter(self._volatile.values_of(tx, tenant, [id])), None)
        else:
            row = store.value_of(tx, tenant, id)
        if row is None:
            raise NotFound("vault_value_not_found", f"no value {id}", id=id)
        return self._open(tenant, row)

    def _values_of(self, tx: Connection, tenant: TenantId, ids: Iterable[str]) -> list[Any]:
        """Wherever each was put away, whatever the definition says by now."""
        wanted = list(ids)
        found = store.values_of(tx, tenant, [id_ for id_ in wanted if not is_volatile(id_)])
        if self._volatile is not None:
            volatile = [id_ for id_ in wanted if is_volatile(id_)]
            found += self._volatile.values_of(tx, tenant, volatile)
        return found

    def _open(self, tenant: TenantId, row: Any) -> bytes | Erased:
        if not row.sealed or row.wrapped_key is None:
            return Erased(at=row.erased_at)
        key = self._unwrapped(row.wrapped_key, row.master_key_id, tenant, row.contact_id)
        nonce, ciphertext = row.sealed[:NONCE_BYTES], row.sealed[NONCE_BYTES:]
        try:
            return key.cipher.decrypt(
                nonce, ciphertext, value_context(tenant, row.contact_id, row.id)
            )
        except InvalidTag as error:
            raise InvalidInput(
                "vault_damaged", f"the value {row.id} was altered or moved", id=row.id
            ) from error

    def _unwrapped(
        self, wrapped: bytes, master_key_id: str, tenant: str, contact_id: str
    ) -> DataKey:
        key = self._by_wrapping.get(wrapped)
        if key is None:
            master = self._masters.get(master_key_id)
            if master is None:
                raise WrongMasterKey(wanted=master_key_id, held=self._master.id)
            plain = master.unwrap(wrapped, key_context(tenant, contact_id))
            key = DataKey(plain, wrapped=wrapped, master_key_id=master_key_id)
            self._by_wrapping.put(wrapped, key)
        return key

    # Handles

    def handle_number(
        self,
        tx: Connection,
        *,
        tenant: TenantId,
        conversation_id: ConversationId,
        contact_id: ContactId,
        type: str,
        value: str,
    ) -> int:
        """The n of `<type:n>`, from 1; equal values in one conversation have equal numbers."""
        number = self.numbering(
            tx, tenant=tenant, conversation_id=conversation_id, contact_id=contact_id
        )
        return number(type, value)

    def numbering(
        self,
        tx: Connection,
        *,
        tenant: TenantId,
        conversation_id: ConversationId,
        contact_id: ContactId,
    ) -> Number:
        """`handle_number` for many values, as `mask` takes it; only for this transaction.

        Reads the conversation's handles at the first value, unless `read_handles` has. Whoever may
        have rivals holds the conversation's stream (`Appender.load`), or one of them is refused
        and tried again.
        """
        keys: list[DataKey] = []

        def number(kind: str, value: str) -> int:
            if not keys:
                own = self._writing_keys(tx, [(tenant, contact_id)], self._clock.now())
                keys.append(own[tenant, contact_id])
                self.read_handles(tx, tenant=tenant, conversations=[conversation_id])
            handles: _Handles = transaction_memory(tx)["handles", tenant, conversation_id]
            mac = keys[0].mac(conversation_id, kind, value)
            found = handles.known.get((kind, mac))
            if found is None:
                found = handles.last.get(kind, 0) + 1
                handles.note(kind, mac, found)
                rows = self._rows(self.keeps(tenant))
                rows.insert_handle(tx, tenant, conversation_id, kind=kind, mac=mac, number=found)
            return found

        return number

    def read_handles(
        self, tx: Connection, *, tenant: TenantId, conversations: Iterable[ConversationId]
    ) -> None:
        """Read the handles of several conversations with one query, for the `numbering` of each."""
        memory = transaction_memory(tx)
        missing = [one for one in conversations if ("handles", tenant, one) not in memory]
        if not missing:
            return
        for one in missing:
            memory["handles", tenant, one] = _Handles()
        for row in self._rows(self.keeps(tenant)).handles_of(tx, tenant, missing):
            memory["handles", tenant, row.conversation_id].note(row.type, row.mac, row.number)


@dataclass(slots=True)
class _Handles:
    """Of one conversation, as this transaction knows them. last: highest number by type."""

    known: dict[tuple[str, bytes], int] = field(default_factory=dict)
    last: dict[str, int] = field(default_factory=dict)

    def note(self, kind: str, mac: bytes, number: int) -> None:
        self.known[kind, mac] = number
        self.last[kind] = max(self.last.get(kind, 0), number)
