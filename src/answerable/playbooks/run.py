"""A playbook under way: data that fits in a conversation's state."""

from collections.abc import Mapping
from dataclasses import asdict, dataclass, field, replace
from datetime import datetime, timedelta
from typing import Any

from answerable.definition.schema import ServiceDefinition
from answerable.definition.terms import Proof
from answerable.ledger.event import NewEffect, NewEvent
from answerable.playbooks.change import Change

PAGE = "page"


@dataclass(frozen=True, kw_only=True, slots=True)
class Waiting:
    """What a step waits for.

    kind: "outcome" of the effect `key`; "answer" of the contact for `slot` (the timer `key` ends
    the wait); "time": the timer `key`; "page": what the contact does on a page, "approval": what an
    agent decides (the timer `key` ends either wait).
    attempts: questions asked so far for this slot.
    """

    kind: str
    key: str
    slot: str = ""
    attempts: int = 0


@dataclass(frozen=True, kw_only=True, slots=True)
class PlaybookRun:
    """Where a playbook stands.

    definition: hash of the definition it began under, and to whose end it is carried out.
    step: index of the step that is next or under way.
    facts: by name, what lookups found that is not personal; conditions may use it.
    values: by name, the vault reference of what they found that is personal.
    slots: by name, {"type", "handle", "ref"} of what the contact told for a step.
    entities: the same by type: what the messages held that the playbook is about.
    said: whether the contact was told or asked anything so far.
    beside: whether people have had the conversation from its first step on: it gives it to nobody.
    """

    playbook: str
    definition: str
    intent: str
    step: int = 0
    facts: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    values: Mapping[str, str] = field(default_factory=dict)
    slots: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    entities: Mapping[str, Mapping[str, Any]] = field(default_factory=dict)
    said: bool = False
    beside: bool = False
    waiting: Waiting | None = None

    def as_data(self) -> dict[str, Any]:
        data = asdict(self)
        if not self.beside:
            del data["beside"]  # most are not, and ledgers from before have no word for it
        return data

    @classmethod
    def from_data(cls, data: Mapping[str, Any]) -> "PlaybookRun":
        waiting = data["waiting"]
        return cls(**{**data, "waiting": Waiting(**waiting) if waiting else None})

    def next_step(self) -> "PlaybookRun":
        return replace(self, step=self.step + 1, waiting=None)

    def bound(self) -> dict[str, Any]:
        """References for filling templates and calling connectors: no personal value inside."""
        return {
            "facts": {name: dict(facts) for name, facts in self.facts.items()},
            "values": dict(self.values),
            "slots": {name: dict(slot) for name, slot in self.slots.items()},
        }


def entities_told(understood: Mapping[str, Any]) -> dict[str, dict[str, Any]]:
    """What a message held, by type, from the data of its `understood` event."""
    return {
        told["type"]: {**told, "ref": understood["entities_ref"], "of": understood["of"]}
        for told in understood.get("entities", ())
    }


@dataclass(frozen=True, kw_only=True)
class StepContext:
    """What an action may look at, besides the run itself.

    at: of the event that brought us here. proof: the contact's, here and now; approved: whether an
    agent has consented to what the run is about. change: the one under way in the conversation.
    may_speak: not where a person has the conversation; then replies are theirs.
    """

    definition: ServiceDefinition
    proof: Proof
    language: str
    variables: Mapping[str, Any]
    at: datetime
    approved: bool = False
    change: Change | None = None
    may_speak: bool = True


@dataclass(frozen=True, kw_only=True)
class Proceed:
    """The step is done; go on with the next one."""

    run: PlaybookRun
    events: tuple[NewEvent, ...] = ()


@dataclass(frozen=True, kw_only=True)
class Block:
    """The step waits. effects[waits_on] is the effect whose outcome or timer ends the wait."""

    run: PlaybookRun
    kind: str
    effects: tuple[NewEffect, ...]
    waits_on: int = 0
    slot: str = ""
    attempts: int = 0
    events: tuple[NewEvent, ...] = ()


@dataclass(frozen=True, kw_only=True)
class End:
    """The playbook is over. hand_off: (team or None for the intent's own, reason), if to people.

    events, effects: what belongs to the end besides.
    """

    outcome: str
    hand_off: tuple[str | None, str] | None = None
    set_aside: str | None = None
    close: bool = False
    events: tuple[NewEvent, ...] = ()
    effects: tuple[NewEffect, ...] = ()


StepOutcome = Proceed | Block | End

DEFAULT_TIMEOUT = timedelta(hours=24)
DEFAULT_ATTEMPTS = 3
