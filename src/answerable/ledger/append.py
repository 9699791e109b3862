"""Appending to streams: the chain, the state of `advance`, and effects put into the outbox."""

from collections import Counter
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from answerable.kit.database import (
    UtcDateTime,
    after_commit,
    lock_until_commit,
)
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.rows import InsertRows, UpdateRows
from answerable.kit.server_time import NotAfterNow
from answerable.kit.sought_rows import SoughtRows
from answerable.kit.telemetry import EVENTS
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
from answerable.ledger.tables import effect, event, received, stream, to_event


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


@dataclass(frozen=True, kw_only=True, slots=True)
class Behind:
    """A stream with events that `advance` has not seen yet."""

    head: Head
    state: Mapping[str, Any] | None
    failures: int
    events: Sequence[Event]


_insert_events = InsertRows(
    event, ("tenant", "stream", "seq", "kind", "at", "actor", "cause", "data", "hash")
)

_insert_streams = InsertRows(
    stream,
    (
        "id",
        "tenant",
        "kind",
        "head_seq",
        "head_hash",
        "advanced_seq",
        "failures",
        "retry_at",
        "state",
    ),
)

# What is due at once is so for everybody, also if the clock of who wrote it was fast.
_insert_effect = sa.insert(effect).values(
    due_at=NotAfterNow(bindparam("b_due_at", type_=UtcDateTime), bindparam("b_at_once"))
)

_insert_received = InsertRows(received, ("key", "stream", "seq"))

_move_heads = UpdateRows(stream, "id", ("head_seq", "head_hash"))

_move_heads_and_states = UpdateRows(
    stream, "id", ("head_seq", "head_hash", "advanced_seq", "state"),
    also="failures = 0, retry_at = NULL",
)  # fmt: skip

_heads = (
    sa.select(stream.c.id, stream.c.tenant, stream.c.head_seq, stream.c.head_hash)
    .order_by(stream.c.id)
    .with_for_update()
)

_HEADS = SoughtRows(_heads, stream.c.id)

_HEADS_AND_STATES = SoughtRows(
    _heads.add_columns(stream.c.advanced_seq, stream.c.state), stream.c.id
)

_RECEIVED = SoughtRows(sa.select(received), received.c.key)

_BEHIND = SoughtRows(
    sa.select(stream)
    .where(stream.c.kind == "conversation", stream.c.advanced_seq < stream.c.head_seq)
    .order_by(stream.c.id)
    .with_for_update(),
    stream.c.id,
)

_EVENTS_BEHIND = SoughtRows(
    sa.select(event)
    .join(stream, stream.c.id == event.c.stream)
    .where(event.c.seq > stream.c.advanced_seq)
    .order_by(event.c.stream, event.c.seq),
    event.c.stream,
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
        heads = _HEADS_AND_STATES if states else _HEADS
        for row in heads.read(self.tx, missing):
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
        takes: Callable[[str], bool],
    ) -> list[Effect]:
        """Put effects into the outbox; those due at once are returned.

        Of these, what the caller takes is leased to it: it will perform them after the commit
        without another write. takes: asked once for each, in order.
        """
        at_once = []
        for ordinal, new in enumerate(effects, start=1):
            leased = not new.after and takes(new.kind)
            made = Effect(
                key=effect_key(cause.stream, cause.seq, ordinal),
                tenant=cause.tenant,
                stream=cause.stream,
                seq=cause.seq,
                kind=new.kind,
                payload=new.payload,
                due_at=cause.at + new.after,
                leased=leased,
            )
            self._effects.append(
                {
                    "key": made.key,
                    "tenant": made.tenant,
                    "stream": made.stream,
                    "seq": made.seq,
                    "kind": made.kind,
                    "payload": made.payload,
                    "b_due_at": made.due_at,
                    "b_at_once": None if new.after else 0,
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
        _insert_streams.write(self.tx, self._streams)
        if self._effects:
            self.tx.execute(_insert_effect, self._effects)
        _insert_received.write(self.tx, self._received)
        moved = [self._place(i) for i in self._moved if i not in self._states]
        _move_heads.write(self.tx, moved)
        advanced = [
            {**self._place(i), "advanced_seq": seq, "state": state}
            for i, (seq, state) in self._states.items()
        ]
        _move_heads_and_states.write(self.tx, advanced)
        if self._events:
            # Positions of a tenant are committed in their order: a reader of the feed skips none.
            lock_until_commit(self.tx, {f"feed {one.tenant}" for one in self._events})
            _insert_events.write(self.tx, [_event_row(one) for one in self._events])
            kinds = Counter(one.kind for one in self._events)
            after_commit(self.tx, lambda: _count(kinds))
        self._moved.clear()
        self._states.clear()
        self._events.clear()
        for rows in (self._streams, self._effects, self._received):
            rows.clear()

    def _place(self, stream_id: ConversationId) -> dict[str, Any]:
        head = self._heads[stream_id]
        return {"id": stream_id, "head_seq": head.seq, "head_hash": head.hash}


def _count(kinds: Counter[str]) -> None:
    for kind, number in kinds.items():
        EVENTS.labels(kind).inc(number)


def _event_row(one: Event) -> dict[str, Any]:
    return {
        "tenant": one.tenant, "stream": one.stream, "seq": one.seq, "kind": one.kind, "at": one.at,
        "actor": one.actor, "cause": one.cause, "data": one.data, "hash": one.hash,
    }  # fmt: skip


def find_received(tx: Connection, keys: Sequence[str]) -> dict[str, tuple[ConversationId, int]]:
    """Which of these outside ids were taken in before, and as which event."""
    rows = _RECEIVED.read(tx, keys)
    return {row.key: (ConversationId(row.stream), row.seq) for row in rows}


def find_behind(tx: Connection, ids: Sequence[ConversationId]) -> list[Behind]:
    """Those of `ids` that have events not yet advanced over, each with these events in order.

    Costs by the number of new events, not by the length of the conversation.
    """
    heads = _BEHIND.read(tx, ids)
    if not heads:
        return []
    events: dict[str, list[Event]] = {row.id: [] for row in heads}
    for row in _EVENTS_BEHIND.read(tx, list(events)):
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
