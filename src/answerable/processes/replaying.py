"""Replay: every consequence in the ledger is worked out again and compared, byte for byte.

What came from outside (no cause) is taken as it is stored. What followed by rule (a cause) is
worked out again by `evolve` and `transition`, as `flow.advance` did it, under the definition that
was in force then. Nothing is written.
"""

import json
from collections.abc import Iterable, Iterator, Sequence
from dataclasses import dataclass, field, replace
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from answerable.flow.follows import Follows, Rules, moved
from answerable.flow.state import ConversationState, evolve
from answerable.flow.transition import transition
from answerable.kit.canonical import canonical_text
from answerable.kit.errors import AnswerableError, NotFound
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.event import Event, NewEvent, effect_key
from answerable.ledger.tables import event as events
from answerable.ledger.tables import stream, to_event
from answerable.playbooks.action import ActionLibrary
from answerable.processes.stored import StoredDefinitions

PAGE = 100  # conversations read in one snapshot, so that a live database is not held up
MOST_KEPT = 1000  # differences told one by one; the rest is counted
# Reasons of hand-offs that no rule of a definition led to: `flow.advance`, `processes.restore`.
INTERRUPTIONS = frozenset({"internal_error", "restored"})


@dataclass(frozen=True, kw_only=True)
class StoredEvent:
    """An event as it stands in the database. text: its data, in the bytes that were hashed."""

    event: Event
    text: str


@dataclass(frozen=True, kw_only=True)
class StoredConversation:
    """advanced_seq: up to here the consequences have been drawn."""

    id: ConversationId
    advanced_seq: int
    events: Sequence[StoredEvent]


@dataclass(frozen=True, kw_only=True)
class Difference:
    """Where the ledger and the rules disagree. seq: of the stored event, or of the one that would
    have to be followed by another; stored and now: {"kind","actor","data","cause"} or None."""

    conversation: ConversationId
    seq: int
    what: str
    stored: dict[str, Any] | None = None
    now: dict[str, Any] | None = None


@dataclass(kw_only=True)
class Replayed:
    """What a replay found. interrupted: conversations that an error or a restore gave to people."""

    tenant: TenantId
    conversations: int = 0
    events: int = 0
    decisions: int = 0
    interrupted: int = 0
    differences: int = 0
    told: list[Difference] = field(default_factory=list)

    def add(self, difference: Difference) -> None:
        self.differences += 1
        if len(self.told) < MOST_KEPT:
            self.told.append(difference)


def replay(
    engine: Engine, tenant: TenantId, definitions: StoredDefinitions, actions: ActionLibrary
) -> Replayed:
    """Replay all conversations of a tenant; time grows with the number of events."""
    result = Replayed(tenant=tenant)
    for conversation in stored_conversations(engine, tenant):
        run = ConversationReplay(conversation, definitions, actions)
        for difference in run.differences():
            result.add(difference)
        result.conversations += 1
        result.events += len(conversation.events)
        result.decisions += sum(1 for e in conversation.events if e.event.kind == "decided")
        result.interrupted += run.interrupted
    return result


def stored_conversations(engine: Engine, tenant: TenantId) -> Iterator[StoredConversation]:
    """Every conversation of a tenant in the order of ids, each as of one moment."""
    after = ""
    while True:
        with engine.begin() as tx:
            page = _page(tx, tenant, after)
        yield from page
        if len(page) < PAGE:
            return
        after = page[-1].id


def _page(tx: Connection, tenant: TenantId, after: str) -> list[StoredConversation]:
    heads = tx.execute(
        sa.select(stream.c.id, stream.c.advanced_seq)
        .where(stream.c.id > after, stream.c.tenant == tenant, stream.c.kind == "conversation")
        .order_by(stream.c.id)
        .limit(PAGE)
    ).all()
    of: dict[str, list[StoredEvent]] = {row.id: [] for row in heads}
    raw = sa.type_coerce(events.c.data, sa.Text).label("data")
    query = (
        sa.select(*(column for column in events.c if column.name != "data"), raw)
        .where(events.c.stream.in_(list(of)))
        .order_by(events.c.stream, events.c.seq)
    )
    found: Iterable[sa.Row[Any]] = tx.execute(query)
    for row in found:
        read = replace(to_event(row), data=json.loads(row.data))
        of[row.stream].append(StoredEvent(event=read, text=row.data))
    return [
        StoredConversation(
            id=ConversationId(row.id), advanced_seq=row.advanced_seq, events=of[row.id]
        )
        for row in heads
    ]


class ConversationReplay:
    """One conversation, worked out again. Iterate `differences` once."""

    def __init__(
        self,
        conversation: StoredConversation,
        definitions: StoredDefinitions,
        actions: ActionLibrary,
    ) -> None:
        self._conversation = conversation
        self._definitions = definitions
        self._actions = actions
        self._derived: dict[int, list[StoredEvent]] = {}
        self._named: dict[int, str] = {}  # by seq of the outside event that began it all
        self._used: dict[int, str] = {}
        self._effects: set[str] = set()
        self._left_out = _interrupted(conversation)
        self.interrupted = bool(self._left_out)
        self._arrange()

    def differences(self) -> Iterator[Difference]:
        yield from self._wrong_order()
        state = ConversationState()
        for stored in self._conversation.events:
            event = stored.event
            try:
                state = evolve(state, event)
                if event.seq > self._conversation.advanced_seq:
                    continue
                follows = self._follow(state, event)
            except Exception as error:
                # Any error of the rules is a finding: replay goes on with the next event.
                if event.seq not in self._left_out:
                    yield self._failed(event, error)
                continue
            for ordinal in range(1, len(follows.effects) + 1):
                self._effects.add(effect_key(event.stream, event.seq, ordinal))
            if event.seq in self._left_out:
                continue
            state = moved(state, follows)
            yield from self._compared(event, follows.events)

    def points(self) -> Iterator[tuple[ConversationState, Event, Rules, list[Event]]]:
        """Each followed event with its state, the rules then, and what is stored to follow it."""
        state = ConversationState()
        for stored in self._conversation.events:
            event = stored.event
            state = evolve(state, event)
            if event.seq > self._conversation.advanced_seq or event.seq in self._left_out:
                continue
            follows = self._follow(state, event)
            rules = self._rules(state, self._used[event.seq])
            yield state, event, rules, [s.event for s in self._derived.get(event.seq, ())]
            state = moved(state, follows)

    def _arrange(self) -> None:
        """Consequences by cause; and the definition that a chain of them names."""
        root: dict[int, int] = {}
        for stored in self._conversation.events:
            event = stored.event
            if event.cause is None:
                root[event.seq] = event.seq
                continue
            self._derived.setdefault(event.cause, []).append(stored)
            root[event.seq] = root.get(event.cause, event.cause)
            named = _named_definition(event)
            if named is not None:
                self._named.setdefault(root[event.seq], named)

    def _wrong_order(self) -> Iterator[Difference]:
        """Consequences are drawn in the order of their causes."""
        latest = 0
        for stored in self._conversation.events:
            cause = stored.event.cause
            if cause is None:
                continue
            if cause < latest or cause >= stored.event.seq:
                yield self._difference(stored.event.seq, "out of order", stored.event, None)
            latest = max(latest, cause)

    def _follow(self, state: ConversationState, event: Event) -> Follows:
        """What follows under the definition of that time."""
        derived = self._derived.get(event.seq, [])
        first: Follows | None = None
        for digest in self._candidates(event, derived):
            self._used[event.seq] = digest
            follows = transition(state, event, self._rules(state, digest))
            if first is None:
                first = follows
            if len(follows.events) == len(derived):
                return follows
        assert first is not None
        return first

    def _candidates(self, event: Event, derived: Sequence[StoredEvent]) -> list[str]:
        """Hashes of the definitions that may have been in force, the likeliest first."""
        if event.cause is not None and event.cause in self._used:
            return [self._used[event.cause]]  # drawn in the same transaction
        if event.seq in self._named:
            return [self._named[event.seq]]
        if derived:
            return [self._definitions.at(derived[0].event.position)]
        # Nothing followed, so nothing tells when that was decided: at once, or after a restart.
        now = self._definitions.at(event.position)
        return list(dict.fromkeys([now, *self._definitions.after(event.position)]))

    def _rules(self, state: ConversationState, digest: str) -> Rules:
        definition = self._definition(digest)
        of_run = self._definition(state.run.definition) if state.run else definition
        of_aside = self._definition(state.aside.definition) if state.aside else definition
        return Rules(definition=definition, of_run=of_run, of_aside=of_aside, actions=self._actions)

    def _definition(self, digest: str) -> Any:
        try:
            return self._definitions.known[digest]
        except KeyError:
            raise NotFound(
                "unknown_definition", f"the definition {digest[:12]} is not stored here"
            ) from None

    def _compared(self, event: Event, now: Sequence[NewEvent]) -> Iterator[Difference]:
        outcome_of = event.data.get("effect")
        if event.cause is None and outcome_of is not None and outcome_of not in self._effects:
            yield self._difference(event.seq, "outcome of nothing that was to be done", event, None)
        stored = self._derived.get(event.seq, [])
        for index in range(max(len(stored), len(now))):
            was = stored[index] if index < len(stored) else None
            new = now[index] if index < len(now) else None
            if was is not None and new is not None and _same(was, new):
                continue
            what = "changed" if was and new else "would be missing" if was else "would be added"
            seq = was.event.seq if was else event.seq
            yield self._difference(seq, what, was.event if was else None, new, event.seq)

    def _failed(self, event: Event, error: Exception) -> Difference:
        told = error.message if isinstance(error, AnswerableError) else type(error).__name__
        return self._difference(event.seq, f"cannot be worked out: {told}", event, None)

    def _difference(
        self, seq: int, what: str, was: Event | None, new: NewEvent | None, cause: int | None = None
    ) -> Difference:
        return Difference(
            conversation=self._conversation.id,
            seq=seq,
            what=what,
            stored=None if was is None else _record(was, was.cause),
            now=None if new is None else _record(new, cause),
        )


def _interrupted(conversation: StoredConversation) -> set[int]:
    """Events whose consequences were not drawn by rule, because an error or a restore gave the
    conversation to people: those from outside just before that hand-off, and all that it wrote."""
    left_out: set[int] = set()
    all_events = [stored.event for stored in conversation.events]
    for event in all_events:
        if not _is_interruption(event):
            continue
        assert event.cause is not None
        left_out |= {e.seq for e in all_events if e.cause == event.cause}
        seq = event.cause
        while seq > 0 and all_events[seq - 1].cause is None:
            left_out.add(seq)
            seq -= 1
    return left_out


def _is_interruption(event: Event) -> bool:
    if event.kind != "handed_off" or event.actor != "system" or event.cause is None:
        return False
    reasons = event.data.get("reasons") or [{}]
    return reasons[0].get("rule") in INTERRUPTIONS


def _named_definition(event: Event) -> str | None:
    if event.kind == "decided":
        named = event.data.get("definition")
        return None if named is None else str(named)
    if event.kind == "playbook_started":
        return str(event.data["run"]["definition"])  # it begins under the one in force
    return None


def _same(stored: StoredEvent, new: NewEvent) -> bool:
    event = stored.event
    return (event.kind, event.actor, stored.text) == (new.kind, new.actor, canonical_text(new.data))


def _record(event: Event | NewEvent, cause: int | None) -> dict[str, Any]:
    return {"kind": event.kind, "actor": event.actor, "cause": cause, "data": dict(event.data)}
