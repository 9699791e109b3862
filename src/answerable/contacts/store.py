"""Contacts and their addresses, found by keyed hash; and which mails belong to which conversation.

No address or name stands in these tables: the profile is a vault value, the address a HMAC.
"""

import hmac
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import UtcDateTime, metadata
from answerable.kit.ids import ContactId, ConversationId, TenantId

contact = sa.Table(
    "contact",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("profile_ref", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("erased_at", UtcDateTime),
)

contact_address = sa.Table(
    "contact_address",
    metadata,
    sa.Column("lookup", sa.Text, primary_key=True),
    sa.Column("contact_id", sa.Text, nullable=False, index=True),
)

mail_reference = sa.Table(
    "mail_reference",
    metadata,
    sa.Column("lookup", sa.Text, primary_key=True),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
    sa.Column("reply_seq", sa.Integer),  # set for mails of ours: a bounce names them
)

_KNOWN = (
    sa.select(contact_address.c.lookup, contact.c.id, contact.c.profile_ref)
    .join(contact, contact.c.id == contact_address.c.contact_id)
    .where(
        contact_address.c.lookup.in_(sa.bindparam("lookups", expanding=True)),
        contact.c.erased_at.is_(None),
    )
)


@dataclass(frozen=True, kw_only=True)
class KnownContact:
    id: ContactId
    profile_ref: str


class Lookup:
    """Keyed hashes of addresses and Message-IDs, so that the tables alone reveal neither.

    key: 32 bytes, derived from the master key; changing it forgets all addresses.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def address(self, tenant: TenantId, kind: str, address: str) -> str:
        return self._digest("address", tenant, kind, address)

    def mail(self, tenant: TenantId, message_id: str) -> str:
        return self._digest("mail", tenant, message_id)

    def external(self, tenant: TenantId, inbox: str, external_id: str) -> str:
        return self._digest("external", tenant, inbox, external_id)

    def _digest(self, *parts: str) -> str:
        return hmac.digest(self._key, "\x00".join(parts).encode(), "sha256").hex()[:40]


def find_contacts(tx: Connection, lookups: Sequence[str]) -> dict[str, KnownContact]:
    """The contacts behind these address lookups; erased ones are not found."""
    return {
        row.lookup: KnownContact(id=ContactId(row.id), profile_ref=row.profile_ref)
        for row in tx.execute(_KNOWN, {"lookups": lookups})
    }


def get_contact(tx: Connection, tenant: TenantId, contact_id: ContactId) -> KnownContact | None:
    row = tx.execute(
        sa.select(contact).where(contact.c.id == contact_id, contact.c.tenant == tenant)
    ).first()
    return None if row is None else KnownContact(id=contact_id, profile_ref=row.profile_ref)


def add_contact(
    tx: Connection, tenant: TenantId, contact_id: ContactId, *, profile_ref: str, at: datetime
) -> None:
    tx.execute(
        sa.insert(contact).values(
            id=contact_id, tenant=tenant, profile_ref=profile_ref, created_at=at, erased_at=None
        )
    )


def add_address(tx: Connection, lookup: str, contact_id: ContactId) -> None:
    """Bind an address to a contact. An address that is already bound stays where it is."""
    known = tx.execute(sa.select(contact_address).where(contact_address.c.lookup == lookup)).first()
    if known is None:
        tx.execute(sa.insert(contact_address).values(lookup=lookup, contact_id=contact_id))


def forget_contact(
    tx: Connection, tenant: TenantId, contact_id: ContactId, *, at: datetime
) -> None:
    """Remove the ways to find a contact; the vault's `erase` removes what is known of them."""
    tx.execute(sa.delete(contact_address).where(contact_address.c.contact_id == contact_id))
    tx.execute(
        sa.update(contact)
        .where(contact.c.id == contact_id, contact.c.tenant == tenant)
        .values(erased_at=at)
    )


def find_mail_references(
    tx: Connection, lookups: Sequence[str]
) -> dict[str, tuple[ConversationId, int | None]]:
    """lookup -> (conversation, seq of our reply or None) for the Message-IDs we have seen."""
    rows = tx.execute(sa.select(mail_reference).where(mail_reference.c.lookup.in_(lookups)))
    return {row.lookup: (ConversationId(row.conversation_id), row.reply_seq) for row in rows}


def add_mail_reference(
    tx: Connection, lookup: str, conversation_id: ConversationId, *, reply_seq: int | None = None
) -> None:
    known = tx.execute(sa.select(mail_reference).where(mail_reference.c.lookup == lookup)).first()
    if known is None:
        tx.execute(
            sa.insert(mail_reference).values(
                lookup=lookup, conversation_id=conversation_id, reply_seq=reply_seq
            )
        )
