"""The ledger of a stopped process, as an auditor sees it."""

import io
from collections import Counter
from pathlib import Path

import sqlalchemy as sa

from answerable.channels.email.store import MailState, raw_mail
from answerable.kit.clock import SystemClock
from answerable.kit.ids import TenantId
from answerable.kit.sqlite import SqliteDatabase
from answerable.ledger.checkpoint import SigningKey
from answerable.ledger.event import Event
from answerable.ledger.export import seal_everything, write_export
from answerable.ledger.store import effect, event, stream, to_event
from answerable.ledger.verify import verify

BANK = TenantId("northwind-bank")


def audit(data: Path, tenant: TenantId = BANK) -> list[str]:
    """What a verifier of the exported ledger finds wrong; nothing, if all is well."""
    database = SqliteDatabase(data / "answerable.db")
    try:
        key = SigningKey.load_or_create(data / "keys" / "signing.key")
        at = SystemClock().now()
        out = io.BytesIO()
        with database._writer_engine.begin() as tx:
            seal_everything(tx, tenant, key, at=at)
        with database._reader_engine.connect() as tx:
            write_export(tx, tenant, key, out, product="tests", at=at)
    finally:
        database.close_now()
    out.seek(0)
    return [f"{f.code}: {f.meaning}" for f in verify(out).findings]


def conversations(data: Path, tenant: TenantId = BANK) -> dict[str, list[Event]]:
    """The events of every conversation, in order."""
    query = (
        sa.select(event)
        .join(stream, stream.c.id == event.c.stream)
        .where(event.c.tenant == tenant, stream.c.kind == "conversation")
        .order_by(event.c.stream, event.c.seq)
    )
    found: dict[str, list[Event]] = {}
    for row in _rows(data, query):
        found.setdefault(row.stream, []).append(to_event(row))
    return found


def kinds(events: list[Event]) -> Counter[str]:
    return Counter(one.kind for one in events)


def outbox(data: Path) -> Counter[str]:
    """Effects that are still to be carried out, by kind."""
    return Counter(row.kind for row in _rows(data, sa.select(effect.c.kind)))


def behind(data: Path) -> int:
    """Conversations with events that were not advanced over."""
    query = sa.select(stream.c.id).where(
        stream.c.kind == "conversation", stream.c.advanced_seq < stream.c.head_seq
    )
    return len(_rows(data, query))


def unread(data: Path) -> int:
    """Raw mails that are stored and not yet taken in."""
    return len(_rows(data, sa.select(raw_mail.c.id).where(raw_mail.c.state == MailState.STORED)))


def _rows(data: Path, query: sa.Select[tuple[object, ...]]) -> list[sa.Row[tuple[object, ...]]]:
    engine = sa.create_engine(f"sqlite:///{data / 'answerable.db'}")
    try:
        with engine.connect() as tx:
            return list(tx.execute(query))
    finally:
        engine.dispose()
