"""The tables of the ledger: streams, their events, the outbox, and what was received before.

All statements are SQLAlchemy Core and mean the same on SQLite and PostgreSQL.
"""

from typing import Any

import sqlalchemy as sa
from sqlalchemy import Row

from answerable.kit.database import (
    JsonText,
    UtcDateTime,
    metadata,
)
from answerable.ledger.event import (
    Event,
)

stream = sa.Table(
    "stream",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),  # conversation | administration
    sa.Column("head_seq", sa.Integer, nullable=False),
    sa.Column("head_hash", sa.Text, nullable=False),
    sa.Column("advanced_seq", sa.Integer, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),
    sa.Column("retry_at", UtcDateTime),
    sa.Column("state", JsonText),
)

sa.Index(
    "stream_behind",
    stream.c.retry_at,
    sqlite_where=sa.text("kind = 'conversation' AND advanced_seq < head_seq"),
    postgresql_where=sa.text("kind = 'conversation' AND advanced_seq < head_seq"),
)

event = sa.Table(
    "event",
    metadata,
    sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
    sa.Column("actor", sa.Text, nullable=False),
    sa.Column("cause", sa.Integer),
    sa.Column("data", JsonText, nullable=False),
    sa.Column("hash", sa.Text, nullable=False),
    sa.UniqueConstraint("stream", "seq", name="event_stream_seq"),
)

sa.Index("event_feed", event.c.tenant, event.c.position)

effect = sa.Table(
    "effect",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("payload", JsonText, nullable=False),
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("failures", sa.Integer, nullable=False),  # ended by an error
    sa.Column("missing_ends", sa.Integer, nullable=False),  # begun since then, and never ended
    sa.Column("lease_until", UtcDateTime),
    sa.Column("holder", sa.Text),  # the process that has the lease
    sa.Column("unanswered_since", UtcDateTime),  # the other system, that it waits for
    sa.Column("last_error", sa.Text),
)

sa.Index("effect_due", effect.c.due_at)

suspect = sa.text("missing_ends > 0")  # spelled out, so that the index is seen to fit

sa.Index(
    "effect_suspect",
    effect.c.missing_ends,
    effect.c.due_at,
    sqlite_where=suspect,
    postgresql_where=suspect,
)

leased = sa.text("lease_until IS NOT NULL")

sa.Index("effect_leased", effect.c.holder, sqlite_where=leased, postgresql_where=leased)

received = sa.Table(
    "received",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
)


def to_event(row: Row[Any]) -> Event:
    return Event(
        tenant=row.tenant,
        stream=row.stream,
        seq=row.seq,
        kind=row.kind,
        at=row.at,
        actor=row.actor,
        cause=row.cause,
        data=row.data,
        hash=row.hash,
        position=row.position,
    )
