"""Contacts and their addresses, found by keyed hash; and which mails belong to which conversation.

No address or name stands in these tables: the profile is a vault value, the address a HMAC.
"""

import hmac
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import UtcDateTime, is_of, metadata
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.kit.rows import InsertRows
from answerable.kit.sought_rows import SoughtRows

contact = sa.Table(
    "contact",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("profile_ref", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("erased_at", UtcDateTime),
    sa.Column("person", sa.Text),  # keyed hash of the id that the back office knows them by
    sa.Column("record_ref", sa.Text),  # what the back office has of them, to be masked
)
sa.Index("contact_by_person", contact.c.tenant, contact.c.person)

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

_PROFILES = SoughtRows(
    sa.select(contact.c.id, contact.c.profile_ref).where(
        is_of(sa.bindparam("tenant"), contact.c.tenant)
    ),
    contact.c.id,
)
_NOTE_PERSON = (
    sa.update(contact)
    .where(contact.c.id == sa.bindparam("b_id"), contact.c.erased_at.is_(None))
    .values(person=sa.bindparam("b_person"))
)
_REPLACE_PROFILE = (
    sa.update(contact)
    .where(contact.c.id == sa.bindparam("b_id"), contact.c.erased_at.is_(None))
    .values(profile_ref=sa.bindparam("b_ref"))
)
_records = sa.select(contact.c.id, contact.c.record_ref).where(
    is_of(sa.bindparam("tenant"), contact.c.tenant), contact.c.erased_at.is_(None)
)
_RECORDS = SoughtRows(_records, contact.c.id)
_RECORDS_HELD = SoughtRows(_records.order_by(contact.c.id).with_for_update(), contact.c.id)
_NOTE_RECORD = (
    sa.update(contact)
    .where(contact.c.id == sa.bindparam("b_id"), contact.c.erased_at.is_(None))
    .values(record_ref=sa.bindparam("b_ref"))
)
_BOUND = sa.select(contact_address.c.lookup).where(
    contact_address.c.lookup.in_(sa.bindparam("lookups", expanding=True))
)
_MAILS = SoughtRows(sa.select(mail_reference), mail_reference.c.lookup)
# In the order of their lookups, so that two processes that add the same ones do not wait for each
# other.
_ADD_MAILS = InsertRows(
    mail_reference, ("lookup", "conversation_id", "reply_seq"), unless_there=True
)
_KNOWN = SoughtRows(
    sa.select(contact_address.c.lookup, contact.c.id, contact.c.profile_ref)
    .join(contact, contact.c.id == contact_address.c.contact_id)
    .where(contact.c.erased_at.is_(None)),
    contact_address.c.lookup,
)


@dataclass(frozen=True, kw_only=True)
class KnownContact:
    id: ContactId
    profile_ref: str


@dataclass(frozen=True, kw_only=True)
class NewContact:
    """lookup: of the address. profile_ref: what the vault has of them."""

    id: ContactId
    tenant: TenantId
    profile_ref: str
    lookup: str
    at: datetime


class Lookup:
    """Keyed hashes of addresses, Message-IDs and words, so that the tables alone reveal none.

    key: 32 bytes, derived from the master key; changing it forgets all of them.
    """

    def __init__(self, key: bytes) -> None:
        self._key = key

    def address(self, tenant: TenantId, kind: str, address: str) -> str:
        return self._digest("address", tenant, kind, address)

    def person(self, tenant: TenantId, source: str, customer: str) -> str:
        """Of whom a system knows by this id, whatever address they write from."""
        return self._digest("person", tenant, source, customer)

    def phone(self, tenant: TenantId, number: str) -> str:
        """Of a number, or of how it begins."""
        return self._digest("phone", tenant, number)

    def mailbox(self, tenant: TenantId, address: str) -> str:
        """Of the mail address that the back office has of a customer."""
        return self._digest("mailbox", tenant, address.casefold())

    def word(self, tenant: TenantId, stem: str) -> int:
        """Of a word of their messages, as a number of 63 bits."""
        return int(self._digest("word", tenant, stem)[:16], 16) >> 1

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
        for row in _KNOWN.read(tx, lookups)
    }


def get_contact(tx: Connection, tenant: TenantId, contact_id: ContactId) -> KnownContact | None:
    row = tx.execute(
        sa.select(contact).where(contact.c.id == contact_id, contact.c.tenant == tenant)
    ).first()
    return None if row is None else KnownContact(id=contact_id, profile_ref=row.profile_ref)


def profiles_of(
    tx: Connection, tenant: TenantId, contacts: Sequence[ContactId]
) -> dict[ContactId, str]:
    """The vault's references to the profiles of these; of who is gone there is nothing in it."""
    rows = _PROFILES.read(tx, contacts, tenant=tenant)
    return {ContactId(row.id): row.profile_ref for row in rows}


def replace_profiles(tx: Connection, profiles: Mapping[ContactId, str]) -> None:
    """Of contacts whose profile is gone, the reference of the new one."""
    if profiles:
        rows = [{"b_id": one, "b_ref": ref} for one, ref in sorted(profiles.items())]
        tx.execute(_REPLACE_PROFILE, rows)


def records_of(
    tx: Connection, tenant: TenantId, contacts: Sequence[ContactId], *, held: bool = False
) -> dict[ContactId, str | None]:
    """The vault's references to what the back office has of these, None where it said nothing;
    who was erased is missing. held: nobody else changes them before this transaction ends."""
    rows = (_RECORDS_HELD if held else _RECORDS).read(tx, contacts, tenant=tenant)
    return {ContactId(row.id): row.record_ref for row in rows}


def note_records(tx: Connection, records: Mapping[ContactId, str]) -> None:
    """The references of new ones; of one who was erased nothing is noted."""
    if records:
        rows = [{"b_id": one, "b_ref": ref} for one, ref in sorted(records.items())]
        tx.execute(_NOTE_RECORD, rows)


def add_contacts(tx: Connection, contacts: Sequence[NewContact]) -> None:
    """An address that is already bound stays where it is."""
    if not contacts:
        return
    tx.execute(
        sa.insert(contact),
        [
            {"id": one.id, "tenant": one.tenant, "profile_ref": one.profile_ref,
             "created_at": one.at, "erased_at": None, "person": None, "record_ref": None}
            for one in contacts
        ],
    )  # fmt: skip
    bound = set(tx.scalars(_BOUND, {"lookups": [one.lookup for one in contacts]}))
    free = [one for one in contacts if one.lookup not in bound]
    if free:
        rows = [{"lookup": one.lookup, "contact_id": one.id} for one in free]
        tx.execute(sa.insert(contact_address), rows)


def forget_contact(
    tx: Connection, tenant: TenantId, contact_id: ContactId, *, at: datetime
) -> None:
    """Remove the ways to find a contact; the vault's `erase` removes what is known of them."""
    tx.execute(sa.delete(contact_address).where(contact_address.c.contact_id == contact_id))
    tx.execute(
        sa.update(contact)
        .where(contact.c.id == contact_id, contact.c.tenant == tenant)
        .values(erased_at=at, person=None, record_ref=None)
    )


def note_persons(tx: Connection, persons: Mapping[ContactId, str]) -> None:
    """Who the back office says these contacts are; of one who was erased nothing is noted."""
    if persons:
        rows = [{"b_id": one, "b_person": person} for one, person in persons.items()]
        tx.execute(_NOTE_PERSON, rows)


def lookups_of(
    lookup: Lookup, tenant: TenantId, name: str, systems: Iterable[str]
) -> tuple[list[str], list[str]]:
    """Addresses and persons for `contacts_known_as`. name: as people write it: a mail address, or
    a customer's id, which may be that of any of these systems."""
    if "@" in name:
        return [lookup.address(tenant, "email", name.lower())], []
    persons = [lookup.person(tenant, system, name) for system in systems]
    return [lookup.address(tenant, "customer", name)], persons


def contacts_known_as(
    tx: Connection, tenant: TenantId, *, addresses: Sequence[str], persons: Sequence[str]
) -> set[ContactId]:
    """Whom one of these lookups names, and whom the back office knows as the same people."""
    named = [one.id for one in find_contacts(tx, addresses).values()]
    known = contact.c.person.in_(persons), contact.c.tenant == tenant
    found = set(tx.scalars(sa.select(contact.c.id).where(*known)))
    for one in named:
        found |= set(tx.scalars(same_person(tenant, one)))
    return {ContactId(one) for one in found}


def same_person(tenant: TenantId, contact_id: ContactId) -> sa.CompoundSelect[tuple[str]]:
    """This contact, and those that the back office knows as the same person; their ids. Of another
    tenant's contact none."""
    this, other = contact.alias("this"), contact.alias("other")
    others = (
        sa.select(other.c.id)
        .join(this, sa.and_(this.c.tenant == other.c.tenant, this.c.person == other.c.person))
        .where(this.c.id == contact_id, this.c.tenant == tenant)
    )
    itself = sa.select(contact.c.id).where(contact.c.id == contact_id, contact.c.tenant == tenant)
    # One list of ids: with an OR beside it, PostgreSQL would look through the whole inbox.
    return sa.union(itself, others)


def find_mail_references(
    tx: Connection, lookups: Sequence[str]
) -> dict[str, tuple[ConversationId, int | None]]:
    """lookup -> (conversation, seq of our reply or None) for the Message-IDs we have seen."""
    rows = _MAILS.read(tx, lookups)
    return {row.lookup: (ConversationId(row.conversation_id), row.reply_seq) for row in rows}


def add_mail_references(
    tx: Connection, mails: Mapping[str, tuple[ConversationId, int | None]]
) -> None:
    """The same the other way; a Message-ID that was seen before stays where it is."""
    rows = [
        {"lookup": lookup, "conversation_id": conversation, "reply_seq": reply}
        for lookup, (conversation, reply) in sorted(mails.items())
    ]
    _ADD_MAILS.write(tx, rows)
