"""Whether what is offered to a contact whose matter goes to people only ever protects them."""

from collections.abc import Iterator

from answerable.definition.actions import ActionCatalogue
from answerable.definition.changes import CHANGES
from answerable.definition.check_playbooks import error
from answerable.definition.problem import Finding
from answerable.definition.schema import Playbook, ServiceDefinition, Step

_PROTECTIVE = ", ".join(name for name, kind in CHANGES.items() if kind.protects)


def check_offers(definition: ServiceDefinition, actions: ActionCatalogue) -> Iterator[Finding]:
    for playbook in definition.playbooks.values():
        if playbook.with_hand_off:
            yield from _check_offer(playbook, definition, actions)


def _check_offer(
    playbook: Playbook, definition: ServiceDefinition, actions: ActionCatalogue
) -> Iterator[Finding]:
    """Of a playbook with `withHandOff`: people have the conversation from its first step on."""
    key = (*playbook.where, "withHandOff")
    if playbook.require_human:
        yield error(key, "withHandOff offers something beside the people who answer, and "
                         "requireHuman offers nothing: keep one")  # fmt: skip
    if playbook.on_missing_proof:
        yield error(
            (*playbook.where, "onMissingProof"),
            "who has not proven enough is told of the hand-off, and offered nothing: remove it",
        )
    for name in playbook.intents:
        intent = definition.intents[name]
        if intent.sensitive not in (None, "fraud"):
            yield error(key, f"{name} is sensitive ({intent.sensitive}): nothing is offered with "
                             "it, so remove this playbook")  # fmt: skip
        elif intent.sensitive is None and intent.require_human is not True:
            yield error(key, f"{name} is not always handed to people: remove withHandOff, or write "
                             "requireHuman: true in the intent")  # fmt: skip
    for at, step in enumerate(playbook.workflow):
        yield from _check_step(step, at, actions)


def _check_step(step: Step, at: int, actions: ActionCatalogue) -> Iterator[Finding]:
    spec = actions.get(step.action)
    if spec is None:
        return
    place = (*step.where, "action")
    if (at == 0) is not spec.puts_aside:
        yield error(place, "what is offered with a hand-off is one link, in the reply that tells "
                           "of it: begin with send-link, and send no other")  # fmt: skip
    if at == 0 and step.condition is not None:
        message = "who can be sent a link is sent it, others are told of the hand-off: remove it"
        yield error((*step.where, "condition"), message)
    change = step.parameters.get("change")
    if spec.puts_aside and change in CHANGES and not CHANGES[str(change)].protects:
        message = f"only what protects the contact is offered with a hand-off: {_PROTECTIVE}"
        yield error((*step.where, "change"), message)
    if not {"owner", "status"}.isdisjoint(spec.writes):
        yield error(place, f"people have the conversation, and keep it: remove {spec.name}")
    if step.parameters.get("onTimeout") == "hand-off":
        yield error((*step.where, "onTimeout"), "people have the conversation already: remove it")
