"""Keeping the search index: what was said becomes findable a moment after it was said."""

from collections.abc import Mapping, Sequence

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.contacts.store import Lookup
from answerable.desk.search_store import Said, add_words, lock_search
from answerable.desk.search_words import hashes_of_text
from answerable.desk.summary_store import conversation
from answerable.kit.database import Database
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import SEARCH_BEHIND
from answerable.ledger.event import Event
from answerable.privacy.store import still_there
from answerable.privacy.vault import Erased, Vault
from answerable.processes.following import Consumer

_SAID = ("message_received", "reply_written")
_SHARE = 0.1  # of a processor, however much is said: who writes and reads comes first


def search_index(database: Database, vault: Vault, lookup: Lookup) -> Consumer:
    """What makes messages findable."""

    async def take(tenant: TenantId, events: Sequence[Event]) -> int:
        said = {str(one.data["text"]["ref"]): one for one in events if one.kind in _SAID}
        if said and vault.keeps(tenant):
            words = await database.read(
                lambda tx: _words(tx, vault, lookup, tenant, said), tenant=tenant
            )
            await database.write(lambda tx: _add(tx, tenant, said, words), tenant=tenant)
        elif said:  # by its contact it can be found, by what was said nowhere but in the CRM
            await database.write(lambda tx: _add_wordless(tx, tenant, said), tenant=tenant)
        return len(events)

    return Consumer(name="search", take=take, behind=SEARCH_BEHIND, at_once=False, share=_SHARE)


def _words(
    tx: Connection, vault: Vault, lookup: Lookup, tenant: TenantId, said: Mapping[str, Event]
) -> dict[str, set[int]]:
    """By reference, the words of what is not erased."""
    streams = {one.stream for one in said.values()}
    query = sa.select(conversation.c.id, conversation.c.language).where(
        conversation.c.id.in_(streams)
    )
    languages = {row.id: row.language for row in tx.execute(query)}
    return {
        ref: hashes_of_text(lookup, tenant, _text(value), languages.get(said[ref].stream))
        for ref, value in vault.get_many(tx, tenant=tenant, ids=list(said)).items()
        if not isinstance(value, Erased)
    }


def _text(value: Mapping[str, object]) -> str:
    """All that people see of a message, masked."""
    names = value.get("attachments")
    parts = [value.get("subject"), value.get("text"), *(names if isinstance(names, list) else ())]
    return "\n".join(str(part) for part in parts if part)


def _add(
    tx: Connection, tenant: TenantId, said: Mapping[str, Event], words: Mapping[str, set[int]]
) -> None:
    # An erasure may have come since they were read; from here on it waits until they are in.
    lock_search(tx, tenant)
    living = still_there(tx, tenant, words)
    add_words(
        tx,
        tenant,
        [
            Said(conversation=said[ref].stream, seq=said[ref].seq, words=words[ref])
            for ref in words
            if ref in living
        ],
    )


def _add_wordless(tx: Connection, tenant: TenantId, said: Mapping[str, Event]) -> None:
    lock_search(tx, tenant)
    found = [Said(conversation=one.stream, seq=one.seq, words=set()) for one in said.values()]
    add_words(tx, tenant, found)
