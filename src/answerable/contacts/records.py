"""What the back office has of contacts, kept under their key, to be masked in what they write."""

from collections.abc import Mapping, Sequence

from sqlalchemy import Connection

from answerable.contacts.book import NO_CONVERSATION
from answerable.contacts.store import note_records, records_of
from answerable.kit.ids import ContactId, TenantId
from answerable.privacy.record import Record, as_data, record_of
from answerable.privacy.sealing import VaultEntry
from answerable.privacy.vault import Erased, Vault


def read_records(
    tx: Connection, vault: Vault, tenant: TenantId, contacts: Sequence[ContactId]
) -> dict[ContactId, Record]:
    """Of those of whom something is known, with two queries at most."""
    references = {one: ref for one, ref in records_of(tx, tenant, contacts).items() if ref}
    if not references:
        return {}
    values = vault.get_many(tx, tenant=tenant, ids=references.values())
    found = {one: values.get(ref) for one, ref in references.items()}
    return {
        one: record_of(value)
        for one, value in found.items()
        if value is not None and not isinstance(value, Erased)
    }


def keep_records(
    tx: Connection, vault: Vault, tenant: TenantId, found: Mapping[ContactId, Record]
) -> None:
    """Put away what is new of it; what it replaces is overwritten. Safe to repeat. Of one who was
    erased meanwhile nothing is kept."""
    before = records_of(tx, tenant, list(found))
    known = read_records(tx, vault, tenant, list(before))
    new = {
        one: record
        for one, record in found.items()
        if one in before and known.get(one, Record()) != record
    }
    entries = [
        VaultEntry(
            tenant=tenant, contact_id=one, conversation_id=NO_CONVERSATION, value=as_data(record)
        )
        for one, record in new.items()
    ]
    references = vault.put_many(tx, entries)
    note_records(tx, {one: ref.id for one, ref in zip(new, references, strict=True)})
    vault.remove(tx, tenant=tenant, ids=[ref for one in new if (ref := before[one])])
