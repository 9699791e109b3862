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
    return _opened(tx, vault, tenant, records_of(tx, tenant, contacts))


def keep_records(
    tx: Connection, vault: Vault, tenant: TenantId, found: Mapping[ContactId, Record]
) -> None:
    """Put away what is new of it; what it replaces is overwritten. Safe to repeat. Of one who was
    erased meanwhile nothing is kept."""
    new = _other_than(tx, vault, tenant, records_of(tx, tenant, list(found)), found)
    if not new:
        return
    # Another conversation of theirs may have brought the same, and an erasure be under way. Their
    # keys first, then they, as an erasure does it.
    vault.ready_keys(tx, [(tenant, one) for one in new], revives=False)
    before = records_of(tx, tenant, list(new), held=True)
    new = _other_than(tx, vault, tenant, before, new)
    entries = [
        VaultEntry(
            tenant=tenant, contact_id=one, conversation_id=NO_CONVERSATION, value=as_data(record)
        )
        for one, record in new.items()
    ]
    references = vault.put_many(tx, entries)
    note_records(tx, {one: ref.id for one, ref in zip(new, references, strict=True)})
    vault.remove(tx, tenant=tenant, ids=[ref for one in new if (ref := before[one])])


def _other_than(
    tx: Connection,
    vault: Vault,
    tenant: TenantId,
    before: Mapping[ContactId, str | None],
    found: Mapping[ContactId, Record],
) -> dict[ContactId, Record]:
    """What of it is not kept yet. before: the references of those who are not erased."""
    known = _opened(tx, vault, tenant, before)
    return {
        one: record
        for one, record in found.items()
        if one in before and known.get(one, Record()) != record
    }


def _opened(
    tx: Connection, vault: Vault, tenant: TenantId, kept: Mapping[ContactId, str | None]
) -> dict[ContactId, Record]:
    references = {one: ref for one, ref in kept.items() if ref}
    if not references:
        return {}
    values = vault.get_many(tx, tenant=tenant, ids=references.values())
    found = {one: values.get(ref) for one, ref in references.items()}
    return {
        one: record_of(value)
        for one, value in found.items()
        if value is not None and not isinstance(value, Erased)
    }
