"""The ledger as an auditor sees it: of a data directory whose process has ended, or of a server.

A *store* is named by the data directory (SQLite) or by the database's URL (PostgreSQL).
"""

import io
from collections import Counter
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from answerable.channels.email.store import MailState, raw_mail
from answerable.desk.case_store import mirrored_case
from answerable.desk.inbox_counts import inbox_count
from answerable.desk.summary_store import conversation
from answerable.kit.clock import SystemClock
from answerable.kit.ids import TenantId
from answerable.kit.postgres_connection import postgres_engine
from answerable.kit.sqlite import SqliteDatabase
from answerable.ledger.checkpoint import SigningKey
from answerable.ledger.event import Event
from answerable.ledger.export import seal_everything, write_export
from answerable.ledger.tables import effect, event, stream, to_event
from answerable.ledger.verify import verify
from answerable.processes.case_story import QUIET
from answerable.processes.stored import DATABASE_NAME, opened

BANK = TenantId("northwind-bank")


Store = Path | str


def audit(store: Store, tenant: TenantId = BANK, *, key_file: Path | None = None) -> list[str]:
    """What a verifier of the exported ledger finds wrong, and where what is kept of the inbox is
    not what counting it gives; nothing, if all is well.

    key_file: the signing key; None: where a data directory has it.
    """
    if key_file is None:
        assert isinstance(store, Path)
        key_file = store / "keys" / "signing.key"
    key = SigningKey.load_or_create(key_file)
    at = SystemClock().now()
    _seal(store, tenant, key)
    out = io.BytesIO()
    with opened(_where(store)) as engine, engine.connect() as tx:
        write_export(tx, tenant, key, out, product="tests", at=at)
    out.seek(0)
    return [f"{f.code}: {f.meaning}" for f in verify(out).findings] + miscounted(store, tenant)


def miscounted(store: Store, tenant: TenantId = BANK) -> list[str]:
    """Owners of open conversations of whom another number is kept than there is."""
    own = conversation.c
    real = (
        sa.select(own.owner_kind, own.owner_id, sa.func.count().label("open"))
        .where(own.tenant == tenant, own.status == "open")
        .group_by(own.owner_kind, own.owner_id)
    )
    counted = {(row.owner_kind, row.owner_id): row.open for row in _rows(store, real)}
    kept = {
        (row.owner_kind, row.owner_id): row.open
        for row in _rows(store, sa.select(inbox_count).where(inbox_count.c.tenant == tenant))
    }
    return [
        f"miscounted: {kind} {owner} has {counted.get((kind, owner), 0)}, and {number} are kept"
        for (kind, owner), number in (dict.fromkeys(counted, 0) | kept).items()
        if number != counted.get((kind, owner), 0)
    ]


def _seal(store: Store, tenant: TenantId, key: SigningKey) -> None:
    at = SystemClock().now()
    if isinstance(store, Path):
        database = SqliteDatabase(store / DATABASE_NAME)
        try:
            with database._writer_engine.begin() as tx:
                seal_everything(tx, tenant, key, at=at)
        finally:
            database.close_now()
        return
    engine = postgres_engine(store, connections=1)
    try:
        with engine.begin() as tx:
            tx.exec_driver_sql("SELECT set_config('answerable.tenant', '*', true)")
            seal_everything(tx, tenant, key, at=at)
    finally:
        engine.dispose()


def _where(store: Store) -> Store:
    return store / DATABASE_NAME if isinstance(store, Path) else store


def conversations(store: Store, tenant: TenantId = BANK) -> dict[str, list[Event]]:
    """The events of every conversation, in order."""
    query = (
        sa.select(event)
        .join(stream, stream.c.id == event.c.stream)
        .where(event.c.tenant == tenant, stream.c.kind == "conversation")
        .order_by(event.c.stream, event.c.seq)
    )
    found: dict[str, list[Event]] = {}
    for row in _rows(store, query):
        found.setdefault(row.stream, []).append(to_event(row))
    return found


def kinds(events: list[Event]) -> Counter[str]:
    return Counter(one.kind for one in events)


def outbox(store: Store) -> Counter[str]:
    """Effects that are still to be carried out, by kind."""
    return Counter(row.kind for row in _rows(store, sa.select(effect.c.kind)))


def owners(store: Store, tenant: TenantId = BANK) -> list[tuple[str, Mapping[str, Any], Any]]:
    """Each conversation with its state and its row in the inbox, or None where one lacks it."""
    query = (
        sa.select(stream.c.id, stream.c.state, conversation.c.status, conversation.c.owner_kind,
                  conversation.c.owner_id)
        .join(conversation, conversation.c.id == stream.c.id, isouter=True)
        .where(stream.c.kind == "conversation", stream.c.tenant == tenant)
    )  # fmt: skip
    return [(row.id, row.state or {}, row if row.status else None) for row in _rows(store, query)]


def behind(store: Store) -> int:
    """Conversations with events that were not advanced over."""
    query = sa.select(stream.c.id).where(
        stream.c.kind == "conversation", stream.c.advanced_seq < stream.c.head_seq
    )
    return len(_rows(store, query))


def untold(store: Store) -> int:
    """Conversations of which the CRM was not told everything yet."""
    last = (
        sa.select(event.c.stream, sa.func.max(event.c.seq).label("seq"))
        .join(stream, stream.c.id == event.c.stream)
        .where(stream.c.kind == "conversation", event.c.kind.not_in(sorted(QUIET)))
        .group_by(event.c.stream)
        .subquery()
    )
    own = mirrored_case.c
    query = (
        sa.select(last.c.stream)
        .join(mirrored_case, own.conversation_id == last.c.stream, isouter=True)
        .where(sa.func.coalesce(own.done_seq, 0) < last.c.seq)
    )
    return len(_rows(store, query))


def unread(store: Store) -> int:
    """Raw mails that are stored and not yet taken in."""
    return len(_rows(store, sa.select(raw_mail.c.id).where(raw_mail.c.state == MailState.STORED)))


def _rows(store: Store, query: sa.Select[Any]) -> list[sa.Row[Any]]:
    with opened(_where(store)) as engine, engine.connect() as tx:
        return list(tx.execute(query))
