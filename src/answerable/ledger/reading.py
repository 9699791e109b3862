"""Reading what was appended: a stream, and the feed of a tenant's events."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Row, bindparam

from answerable.kit.database import is_of
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.sought_rows import WholeRows
from answerable.ledger.event import Event
from answerable.ledger.tables import event, stream, to_event


class Place(NamedTuple):
    """Where an event stands: among all, and in its stream."""

    position: int
    tenant: TenantId
    stream: ConversationId
    seq: int


_FEED_END = 2**63 - 1

_FEED_PLACES = WholeRows(
    sa.select(event.c.position, event.c.stream, event.c.seq, event.c.kind)
    .where(
        event.c.tenant == bindparam("tenant"),
        event.c.position > bindparam("after"),
        event.c.position <= bindparam("until"),
    )
    .order_by(event.c.position)
    .limit(bindparam("limit"))
)


def streams_behind(tx: Connection, now: datetime, limit: int) -> list[ConversationId]:
    """Streams with work that may be tried now: what a lost hint or a crash left behind."""
    query = (
        sa.select(stream.c.id)
        .where(
            stream.c.kind == "conversation",
            stream.c.advanced_seq < stream.c.head_seq,
            sa.or_(stream.c.retry_at.is_(None), stream.c.retry_at <= now),
        )
        .limit(limit)
    )
    return [ConversationId(row.id) for row in tx.execute(query)]


def read_state(tx: Connection, stream_id: ConversationId) -> Row[Any] | None:
    """tenant, head_seq, advanced_seq and state of a stream."""
    return tx.execute(sa.select(stream).where(stream.c.id == stream_id)).first()


def read_events_at(
    tx: Connection, tenant: TenantId, places: Collection[tuple[str, int]]
) -> list[Event]:
    """The events of a tenant at these (stream, seq); those that are there, in no order."""
    # Asked for as pairs, SQLite would read the whole ledger.
    query = sa.select(event).where(
        event.c.stream.in_(sorted({stream_id for stream_id, _ in places})),
        event.c.seq.in_(sorted({seq for _, seq in places})),
        is_of(tenant, event.c.tenant),
    )
    found = map(to_event, tx.execute(query)) if places else ()
    return [one for one in found if (one.stream, one.seq) in places]


def read_events(
    tx: Connection, stream_id: ConversationId, *, after: int = 0, limit: int = 500
) -> list[Event]:
    """Events of one stream with seq > after, in order, at most `limit`."""
    query = (
        sa.select(event)
        .where(event.c.stream == stream_id, event.c.seq > after)
        .order_by(event.c.seq)
        .limit(limit)
    )
    return [to_event(row) for row in tx.execute(query)]


def read_feed(
    tx: Connection, tenant: TenantId, *, after: int, limit: int = 500, until: int | None = None
) -> list[Event]:
    """All events of a tenant in commit order, with position > after (and <= until)."""
    query = (
        sa.select(event)
        .where(event.c.tenant == tenant, event.c.position > after)
        .order_by(event.c.position)
        .limit(limit)
    )
    if until is not None:
        query = query.where(event.c.position <= until)
    return [to_event(row) for row in tx.execute(query)]


@dataclass(frozen=True, slots=True)
class FeedPlace:
    """An event in a tenant's feed, without what it says."""

    position: int
    stream: ConversationId
    seq: int
    kind: str


def read_feed_places(
    tx: Connection, tenant: TenantId, *, after: int, limit: int = 500, until: int | None = None
) -> list[FeedPlace]:
    """Where the events are that `read_feed` reads."""
    until = until or _FEED_END
    rows = _FEED_PLACES.read(tx, tenant=tenant, after=after, until=until, limit=limit)
    return [FeedPlace(*row) for row in rows]


def last_position(tx: Connection, tenant: TenantId) -> int:
    query = sa.select(sa.func.max(event.c.position)).where(event.c.tenant == tenant)
    return tx.execute(query).scalar() or 0


def newest_position(tx: Connection) -> int:
    """The highest position of any tenant; a lower one of another may still commit later."""
    return tx.execute(sa.select(sa.func.max(event.c.position))).scalar() or 0


def tenants_since(tx: Connection, position: int) -> set[TenantId]:
    """Those who have an event with a higher position."""
    # In the order of the positions, or SQLite would look through every tenant's events.
    new = (
        sa.select(event.c.tenant)
        .where(event.c.position > position)
        .order_by(event.c.position)
        .limit(_FEED_END)
        .subquery()
    )
    return {TenantId(tenant) for tenant in tx.scalars(sa.select(new.c.tenant).distinct())}


def read_places(tx: Connection, *, after: int, also: Sequence[int] = (), limit: int) -> list[Place]:
    """Where the events of all tenants stand, by position, at most `limit`.

    also: positions up to `after` to look for besides.
    """
    beyond = event.c.position > after
    query = (
        sa.select(event.c.position, event.c.tenant, event.c.stream, event.c.seq)
        .where(sa.or_(beyond, event.c.position.in_(also)) if also else beyond)
        .order_by(event.c.position)
        .limit(limit)
    )
    return [Place(*row) for row in tx.execute(query)]
