"""What another definition would have decided, had it been in force: before it goes live.

At every point of the ledger where a decision was or might have been taken, the same state and the
same event are put to `transition` under the other definition. Each point is asked by itself: what
a different answer would have led to later is not imagined.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field, replace
from typing import Any

from sqlalchemy import Engine

from answerable.definition.schema import ServiceDefinition
from answerable.flow.follows import Rules
from answerable.flow.state import ConversationState
from answerable.flow.transition import transition
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.event import Event
from answerable.playbooks.action import ActionLibrary
from answerable.processes.replaying import ConversationReplay, stored_conversations
from answerable.processes.stored import StoredDefinitions

SHOWN = ("decision", "playbook", "team", "priority", "template", "why")
POINTS = frozenset({"understood", "contact_known", "playbook_ended"})


@dataclass(frozen=True, kw_only=True)
class Changed:
    """A decision that would be another. seq: of the event that was decided on; before and after:
    decision, playbook, team, priority; None where nothing is decided.

    loses_sensitive: a hand-off because of a sensitive matter would not happen.
    """

    conversation: ConversationId
    seq: int
    before: Mapping[str, Any] | None
    after: Mapping[str, Any] | None
    loses_sensitive: bool = False


@dataclass(kw_only=True)
class Comparison:
    tenant: TenantId
    conversations: int = 0
    decisions: int = 0
    unanswerable: int = 0  # points at which the rules failed: `replay` without --against says why
    changed: list[Changed] = field(default_factory=list)

    @property
    def lost_sensitive(self) -> int:
        return sum(1 for change in self.changed if change.loses_sensitive)

    def moves(self) -> list[tuple[str, str, int]]:
        """(decision before, decision after, how often), the most frequent first."""
        counted = Counter((_kind(c.before), _kind(c.after)) for c in self.changed)
        return [(before, after, n) for (before, after), n in counted.most_common()]


def compare(
    engine: Engine,
    tenant: TenantId,
    definitions: StoredDefinitions,
    other: ServiceDefinition,
    actions: ActionLibrary,
) -> Comparison:
    """Ask `other` at every point of decision of all stored conversations."""
    result = Comparison(tenant=tenant)
    for conversation in stored_conversations(engine, tenant):
        result.conversations += 1
        points = ConversationReplay(conversation, definitions, actions).points()
        try:
            for change, asked in _asked(points, other):
                result.decisions += asked
                if change is not None:
                    result.changed.append(change)
        except Exception:
            # A conversation that does not replay cannot be compared either; it is counted.
            result.unanswerable += 1
    return result


def _asked(
    points: Iterator[tuple[ConversationState, Event, Rules, list[Event]]],
    other: ServiceDefinition,
) -> Iterator[tuple[Changed | None, int]]:
    for state, event, rules, stored in points:
        if event.kind not in POINTS:
            continue
        before = _decision(e.data for e in stored if e.kind == "decided")
        changed_rules = replace(rules, definition=other)
        follows = transition(state, event, changed_rules)
        after = _decision(e.data for e in follows.events if e.kind == "decided")
        asked = int(before is not None or after is not None)
        if _shown(before) == _shown(after):
            yield None, asked
            continue
        change = Changed(
            conversation=event.stream,
            seq=event.seq,
            before=_shown(before),
            after=_shown(after),
            loses_sensitive=_is_sensitive(before) and _kind(after) != "hand_off",
        )
        yield change, asked


def _decision(decided: Iterator[Mapping[str, Any]]) -> Mapping[str, Any] | None:
    return next(decided, None)


def _shown(data: Mapping[str, Any] | None) -> dict[str, Any] | None:
    if data is None:
        return None
    return {name: data[name] for name in SHOWN if data.get(name) is not None}


def _is_sensitive(data: Mapping[str, Any] | None) -> bool:
    if data is None or data["decision"] != "hand_off":
        return False
    return any(reason.get("rule") == "sensitive" for reason in data["reasons"])


def _kind(data: Mapping[str, Any] | None) -> str:
    return "none" if data is None else str(data["decision"])
