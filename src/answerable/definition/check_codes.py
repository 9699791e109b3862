"""Whether the code of a change proves enough: for its kind, and of whoever comes to it."""

from collections.abc import Iterator

from answerable.definition.actions import ActionCatalogue, ActionSpec
from answerable.definition.changes import CHANGES, CODE_WAYS, EMAIL, code_is_enough
from answerable.definition.check_playbooks import add_before, error
from answerable.definition.problem import Finding
from answerable.definition.schema import Playbook, ServiceDefinition, Step
from answerable.definition.terms import Proof


def check_codes(
    definition: ServiceDefinition, actions: ActionCatalogue | None
) -> Iterator[Finding]:
    """All findings about one-time codes. Pure."""
    for playbook in definition.playbooks.values():
        yield from _check_playbook(playbook, actions or {})


def _check_playbook(playbook: Playbook, actions: ActionCatalogue) -> Iterator[Finding]:
    kind, coded = "", False
    for step in playbook.workflow:
        spec = actions.get(step.action)
        if spec is None:
            continue
        if spec.puts_aside:
            kind, coded = str(step.parameters.get("change", "")), False
        if spec.gives_code:
            yield from _check_way(step, spec, kind, playbook)
            coded = coded or step.condition is None
        if spec.needs_code and not coded:
            yield error((*step.where, "action"), _no_code(spec, kind, actions))


def _check_way(step: Step, spec: ActionSpec, kind: str, playbook: Playbook) -> Iterator[Finding]:
    way = spec.way_of(step.parameters)
    if way not in CODE_WAYS:
        return  # told already
    place = (*step.where, "by")
    if kind in CHANGES and not code_is_enough(way, kind):
        enough = ", ".join(name for name in CHANGES if code_is_enough(way, name))
        yield error(
            place,
            f"a code by e-mail is not enough for a change of {kind}: whoever reads that mailbox "
            f"would have it. Write by: sms or by: app (by: {way} is enough for {enough})",
        )
    elif way == EMAIL and not playbook.proof.satisfies(Proof.SIGNED_IN):
        yield error(
            place,
            "who came by a link in a mail has that mailbox already, and a code sent there proves "
            "nothing more: write proof: signed-in in this playbook, so that it begins in a chat "
            "of somebody who is signed in, or by: sms or by: app",
        )


def _no_code(spec: ActionSpec, kind: str, actions: ActionCatalogue) -> str:
    needed = CHANGES[kind].code if kind in CHANGES else Proof.FRESH_ONE_TIME_CODE
    givers = [name for name, one in actions.items() if one.gives_code]
    return (
        f"{spec.name} needs the proof {needed} by a code for exactly this change: "
        f"{add_before(givers)}"
    )
