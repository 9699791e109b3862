"""Playbooks and their steps, from the file's shape."""

from collections.abc import Iterator, Mapping
from typing import Any

from answerable.definition.actions import ActionCatalogue
from answerable.definition.condition import Condition, ConditionError, undeclared_names
from answerable.definition.condition_text import CelType
from answerable.definition.document import PlaybookEntry, ServiceDocument, StepEntry
from answerable.definition.explain import did_you_mean
from answerable.definition.keys import camel, kebab
from answerable.definition.reading import Notes
from answerable.definition.schema import Intent, Playbook, Step, Where
from answerable.definition.terms import Proof
from answerable.definition.variables import MESSAGE_VARIABLES


def build_playbooks(
    document: ServiceDocument,
    intents: Mapping[str, Intent],
    notes: Notes,
    actions: ActionCatalogue | None,
) -> dict[str, Playbook]:
    """All playbooks by name; the parts of a group are called `group.part`."""
    result: dict[str, Playbook] = {}
    for key, entry in document.auto_response.items():
        where: Where = ("autoResponse", key)
        if not entry.parts:
            result[key] = _playbook(key, entry, where, intents, notes, actions)
        for part, inner in entry.parts.items():
            place = (*where, part)
            name = f"{key}.{part}"
            result[name] = _playbook(name, inner, place, intents, notes, actions)
    return result


def _playbook(
    name: str,
    entry: PlaybookEntry,
    where: Where,
    intents: Mapping[str, Intent],
    notes: Notes,
    actions: ActionCatalogue | None,
) -> Playbook:
    names = _intents(name, entry, where, intents, notes)
    if entry.enabled and not entry.workflow and not entry.require_human:
        notes.warning(where, f"{name} has no steps: people take over", at_key=True)
    asked = [entry.proof or Proof.ANONYMOUS, *(intents[intent].proof for intent in names)]
    if entry.authentication and entry.authentication.required:
        asked.append(Proof.ONE_TIME_CODE)
    return Playbook(
        name=name,
        enabled=entry.enabled and not entry.require_human and _can_run(entry, actions),
        intents=names,
        proof=max(asked, key=lambda proof: proof.rank),
        on_missing_proof=entry.on_missing_proof,
        require_human=entry.require_human,
        with_hand_off=entry.with_hand_off,
        workflow=tuple(_steps(entry.workflow, where, notes, actions)),
        knowledge_source=entry.knowledge_base.source if entry.knowledge_base else None,
        where=where,
    )


def _can_run(entry: PlaybookEntry, actions: ActionCatalogue | None) -> bool:
    """A playbook with a step that nothing performs, or without steps, must not begin."""
    if actions is None:
        return bool(entry.workflow)
    return bool(entry.workflow) and all(kebab(step.action) in actions for step in entry.workflow)


def _intents(
    name: str,
    entry: PlaybookEntry,
    where: Where,
    intents: Mapping[str, Intent],
    notes: Notes,
) -> tuple[str, ...]:
    """The intents named, or the one that the playbook's key is the camelCase of."""
    if entry.intents:
        for at, intent in enumerate(entry.intents):
            if intent not in intents:
                message = f"no intent is called {intent}{did_you_mean(intent, intents)}"
                notes.error((*where, "intents", at), message)
        return tuple(intent for intent in entry.intents if intent in intents)
    key = name.rpartition(".")[2]
    meant = tuple(intent for intent in intents if camel(intent) == camel(key))
    if not meant:
        hint = did_you_mean(kebab(key), intents)
        message = f"no intent is called {kebab(key)}{hint}; or name some under intents"
        if "." in name:
            notes.warning(where, f"{message}: until then only agents can start it", at_key=True)
        else:
            notes.error(where, message, at_key=True)
    return meant


def _steps(
    entries: tuple[StepEntry, ...], where: Where, notes: Notes, actions: ActionCatalogue | None
) -> Iterator[Step]:
    bound: dict[str, CelType] = {}
    known = actions is not None
    for at, entry in enumerate(entries):
        place: Where = (*where, "workflow", at)
        action = kebab(entry.action)
        condition = None
        if entry.condition is not None:
            condition = _condition(entry.condition, place, bound, notes, known=known)
        yield Step(
            action=action,
            condition=condition,
            **{"as": entry.as_},
            parameters=entry.parameters,
            where=place,
        )
        spec = actions.get(action) if actions else None
        known = known and spec is not None
        for name in (*_names_bound(entry), *(spec.gives if spec else ())):
            bound[name] = CelType.DYN


def _names_bound(entry: StepEntry) -> Iterator[str]:
    """What later conditions may call the step's result: `as`, `slot`, else its operation."""
    if entry.as_:
        yield entry.as_
    given: Mapping[str, Any] = entry.parameters
    if isinstance(given.get("slot"), str):
        yield given["slot"]
    if not entry.as_ and isinstance(given.get("operation"), str):
        yield given["operation"].replace("-", "_")


def _condition(
    source: str, place: Where, bound: Mapping[str, CelType], notes: Notes, *, known: bool
) -> Condition | None:
    variables = {**MESSAGE_VARIABLES, **bound}
    where = (*place, "condition")
    if not known:
        try:
            missing = undeclared_names(source, variables)
        except ConditionError:
            missing = ()  # explained below, when the condition is compiled
        if missing:
            listed = ", ".join(missing)
            notes.warning(
                where,
                f"no earlier step is seen to give {listed}: if its action does not, "
                "the condition never holds",
            )
            variables |= dict.fromkeys(missing, CelType.DYN)
    return notes.condition(source, where, variables)
