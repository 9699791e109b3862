"""Advance: new events of conversations are followed to their consequences, in one transaction.

For each conversation: its state, each new event in order, what `transition` says follows, and so
on until nothing does. Then state, events, effects and summary are written at once.

Whoever appends an event draws what follows from it in the same transaction (`conclude`). Where
that fails, or is another process's work, the conversation is left behind for `advance_many`.
"""

import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from answerable.definition.schema import ServiceDefinition
from answerable.definition.terms import PHONE_COUNTRIES, Treatment
from answerable.desk.approval_store import note_approvals
from answerable.desk.inbox_counts import count_changes
from answerable.desk.summary_store import (
    PRIORITIES,
    Summary,
    SummaryChange,
    write_summaries,
)
from answerable.flow.definitions import Definitions
from answerable.flow.follows import Follows, Rules, moved
from answerable.flow.hand_off import fallback_team
from answerable.flow.message import News
from answerable.flow.state import ConversationState, evolve
from answerable.flow.transition import transition
from answerable.flow.trend import trend
from answerable.flow.work import Work
from answerable.kit.database import after_commit, sent_together
from answerable.kit.errors import NotFound
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.telemetry import get_logger
from answerable.ledger.append import Appender, Behind, Head, find_behind, note_failure
from answerable.ledger.event import Effect, Event, NewEvent
from answerable.playbooks.action import ActionLibrary
from answerable.playbooks.run import PlaybookRun
from answerable.privacy.mask import DEFAULT_POLICY, policy_with

log = get_logger("flow")

MOST_EVENTS = 1000  # that one message may lead to; more is a circle in a definition
MOST_FAILURES = 5
RETRY_AFTER = timedelta(seconds=5)


@dataclass(kw_only=True, slots=True, eq=False)
class Changes:
    """What one transaction did to conversations, to be passed on after its commit.

    news: for those who follow the conversations.
    effects: due now; those that this process does are leased to it.
    behind: conversations with events from which nothing has been drawn yet.
    told: set once somebody has passed this on, which is to be done once.
    """

    news: tuple[News, ...]
    effects: tuple[Effect, ...]
    behind: tuple[ConversationId, ...]
    told: bool = False


@dataclass
class _Followed:
    """What followed from new events; all but the summaries is in the appender, to be flushed.

    failed: conversations that are as they were, because a rule raised.
    """

    summaries: list[SummaryChange] = field(default_factory=list)
    effects: list[Effect] = field(default_factory=list)
    failed: list[Behind] = field(default_factory=list)


class Advancer:
    """untold: what was committed and not passed on yet. Those who wait for a transaction pass it
    on; what stays here longer than a moment belongs to callers who have gone away meanwhile.
    room: how many effects more this process takes on as they arise.
    """

    def __init__(
        self,
        definitions: Definitions,
        actions: ActionLibrary,
        now: Callable[[], datetime],
        work: Work,
    ) -> None:
        self.work = work
        self.untold: set[Changes] = set()
        self.room: Callable[[], float] = lambda: math.inf
        self._definitions = definitions
        self._actions = actions
        self._now = now

    def treatments(self, tenant: TenantId) -> Mapping[str, Treatment]:
        """What the tenant's definition does with each type of personal data; the usual without."""
        try:
            return policy_with(self._definitions.active(tenant).privacy)
        except NotFound:
            return DEFAULT_POLICY

    def phone_countries(self, tenant: TenantId) -> Sequence[str]:
        """Those of the tenant's definition; the usual without."""
        try:
            return self._definitions.active(tenant).phone_countries
        except NotFound:
            return PHONE_COUNTRIES

    def conclude(
        self,
        appender: Appender,
        *,
        opened: Collection[Summary] = (),
        texts: Mapping[str, Mapping[str, Any]] | None = None,
        always: bool = False,
    ) -> Changes:
        """Append what follows from what was appended, if it is for this process, and write it all.

        The appender has loaded the states too. opened: the first summaries of streams that it has
        opened. texts: values that were put into the vault on the way, by reference. always: also
        where advancing is left to other processes.
        """
        new = _by_conversation(appender.appended)
        heads = [appender.head(one) for one in new] if always or self.work.advances else []
        behind = [
            Behind(head=head, state=head.state, failures=0, events=new[head.id])
            for head in heads
            # Whoever was behind before is left to `advance_many`, which reads what is missing here.
            if head.advanced + 1 == new[head.id][0].seq
        ]
        followed = self._follow(appender, behind)
        current = {change.summary.id for change in followed.summaries}
        return self._write(
            appender, followed, opened=opened, texts=texts or {},
            behind=tuple(one for one in new if one not in current),
        )  # fmt: skip

    def advance_many(self, tx: Connection, ids: Sequence[ConversationId]) -> Changes:
        """Bring these conversations up to date. One that fails holds up no other."""
        return self._advance(tx, ids, gives_up=True)

    def catch_up(self, tx: Connection, conversation: ConversationId) -> Changes:
        """The same for one, before something is appended that the past must not come after: what
        still follows from a message must not undo what an agent does now. If it fails, it stays as
        it is, for `advance_many`."""
        return self._advance(tx, [conversation], gives_up=False)

    def _advance(self, tx: Connection, ids: Sequence[ConversationId], *, gives_up: bool) -> Changes:
        behind = find_behind(tx, list(dict.fromkeys(ids)))
        appender = Appender(tx)
        for conversation in behind:
            appender.adopt(conversation.head)
        followed = self._follow(appender, behind)
        for conversation in followed.failed if gives_up else ():
            self._give_up_or_retry(tx, appender, conversation, followed)
        return self._write(
            appender, followed, before=[event for one in behind for event in one.events]
        )

    def _write(
        self,
        appender: Appender,
        followed: _Followed,
        *,
        before: Sequence[Event] = (),
        opened: Collection[Summary] = (),
        texts: Mapping[str, Mapping[str, Any]] | None = None,
        behind: tuple[ConversationId, ...] = (),
    ) -> Changes:
        """before: events from which this follows, appended by others. The rest as `conclude`."""
        news = _by_conversation([*before, *appender.appended])
        first = {summary.id: summary for summary in opened}
        changed = []
        for change in followed.summaries:
            if change.summary.id in first:
                first[change.summary.id] = change.summary
            else:
                changed.append(change)
        note_approvals(appender.tx, appender.appended)
        _write_inbox(appender, new=list(first.values()), changed=changed)
        changes = Changes(
            news=tuple(
                News(tenant=of[0].tenant, conversation=one, events=tuple(of), texts=texts or {})
                for one, of in news.items()
            ),
            effects=tuple(followed.effects),
            behind=behind,
        )
        after_commit(appender.tx, lambda: self.untold.add(changes))
        return changes

    def hand_over(self, tx: Connection, conversation: ConversationId) -> bool:
        """Give up on a conversation that nobody could advance; False if somebody has."""
        appender, followed = Appender(tx), _Followed()
        for behind in find_behind(tx, [conversation]):
            appender.adopt(behind.head)
            self._hand_over(appender, behind, followed)
        _write_inbox(appender, new=[], changed=followed.summaries)
        return bool(followed.summaries)

    def _follow(self, appender: Appender, behind: Sequence[Behind]) -> _Followed:
        """Append what follows from new events, whose heads the appender knows."""
        followed = _Followed()
        for conversation in behind:
            mark = appender.mark(conversation.head.id)
            try:
                self._advance_one(appender, conversation, followed)
            except Exception:
                log.exception("advance_failed", conversation_id=conversation.head.id)
                appender.reset(conversation.head.id, mark)
                followed.failed.append(conversation)
        return followed

    def _advance_one(self, appender: Appender, behind: Behind, followed: _Followed) -> None:
        before = state = ConversationState.from_data(behind.state)
        effects: list[Effect] = []
        queue = deque(behind.events)
        last = behind.events[-1]
        for _ in range(MOST_EVENTS):
            if not queue:
                break
            event = queue.popleft()
            state = evolve(state, event)
            follows = transition(state, event, self._rules(appender.tx, state, event))
            state = moved(state, follows)
            taken = len(followed.effects) + len(effects)
            effects += self._append(appender, event, follows, queue, taken)
            last = queue[-1] if queue else event
        if queue:
            raise RuntimeError(f"one message led to more than {MOST_EVENTS} events")
        appender.save_state(behind.head.id, last.seq, state.as_data())
        followed.effects += effects
        followed.summaries.append(_changed(behind.head, before, state, last.seq))

    def _append(
        self,
        appender: Appender,
        event: Event,
        follows: Follows,
        queue: deque[Event],
        taken: int,
    ) -> list[Effect]:
        """taken: effects of this transaction so far. What is too much for this process while
        others do the same work is left to whoever has room."""
        for new in follows.events:
            # The consequence has the time of its cause: nothing here depends on when we ran.
            queue.append(appender.append(event.stream, new, at=event.at, cause=event.seq))
        return appender.schedule(
            event,
            follows.effects,
            lease=self.work.lease(self._now()),
            takes=lambda kind: self.work.does(kind) and self.room() > taken,
        )

    def _rules(self, tx: Connection, state: ConversationState, event: Event) -> Rules:
        definition = self._definitions.active(event.tenant)

        def begun_under(run: PlaybookRun | None) -> ServiceDefinition:
            if run is None or run.definition == definition.hash:
                return definition
            return self._definitions.by_hash(tx, event.tenant, run.definition)

        return Rules(
            definition=definition, of_run=begun_under(state.run),
            of_aside=begun_under(state.aside), actions=self._actions,
        )  # fmt: skip

    def _give_up_or_retry(
        self, tx: Connection, appender: Appender, behind: Behind, followed: _Followed
    ) -> None:
        """Try again later; after the last try, the conversation becomes work for a person."""
        if behind.failures + 1 < MOST_FAILURES:
            note_failure(tx, behind.head.id, self._now() + RETRY_AFTER * 2**behind.failures)
            return
        self._hand_over(appender, behind, followed)

    def _hand_over(self, appender: Appender, behind: Behind, followed: _Followed) -> None:
        """The conversation as it is becomes work for a person."""
        before = state = ConversationState.from_data(behind.state)
        for event in behind.events:
            state = evolve(state, event)
        team = fallback_team(self._definitions.active(behind.head.tenant))
        last = behind.events[-1]
        why = "Answerable could not work on this conversation; its operator has the error"
        handed = NewEvent(
            kind="handed_off",
            data={
                "team": team, "priority": "high", "why": why,
                "reasons": [{"rule": "internal_error", "text": why}],
            },
        )  # fmt: skip
        event = appender.append(behind.head.id, handed, at=last.at, cause=last.seq)
        state = evolve(state, event)
        appender.save_state(behind.head.id, event.seq, state.as_data())
        followed.summaries.append(_changed(behind.head, before, state, event.seq))


def _by_conversation(events: Iterable[Event]) -> dict[ConversationId, list[Event]]:
    gathered: dict[ConversationId, list[Event]] = {}
    for event in events:
        gathered.setdefault(event.stream, []).append(event)
    return gathered


def _write_inbox(
    appender: Appender, *, new: Sequence[Summary], changed: Sequence[SummaryChange]
) -> None:
    with sent_together(appender.tx):
        write_summaries(appender.tx, new=new, changed=[change.summary for change in changed])
        appender.flush()
    count_changes(appender.tx, new=new, changed=changed)


def _changed(
    head: Head, before: ConversationState, state: ConversationState, seq: int
) -> SummaryChange:
    # A conversation that nothing has advanced over yet stands in the inbox as the assistant's.
    had = (before.owner.kind, before.owner.id) if before.status == "open" else None
    return SummaryChange(summary=summarise(head.id, head.tenant, state, seq), before=had)


def summarise(
    conversation: ConversationId, tenant: TenantId, state: ConversationState, head_seq: int
) -> Summary:
    """The inbox row of a conversation."""
    assert state.opened_at is not None
    assert state.updated_at is not None
    return Summary(
        id=conversation, tenant=tenant, contact_id=state.contact, inbox=state.inbox,
        channel=state.channel, proof=state.proof.value, status=state.status,
        priority=PRIORITIES.index(state.priority), owner_kind=state.owner.kind,
        owner_id=state.owner.id, intent=state.intent, confidence=state.confidence,
        decision=state.decision, team=state.team, language=state.language,
        sentiment=state.sentiment, trend=trend(state.moods) if state.moods else None,
        sketch=state.sketch or None,
        opened_at=state.opened_at, updated_at=state.updated_at,
        waiting_since=state.waiting_since, first_response_due=state.first_response_due,
        closed_at=state.closed_at, head_seq=head_seq, subject_ref=state.subject_ref,
        last_ref=state.last_ref, last_author=state.last_author,
    )  # fmt: skip
