"""Whether playbooks can do what they say: actions, their parameters, proofs, texts and systems."""

from collections.abc import Iterator, Sequence
from datetime import timedelta
from typing import Any

from answerable.definition.actions import ActionCatalogue, ActionSpec, Parameter
from answerable.definition.changes import CHANGES, CODE_WAYS, ChangeKind
from answerable.definition.duration import parse_elapsed
from answerable.definition.explain import did_you_mean, shown
from answerable.definition.problem import Finding, Severity
from answerable.definition.schema import Playbook, ServiceDefinition, Step, Where
from answerable.definition.terms import PRIORITIES, Proof

# Actions of the reference definitions: read and kept, though not every one is performed yet.
FAMILIAR_ACTIONS = frozenset(
    {
        "acknowledge-receipt", "analyze-user-pattern", "apply-workaround", "collect-details",
        "collect-diagnostics", "correlate-with-incidents", "create-case", "create-jira-ticket",
        "create-return-ticket", "diagnose-issue", "extract-order-number", "fetch-account-data",
        "fetch-metrics", "fetch-order-status", "format-response", "generate-return-label",
        "log-access", "provide-example", "respond-to-customer", "respond-with-status",
        "search-known-issues", "send-return-instructions", "suggest-fix", "suggest-optimizations",
        "validate-request", "verify-eligibility", "verify-identity", "verify-transaction",
    }
)  # fmt: skip
_SHAPES: dict[str, tuple[type | tuple[type, ...], str]] = {
    "text": (str, "a text"),
    "name": (str, "a name"),
    "template": (str, "the name of a template"),
    "team": (str, "the name of a team"),
    "integration": (str, "the name of an integration"),
    "mail-inbox": (str, "the name of a mail inbox"),
    "number": ((int, float), "a number"),
    "count": (int, "a whole number"),
    "boolean": (bool, "true or false"),
    "names": (list, "a list of names"),
    "mapping": (dict, "keys with values"),
}
_SYSTEM_KEYS = ("api", "system", "provider")


def error(where: Where, message: str, *, at_key: bool = False) -> Finding:
    return Finding(severity="error", where=where, message=message, at_key=at_key)


def warning(where: Where, message: str, *, at_key: bool = False) -> Finding:
    return Finding(severity="warning", where=where, message=message, at_key=at_key)


def check_playbooks(
    definition: ServiceDefinition, actions: ActionCatalogue | None
) -> Iterator[Finding]:
    """All findings about playbooks; without a catalogue, those that need none."""
    fulfilled: dict[str, Playbook] = {}
    for playbook in definition.playbooks.values():
        yield from _check_intents(playbook, definition, fulfilled)
        if playbook.on_missing_proof:
            place = (*playbook.where, "onMissingProof")
            yield from check_template(playbook.on_missing_proof, place, definition)
        for step in playbook.workflow:
            yield from _check_step(step, definition, actions)
            yield from _check_entity(step, definition)
        yield from _check_authority(playbook, actions or {})
        yield from _check_guards(playbook, actions or {})


def _check_intents(
    playbook: Playbook, definition: ServiceDefinition, fulfilled: dict[str, Playbook]
) -> Iterator[Finding]:
    for name in playbook.intents:
        intent = definition.intents[name]
        if intent.sensitive and playbook.enabled and not playbook.with_hand_off:
            also = ", or withHandOff: true for a link beside it" * (intent.sensitive == "fraud")
            yield error(
                playbook.where,
                f"{name} is sensitive ({intent.sensitive}): it is never answered automatically, "
                f"so remove this playbook or set enabled: false{also}",
                at_key=True,
            )
        other = fulfilled.get(name)
        if other is not None and playbook.enabled:
            yield error(
                playbook.where,
                f"{name} is already fulfilled by the playbook {other.name}: keep one",
                at_key=True,
            )
        if playbook.enabled:
            fulfilled.setdefault(name, playbook)


def _check_step(
    step: Step,
    definition: ServiceDefinition,
    actions: ActionCatalogue | None,
) -> Iterator[Finding]:
    if actions is None:
        yield from _check_usual_names(step, definition)
        return
    spec = actions.get(step.action)
    if spec is None:
        yield _unknown_action(step, actions)
        yield from _check_usual_names(step, definition)
        return
    yield from _check_parameters(step, spec, definition)


def _check_authority(playbook: Playbook, actions: ActionCatalogue) -> Iterator[Finding]:
    """Whether each step has the proof, the approval and the step before it that it needs. What a
    step with a condition gives may be missing, so it does not count."""
    proof, approved, before = playbook.proof, False, set[str]()
    aside: str | None = None
    for step in playbook.workflow:
        spec = actions.get(step.action)
        if spec is None:
            continue
        place = (*step.where, "action")
        if not proof.satisfies(spec.proof):
            yield error(place, _too_little_proof(spec, playbook, actions))
        if spec.needs_approval and not approved:
            yield error(place, f"{spec.name} needs an approval: {add_before(_givers(actions))}")
        if spec.after is not None and spec.after not in before:
            yield error(place, f"{spec.name} needs {spec.after}: {add_before([spec.after])}")
        if spec.listens and aside is not None:
            yield error(place, f"{spec.name} waits for a message: put it before {aside}")
        aside = spec.name if spec.puts_aside else aside
        if step.condition is None:
            before.add(step.action)
            approved = approved or spec.gives_approval
            proof = max(proof, _proof_given(spec, step), key=lambda one: one.rank)


def _proof_given(spec: ActionSpec, step: Step) -> Proof:
    if not spec.gives_code:
        return spec.gives_proof
    return CODE_WAYS.get(spec.way_of(step.parameters), spec.gives_proof)


def _check_guards(playbook: Playbook, actions: ActionCatalogue) -> Iterator[Finding]:
    """Whether a change has the notice, the time and the consents that its kind must have."""
    kind: ChangeKind | None = None
    name, noticed, passed, approvers = "", False, timedelta(0), 0
    for step in playbook.workflow:
        spec = actions.get(step.action)
        if spec is None or (step.condition is not None and not spec.puts_aside):
            continue
        if spec.puts_aside:
            name = str(step.parameters.get("change", ""))
            kind, noticed, passed, approvers = CHANGES.get(name), False, timedelta(0), 0
        noticed = noticed or spec.gives_notice
        passed += _time_given(step) if spec.gives_time else timedelta(0)
        if spec.gives_approval:
            approvers = max(approvers, _approvers_given(step))
        if not spec.needs_approval or kind is None:
            continue
        place = (*step.where, "action")
        if not kind.fields:
            yield error(
                place, f"{name} is shown once the code was right: there is nothing to apply"
            )
        if kind.noticed and not noticed:
            givers = [one for one, other in actions.items() if other.gives_notice]
            yield error(place, f"a change of {name} is told to the number on record before: "
                               f"{add_before(givers)}")  # fmt: skip
        if passed < kind.delay:
            hours = kind.delay // timedelta(hours=1)
            yield error(place, f"a change of {name} is open to objections for {hours} hours: "
                               f"add `{{action: wait, duration: {hours}h}}` before it")  # fmt: skip
        if 0 < approvers < kind.approvers:
            yield error(place, f"a change of {name} needs the consent of {kind.approvers} agents: "
                               f"write `approvers: {kind.approvers}` in its approval")  # fmt: skip


def _time_given(step: Step) -> timedelta:
    try:
        return parse_elapsed(step.parameters.get("duration")).approximate
    except ValueError:
        return timedelta(0)  # it is an error of its own


def _approvers_given(step: Step) -> int:
    given = step.parameters.get("approvers", 1)
    return given if isinstance(given, int) else 0


def _too_little_proof(spec: ActionSpec, playbook: Playbook, actions: ActionCatalogue) -> str:
    needs = f"{spec.name} needs the proof {spec.proof}, but the playbook asks only for"
    givers = [name for name, one in actions.items() if one.gives_proof.satisfies(spec.proof)]
    if givers and spec.proof.rank > Proof.SIGNED_IN.rank:
        return f"{needs} {playbook.proof}: {add_before(givers)}"
    return f"{needs} {playbook.proof}: write proof: {spec.proof}"


def _givers(actions: ActionCatalogue) -> list[str]:
    return [name for name, one in actions.items() if one.gives_approval]


def add_before(actions: Sequence[str]) -> str:
    named = " or ".join(actions) or "a step that gives it"
    return f"add {named} before it, without a condition"


def _check_entity(step: Step, definition: ServiceDefinition) -> Iterator[Finding]:
    name = step.parameters.get("entity")
    known = [kind.name for kind in definition.entities]
    if isinstance(name, str) and name not in known:
        hint = did_you_mean(name, known) or ": add it under entities"
        yield error((*step.where, "entity"), f"no entity is called {name}{hint}")


def _unknown_action(step: Step, actions: ActionCatalogue) -> Finding:
    place = (*step.where, "action")
    if step.action in FAMILIAR_ACTIONS:
        message = f"{step.action} is read, not yet acted on: this playbook hands over to people"
        return warning(place, message)
    known = sorted({*actions, *FAMILIAR_ACTIONS})
    return error(place, f"no action is called {step.action}{did_you_mean(step.action, known)}")


def _check_parameters(
    step: Step, spec: ActionSpec, definition: ServiceDefinition
) -> Iterator[Finding]:
    for name, parameter in spec.parameters.items():
        way = spec.way_of(step.parameters)
        if parameter.only_by and way not in parameter.only_by:
            if name in step.parameters and way in CODE_WAYS:  # one that is none is told of above
                message = f"{step.action} takes no {name} with `by: {way}`: remove it"
                yield error((*step.where, name), message, at_key=True)
        elif name in step.parameters:
            value = step.parameters[name]
            yield from _check_value(parameter, value, (*step.where, name), definition)
        elif parameter.required:
            yield error(step.where, f"{step.action} needs {name}: add `{name}: ...`")
    for name in step.parameters:
        if name not in spec.parameters and not spec.open_parameters:
            known = [*spec.parameters, "action", "condition", "as"]
            message = f"{step.action} takes no {name}{did_you_mean(name, known)}"
            yield error((*step.where, name), message, at_key=True)


def _check_value(
    parameter: Parameter, value: Any, where: Where, definition: ServiceDefinition
) -> Iterator[Finding]:
    name = where[-1]
    wanted = _SHAPES.get(parameter.kind)
    if wanted and (not isinstance(value, wanted[0]) or _bool_as_number(parameter, value)):
        yield error(where, f"{name} must be {wanted[1]}, not {shown(value)}")
        return
    match parameter.kind:
        case "template":
            yield from check_template(value, where, definition)
        case "team":
            yield from check_team(value, where, definition)
        case "integration":
            yield from check_integration(value, where, definition)
        case "duration":
            try:
                parse_elapsed(value)
            except ValueError as wrong:
                yield error(where, str(wrong))
        case "change" if value not in CHANGES:
            yield error(where, f"{shown(value)} is nothing that can be changed"
                               f"{did_you_mean(str(value), CHANGES)}")  # fmt: skip
        case "code-way" if not isinstance(value, str) or value not in CODE_WAYS:
            hint = did_you_mean(_as_written(value), CODE_WAYS)
            yield error(where, f"{shown(value)} is nothing that a code comes by{hint}")
        case "mail-inbox":
            yield from _check_mail_inbox(value, where, definition)
        case "count" if isinstance(value, bool) or value < 1:
            yield error(where, f"{name} must be 1 or more, not {shown(value)}")
        case "priority" if value not in (*PRIORITIES, "critical"):
            hint = did_you_mean(str(value), PRIORITIES)
            yield error(where, f"{shown(value)} is no priority{hint}")


def _as_written(way: Any) -> str:
    return "email" if str(way).lower() == "mail" else str(way)


def _check_mail_inbox(name: str, where: Where, definition: ServiceDefinition) -> Iterator[Finding]:
    """Whether mail can leave from this inbox."""
    inboxes = [one.name for one in definition.channels if one.kind == "email" and one.address]
    if name not in inboxes:
        hint = did_you_mean(name, inboxes) or ": add a channel of the type email with an address"
        yield error(where, f"no mail inbox is called {name}{hint}")


def _bool_as_number(parameter: Parameter, value: Any) -> bool:
    return parameter.kind == "number" and isinstance(value, bool)


def _check_usual_names(step: Step, definition: ServiceDefinition) -> Iterator[Finding]:
    """What can be checked of a step whose action is not known."""
    for name, value in step.parameters.items():
        where = (*step.where, name)
        if not isinstance(value, str):
            continue
        if name == "template":
            yield from check_template(value, where, definition)
        elif name in ("team", "assignTo"):
            yield from check_team(value, where, definition)
        elif name == "connector":
            yield from check_integration(value, where, definition)
        elif name in _SYSTEM_KEYS and value not in definition.integrations:
            yield from check_integration(value, where, definition, severity="warning")


def check_template(name: str, where: Where, definition: ServiceDefinition) -> Iterator[Finding]:
    if name in definition.templates:
        return
    if definition.templates:
        hint = did_you_mean(name, definition.templates)
        yield error(where, f"no template is called {name}{hint}")
    else:
        yield warning(where, f"no template is called {name}: add it under templates")


def check_team(name: str, where: Where, definition: ServiceDefinition) -> Iterator[Finding]:
    # Teams without a place are those that an undeclared definition mentions.
    declared = any(team.where for team in definition.teams.values())
    if declared and name not in definition.teams:
        yield error(where, f"no team is called {name}{did_you_mean(name, definition.teams)}")


def check_integration(
    name: str, where: Where, definition: ServiceDefinition, *, severity: Severity = "error"
) -> Iterator[Finding]:
    if name not in definition.integrations:
        hint = did_you_mean(name, definition.integrations) or ": add it under integrations"
        message = f"no integration is called {name}{hint}"
        yield Finding(severity=severity, where=where, message=message)
