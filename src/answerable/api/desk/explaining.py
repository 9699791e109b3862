"""Why a message was understood and decided as it was, for a person who looks at it."""

from collections.abc import Mapping
from typing import Any

from answerable.api.desk.shapes import LabelShape, NearExample, Reason, Understood
from answerable.definition.schema import ServiceDefinition
from answerable.ledger.event import Event
from answerable.understanding.definition_examples import texts_learnt
from answerable.understanding.nearest import texts_of
from answerable.understanding.understanding import near_from


def reasons_of(decided: Event | None) -> list[Reason]:
    if decided is None:
        return []
    return [
        Reason(
            rule=str(reason.get("rule", "")),
            threshold=reason.get("threshold"),
            value=reason.get("value"),
            text=str(reason.get("text", "")),
        )
        for reason in decided.data.get("reasons", ())
    ]


def understood_as(
    understood: Event | None,
    labelled: Event | None,
    definition: ServiceDefinition,
    names: Mapping[str, str],
) -> Understood | None:
    """labelled: the latest label of the conversation. names: of agents, by id."""
    if understood is None:
        return None
    data = understood.data
    label = None
    if labelled is not None and labelled.data["of"] == data["of"]:
        agent = labelled.actor.partition(":")[2]
        label = LabelShape(intents=labelled.data["intents"], by=names.get(agent, "An agent"))
    return Understood(
        message=data["of"],
        near=near_examples(data, definition),
        churn=data.get("churn"),
        abuse=data.get("abuse"),
        label=label,
    )


def near_examples(
    understood: Mapping[str, Any], definition: ServiceDefinition
) -> list[NearExample]:
    """understood: data of the event. Those examples that the definition in force still has."""
    near = near_from(understood)
    if not near:
        return []
    named = [one.intent for one in near if one.intent]
    texts = texts_of(near, (*definition.out_of_scope, *texts_learnt(definition.intents, named)))
    return [
        NearExample(
            text=texts[one.example],
            intent=one.intent,
            title=intent_title(definition, one.intent),
            likeness=one.likeness,
        )
        for one in near
        if one.example in texts
    ]


def intent_title(definition: ServiceDefinition, name: str | None) -> str | None:
    """None for no intent, and for one that the definition has no more."""
    known = definition.intents.get(name or "")
    return known.title if known else None
