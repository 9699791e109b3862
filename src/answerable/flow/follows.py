"""What may follow from an event, and the pieces that the rules are made of."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from answerable.definition.schema import ServiceDefinition
from answerable.flow.state import ConversationState
from answerable.ledger.event import ASSISTANT, SYSTEM, NewEffect, NewEvent
from answerable.playbooks.action import ActionLibrary
from answerable.playbooks.run import PlaybookRun


@dataclass(frozen=True, kw_only=True, slots=True)
class Follows:
    """What an event leads to. run: the playbook's new place, if it moved (None inside: over).

    aside: the same of the playbook that was put aside.
    """

    events: tuple[NewEvent, ...] = ()
    effects: tuple[NewEffect, ...] = ()
    run: tuple[PlaybookRun | None] | None = None
    aside: tuple[PlaybookRun | None] | None = None


NOTHING = Follows()


def moved(state: ConversationState, follows: Follows) -> ConversationState:
    """The state with its playbooks where they came to."""
    if follows.run is not None:
        state = replace(state, run=follows.run[0])
    if follows.aside is not None:
        state = replace(state, aside=follows.aside[0])
    return state


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Everything `transition` consults besides state and event.

    definition: the one in force for new decisions; of_run: the one a running playbook began under,
    of_aside: and the one put aside.
    """

    definition: ServiceDefinition
    of_run: ServiceDefinition
    of_aside: ServiceDefinition
    actions: ActionLibrary


def reply_from(
    state: ConversationState, rules: Rules, template: str, bound: Mapping[str, Any]
) -> NewEffect:
    language = rules.definition.answers_in(state.language)
    return NewEffect(
        kind="write_reply",
        payload={
            "definition": rules.definition.hash,
            "template": template,
            "language": language,
            "bound": bound,
        },
    )


def closed_by(by: str, resolution: str) -> NewEvent:
    return NewEvent(
        kind="conversation_closed", actor=ASSISTANT if by == "assistant" else SYSTEM,
        data={"by": by, "resolution": resolution},
    )  # fmt: skip
