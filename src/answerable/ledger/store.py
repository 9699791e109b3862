"""Streams, events, the outbox and what was received before, as tables.

All statements are SQLAlchemy Core and mean the same on SQLite and PostgreSQL.
"""

from collections.abc import Callable, Iterable, Mapping, Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection, Row, Select, bindparam

from answerable.kit.database import JsonText, UtcDateTime, lock_until_commit, metadata
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.event import (
    GENESIS,
    Effect,
    Event,
    Lease,
    NewEffect,
    NewEvent,
    chained,
    effect_key,
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
_suspect = sa.text("missing_ends > 0")  # spelled out, so that the index is seen to fit
sa.Index(
    "effect_suspect",
    effect.c.missing_ends,
    effect.c.due_at,
    sqlite_where=_suspect,
    postgresql_where=_suspect,
)
_leased = sa.text("lease_until IS NOT NULL")
sa.Index("effect_leased", effect.c.holder, sqlite_where=_leased, postgresql_where=_leased)

received = sa.Table(
    "received",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("stream", sa.Text, nullable=False),
    sa.Column("seq", sa.Integer, nullable=False),
)


@dataclass(slots=True)
class Head:
    """The end of a stream, as the next event needs it.

    advanced: seq that `advance` has come to. state: the snapshot of there, where it was asked for.
    """

    id: ConversationId
    tenant: TenantId
    seq: int
    hash: str
    advanced: int = 0
    state: Mapping[str, Any] | None = None


@dataclass(frozen=True, slots=True)
class Mark:
    """A place to which an `Appender` can go back."""

    seq: int
    hash: str
    events: int
    effects: int


class Place(NamedTuple):
    """Where an event stands: among all, and in its stream."""

    position: int
    tenant: TenantId
    stream: ConversationId
    seq: int


@dataclass(frozen=True, kw_only=True, slots=True)
class Behind:
    """A stream with events that `advance` has not seen yet."""

    head: Head
    state: Mapping[str, Any] | None
    failures: int
    events: Sequence[Event]


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a process can take on beside what it has under way.

    fresh: effects that never lacked an end. company: suspects that lacked one end, who may run
    beside some others. alone: whether a suspect that lacked more may run, the only suspect then.
    """

    fresh: int
    company: int
    alone: bool


@dataclass(frozen=True, kw_only=True)
class Due:
    """Effects that are due: how many, the newest, and whether one chosen before is among them."""

    count: int = 0
    newest: str | None = None
    chosen_is_due: bool = False


_insert_event = sa.insert(event)
_insert_stream = sa.insert(stream)
_insert_effect = sa.insert(effect)
_insert_received = sa.insert(received)
_move_head = (
    sa.update(stream)
    .where(stream.c.id == bindparam("b_id"))
    .values(head_seq=bindparam("b_seq"), head_hash=bindparam("b_hash"))
)
_move_head_and_state = (
    sa.update(stream)
    .where(stream.c.id == bindparam("b_id"))
    .values(
        head_seq=bindparam("b_seq"), head_hash=bindparam("b_hash"),
        advanced_seq=bindparam("b_advanced"), state=bindparam("b_state"), failures=0, retry_at=None,
    )
)  # fmt: skip
# What is the same for every call is built once: to build it costs more than SQLite takes for it.
_these: sa.BindParameter[Any] = bindparam("these", expanding=True)
_HEADS = (
    sa.select(stream.c.id, stream.c.tenant, stream.c.head_seq, stream.c.head_hash)
    .where(stream.c.id.in_(_these))
    .order_by(stream.c.id)
    .with_for_update()
)
_HEADS_AND_STATES = _HEADS.add_columns(stream.c.advanced_seq, stream.c.state)
_RECEIVED = sa.select(received).where(received.c.key.in_(_these))
_BEHIND = (
    sa.select(stream)
    .where(
        stream.c.id.in_(_these),
        stream.c.kind == "conversation",
        stream.c.advanced_seq < stream.c.head_seq,
    )
    .order_by(stream.c.id)
    .with_for_update()
)
_EVENTS_BEHIND = (
    sa.select(event)
    .join(stream, stream.c.id == event.c.stream)
    .where(event.c.stream.in_(_these), event.c.seq > stream.c.advanced_seq)
    .order_by(event.c.stream, event.c.seq)
)
_FEED_END = 2**63 - 1
_FEED_PLACES = (
    sa.select(event.c.position, event.c.stream, event.c.seq, event.c.kind)
    .where(
        event.c.tenant == bindparam("tenant"),
        event.c.position > bindparam("after"),
        event.c.position <= bindparam("until"),
    )
    .order_by(event.c.position)
    .limit(bindparam("limit"))
)


class Appender:
    """Appends to many streams within one transaction, and writes everything at `flush`.

    Rows are gathered so that a group of messages costs a handful of statements.
    """

    def __init__(self, tx: Connection) -> None:
        self.tx = tx
        self._heads: dict[ConversationId, Head] = {}
        self._moved: set[ConversationId] = set()
        self._states: dict[ConversationId, tuple[int, Mapping[str, Any]]] = {}
        self._streams: list[dict[str, Any]] = []
        self._events: list[Event] = []
        self._effects: list[dict[str, Any]] = []
        self._received: list[dict[str, Any]] = []

    def load(self, ids: Iterable[ConversationId], *, states: bool = False) -> None:
        """Read the heads of streams that will be appended to, in one query (locking on PG)."""
        missing = [i for i in dict.fromkeys(ids) if i not in self._heads]
        if not missing:
            return
        query = _HEADS_AND_STATES if states else _HEADS
        for row in self.tx.execute(query, {"these": missing}):
            self.adopt(Head(*row))

    def adopt(self, head: Head) -> None:
        self._heads[head.id] = head

    def knows(self, stream_id: ConversationId) -> bool:
        return stream_id in self._heads

    def head(self, stream_id: ConversationId) -> Head:
        return self._heads[stream_id]

    @property
    def appended(self) -> Sequence[Event]:
        """All events appended since the last `flush`, of all streams."""
        return self._events

    def open_stream(
        self, stream_id: ConversationId, tenant: TenantId, kind: str = "conversation"
    ) -> None:
        head = Head(stream_id, tenant, 0, GENESIS)
        self._heads[stream_id] = head
        self._streams.append(
            {
                "id": stream_id,
                "tenant": tenant,
                "kind": kind,
                "head_seq": 0,
                "head_hash": GENESIS,
                "advanced_seq": 0,
                "failures": 0,
                "retry_at": None,
                "state": None,
            }
        )

    def append(
        self, stream_id: ConversationId, new: NewEvent, *, at: datetime, cause: int | None = None
    ) -> Event:
        """Chain `new` to the end of its stream. Raises KeyError if the head was not loaded."""
        head = self._heads[stream_id]
        appended = chained(
            tenant=head.tenant,
            stream=stream_id,
            seq=head.seq + 1,
            at=at,
            previous=head.hash,
            new=new,
            cause=cause,
        )
        head.seq, head.hash = appended.seq, appended.hash
        self._moved.add(stream_id)
        self._events.append(appended)
        return appended

    def schedule(
        self,
        cause: Event,
        effects: Sequence[NewEffect],
        *,
        lease: Lease,
        does: Callable[[str], bool],
    ) -> list[Effect]:
        """Put effects into the outbox; those due at once are returned.

        Of these, the kinds that the caller does are leased to it: it will perform them after the
        commit without another write.
        """
        at_once = []
        for ordinal, new in enumerate(effects, start=1):
            leased = not new.after and does(new.kind)
            made = Effect(
                key=effect_key(cause.stream, cause.seq, ordinal),
                tenant=cause.tenant,
                stream=cause.stream,
                seq=cause.seq,
                kind=new.kind,
                payload=new.payload,
                due_at=cause.at + new.after,
            )
            self._effects.append(
                {
                    "key": made.key,
                    "tenant": made.tenant,
                    "stream": made.stream,
                    "seq": made.seq,
                    "kind": made.kind,
                    "payload": made.payload,
                    "due_at": made.due_at,
                    "failures": 0,
                    "missing_ends": 0,
                    "lease_until": lease.until if leased else None,
                    "holder": lease.holder if leased else None,
                    "unanswered_since": None,
                    "last_error": None,
                }
            )
            if not new.after:
                at_once.append(made)
        return at_once

    def remember(self, key: str, appended: Event) -> None:
        """Note that the message with this outside id is this event, so it is never taken twice."""
        self._received.append({"key": key, "stream": appended.stream, "seq": appended.seq})

    def mark(self, stream_id: ConversationId) -> Mark:
        """Where this stream and the gathered rows stand, for `reset`."""
        head = self._heads[stream_id]
        return Mark(head.seq, head.hash, len(self._events), len(self._effects))

    def reset(self, stream_id: ConversationId, mark: Mark) -> None:
        """Forget what was appended to this stream, the last one appended to, since `mark`."""
        head = self._heads[stream_id]
        head.seq, head.hash = mark.seq, mark.hash
        del self._events[mark.events :]
        del self._effects[mark.effects :]

    def save_state(self, stream_id: ConversationId, seq: int, state: Mapping[str, Any]) -> None:
        """Note that `advance` has come to `seq`, and the snapshot of there."""
        self._states[stream_id] = (seq, state)

    def flush(self) -> None:
        """Write everything. Best the last thing that a unit does: others wait for its commit."""
        for statement, rows in (
            (_insert_stream, self._streams),
            (_insert_effect, self._effects),
            (_insert_received, self._received),
            (_move_head, [self._place(i) for i in self._moved if i not in self._states]),
            (
                _move_head_and_state,
                [
                    {**self._place(i), "b_advanced": seq, "b_state": state}
                    for i, (seq, state) in self._states.items()
                ],
            ),
        ):
            if rows:
                self.tx.execute(statement, rows)
        if self._events:
            # Positions of a tenant are committed in their order: a reader of the feed skips none.
            lock_until_commit(self.tx, {f"feed {one.tenant}" for one in self._events})
            self.tx.execute(_insert_event, [_event_row(one) for one in self._events])
        self._moved.clear()
        self._states.clear()
        self._events.clear()
        for rows in (self._streams, self._effects, self._received):
            rows.clear()

    def _place(self, stream_id: ConversationId) -> dict[str, Any]:
        head = self._heads[stream_id]
        return {"b_id": stream_id, "b_seq": head.seq, "b_hash": head.hash}


def _event_row(one: Event) -> dict[str, Any]:
    return {
        "tenant": one.tenant, "stream": one.stream, "seq": one.seq, "kind": one.kind, "at": one.at,
        "actor": one.actor, "cause": one.cause, "data": one.data, "hash": one.hash,
    }  # fmt: skip


def find_received(tx: Connection, keys: Sequence[str]) -> dict[str, tuple[ConversationId, int]]:
    """Which of these outside ids were taken in before, and as which event."""
    rows = tx.execute(_RECEIVED, {"these": keys})
    return {row.key: (ConversationId(row.stream), row.seq) for row in rows}


def find_behind(tx: Connection, ids: Sequence[ConversationId]) -> list[Behind]:
    """Those of `ids` that have events not yet advanced over, each with these events in order.

    Costs by the number of new events, not by the length of the conversation.
    """
    heads = tx.execute(_BEHIND, {"these": ids}).all()
    if not heads:
        return []
    events: dict[str, list[Event]] = {row.id: [] for row in heads}
    for row in tx.execute(_EVENTS_BEHIND, {"these": list(events)}):
        events[row.stream].append(to_event(row))
    return [
        Behind(
            head=Head(row.id, row.tenant, row.head_seq, row.head_hash),
            state=row.state,
            failures=row.failures,
            events=events[row.id],
        )
        for row in heads
    ]


def note_failure(tx: Connection, stream_id: ConversationId, retry_at: datetime) -> None:
    tx.execute(
        sa.update(stream)
        .where(stream.c.id == stream_id)
        .values(failures=stream.c.failures + 1, retry_at=retry_at)
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
    asked = {"tenant": tenant, "after": after, "until": until or _FEED_END, "limit": limit}
    return [FeedPlace(*row) for row in tx.execute(_FEED_PLACES, asked)]


def last_position(tx: Connection, tenant: TenantId) -> int:
    query = sa.select(sa.func.max(event.c.position)).where(event.c.tenant == tenant)
    return tx.execute(query).scalar() or 0


def newest_position(tx: Connection) -> int:
    """The highest position of any tenant; a lower one of another may still commit later."""
    return tx.execute(sa.select(sa.func.max(event.c.position))).scalar() or 0


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


def claim_effects(
    tx: Connection,
    now: datetime,
    lease: Lease,
    room: Room,
    *,
    kinds: Set[str] | None = None,
    but: Set[str] = frozenset(),
) -> list[Effect]:
    """Take due effects that nobody holds, as many of each sort as there is room for.

    kinds: those to take, None for all; but: those to leave.

    Suspects of one missing end go before those of more, who are taken singly, the one with the
    fewest first: deaths that are nobody's fault then strike different ones.
    """
    free = sa.select(effect).where(effect.c.due_at <= now, effect.c.lease_until.is_(None))
    due = _of_kinds(free.with_for_update(skip_locked=True), kinds, but)
    fresh = due.where(effect.c.missing_ends == 0).order_by(effect.c.due_at)
    rows = list(tx.execute(fresh.limit(room.fresh)))
    suspects = due.where(_suspect).order_by(effect.c.missing_ends, effect.c.due_at)
    company = list(tx.execute(suspects.where(effect.c.missing_ends == 1).limit(room.company)))
    if room.alone and not company:
        company = list(tx.execute(suspects.limit(1)))
    rows += company
    _take(tx, rows, lease)
    return [to_effect(row) for row in rows]


def claim_named(
    tx: Connection, keys: Sequence[str], now: datetime, lease: Lease, *, suspects: bool = False
) -> list[Effect]:
    """Take those of these effects that are due and are nobody's.

    suspects: also those that were started without an end; the sweep takes them with care.
    """
    query = sa.select(effect).where(
        effect.c.key.in_(keys), effect.c.due_at <= now, effect.c.lease_until.is_(None)
    )
    if not suspects:
        query = query.where(effect.c.missing_ends == 0)
    rows = tx.execute(query.with_for_update(skip_locked=True)).all()
    _take(tx, rows, lease)
    return [to_effect(row) for row in rows]


def _take(tx: Connection, rows: Sequence[Row[Any]], lease: Lease) -> None:
    if rows:
        tx.execute(
            sa.update(effect)
            .where(effect.c.key.in_([row.key for row in rows]))
            .values(lease_until=lease.until, holder=lease.holder)
        )


def renew_leases(tx: Connection, keys: Sequence[str], lease: Lease) -> None:
    """Effects that their holder still has."""
    tx.execute(
        sa.update(effect)
        .where(effect.c.key.in_(keys), effect.c.holder == lease.holder)
        .values(lease_until=lease.until)
    )


def return_effects(tx: Connection, keys: Sequence[str]) -> None:
    """Give back what was taken and deliberately not ended: no end is missing."""
    tx.execute(
        sa.update(effect).where(effect.c.key.in_(keys)).values(lease_until=None, holder=None)
    )


def other_holders(tx: Connection, now: datetime, holder: str) -> list[str]:
    """Processes besides `holder` that have leases, and any whose lease has run out."""
    query = sa.select(effect.c.holder).where(
        _leased, sa.or_(effect.c.holder != holder, effect.c.lease_until < now)
    )
    return list(tx.scalars(query.distinct()))


def expire_leases(tx: Connection, now: datetime, gone: Sequence[str]) -> None:
    """Free the effects whose holder is gone or let its lease run out: a start has no end."""
    tx.execute(
        sa.update(effect)
        .where(_leased, sa.or_(effect.c.lease_until < now, effect.c.holder.in_(gone)))
        .values(lease_until=None, holder=None, missing_ends=effect.c.missing_ends + 1)
    )


def release_leases(tx: Connection) -> None:
    """As `expire_leases`, of everybody: for a copy of a store, whose processes are elsewhere."""
    tx.execute(
        sa.update(effect)
        .where(_leased)
        .values(lease_until=None, holder=None, missing_ends=effect.c.missing_ends + 1)
    )


def finish_effects(tx: Connection, keys: Sequence[str]) -> set[str]:
    """Remove done effects; returns the keys that were still there (the first outcome wins)."""
    removed = sa.delete(effect).where(effect.c.key.in_(keys)).returning(effect.c.key)
    return set(tx.scalars(removed))


def retry_effect(tx: Connection, key: str, due_at: datetime, error: str) -> None:
    """Put off an effect that failed. It had an end, so it is no suspect any more."""
    tx.execute(
        sa.update(effect)
        .where(effect.c.key == key)
        .values(
            due_at=due_at,
            lease_until=None,
            holder=None,
            last_error=error,
            failures=effect.c.failures + 1,
            missing_ends=0,
        )
    )


def put_off_effect(
    tx: Connection, key: str, due_at: datetime, error: str, *, unanswered_since: datetime
) -> None:
    """Put off an effect that waits for another system; that is no failure of it."""
    tx.execute(
        sa.update(effect)
        .where(effect.c.key == key)
        .values(
            due_at=due_at,
            lease_until=None,
            holder=None,
            last_error=error,
            missing_ends=0,
            unanswered_since=unanswered_since,
        )
    )


def next_due(
    tx: Connection, *, kinds: Set[str] | None = None, but: Set[str] = frozenset()
) -> datetime | None:
    """When the earliest effect falls due that nobody holds. kinds, but: as in `claim_effects`."""
    query = sa.select(sa.func.min(effect.c.due_at)).where(effect.c.lease_until.is_(None))
    return tx.execute(_of_kinds(query, kinds, but)).scalar()


def _of_kinds(query: Select[Any], kinds: Set[str] | None, but: Set[str]) -> Select[Any]:
    if kinds is not None:
        query = query.where(effect.c.kind.in_(sorted(kinds)))
    if but:
        query = query.where(effect.c.kind.not_in(sorted(but)))
    return query


def look_at_due(
    tx: Connection, now: datetime, *, but: Set[str], most: int, chosen: str | None
) -> Due:
    """What of all kinds but these is due now; `most` at most are counted."""
    due = sa.select(effect.c.key).where(effect.c.due_at <= now, effect.c.kind.not_in(sorted(but)))
    count = sa.select(sa.func.count()).select_from(due.limit(most).subquery())
    there = sa.select(effect.c.key).where(effect.c.key == chosen)
    return Due(
        count=int(tx.execute(count).scalar_one()),
        newest=tx.execute(due.order_by(effect.c.due_at.desc()).limit(1)).scalar(),
        chosen_is_due=chosen is not None and tx.execute(there).first() is not None,
    )


def outbox_depths(tx: Connection, now: datetime) -> dict[str, int]:
    """How many effects are due now, by kind."""
    query = (
        sa.select(effect.c.kind, sa.func.count())
        .where(effect.c.due_at <= now)
        .group_by(effect.c.kind)
    )
    return {row[0]: row[1] for row in tx.execute(query)}


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


def to_effect(row: Row[Any]) -> Effect:
    return Effect(
        key=row.key,
        tenant=row.tenant,
        stream=row.stream,
        seq=row.seq,
        kind=row.kind,
        payload=row.payload,
        due_at=row.due_at,
        failures=row.failures,
        missing_ends=row.missing_ends,
        unanswered_since=row.unanswered_since,
    )
