"""Drafts: what a playbook would answer, worked out without doing anything but reading."""

from collections.abc import Mapping
from typing import Any

from answerable.definition.schema import Playbook, ServiceDefinition
from answerable.definition.terms import Proof
from answerable.flow.ports import Connector, Question
from answerable.kit.errors import AnswerableError, InvalidInput
from answerable.replies.render import render


async def draft_text(
    definition: ServiceDefinition,
    playbook: Playbook,
    *,
    language: str,
    subject: tuple[str, str],
    proof: Proof,
    connectors: Mapping[str, Connector],
    key: str,
) -> str | None:
    """The text of the first reply whose condition holds; None where one needs to ask first.

    A draft is a help: what cannot be read or filled gives no draft, and no error.
    """
    found: dict[str, dict[str, Any]] = {}
    facts: dict[str, Mapping[str, Any]] = {}
    for step in playbook.workflow:
        if step.condition is not None and not step.condition.evaluate(facts):
            continue
        if step.action == "reply":
            try:
                return render(definition, str(step.parameters["template"]), language, found)
            except InvalidInput:
                return None
        if step.action != "lookup":
            return None
        connector = connectors.get(str(step.parameters["connector"]))
        if connector is None:
            return None
        operation = str(step.parameters["operation"])
        question = Question(
            operation=operation,
            fields=tuple(step.parameters.get("fields", ())),
            subject=subject,
            proof=proof,
            parameters={},
            key=key,
        )
        try:
            finding = await connector.read(question)
        except AnswerableError:
            return None
        name = step.as_ or operation.replace("-", "_")
        facts[name] = finding.facts
        found[name] = {**finding.facts, **finding.values}
    return None
