"""From the file's shape to the definition that the platform works with."""

from collections.abc import Iterator, Mapping
from typing import Any

from answerable.definition.actions import ActionCatalogue
from answerable.definition.build_intents import build_categories
from answerable.definition.build_limits import build_limits
from answerable.definition.build_playbooks import build_playbooks
from answerable.definition.build_service import (
    build_calendars,
    build_keeping,
    build_phone_countries,
    build_privacy,
    build_sla,
    build_teams,
    build_templates,
)
from answerable.definition.condition import Condition
from answerable.definition.condition_text import CelType
from answerable.definition.document import ServiceDocument
from answerable.definition.keys import kebab
from answerable.definition.reading import Notes, criterion
from answerable.definition.schema import (
    Brand,
    EntityKind,
    EscalationTrigger,
    Integration,
    OutsideHours,
    RoutingRule,
    ServiceDefinition,
    Thresholds,
    Vip,
    Where,
)
from answerable.definition.variables import CONTACT_VARIABLES, MESSAGE_VARIABLES, PAGE_VARIABLES
from answerable.kit.ids import TenantId


def build(
    document: ServiceDocument, notes: Notes, *, digest: str, actions: ActionCatalogue | None
) -> ServiceDefinition:
    """The definition that `document` describes; what is wrong is noted and left out."""
    categories = build_categories(document, notes)
    intents = {intent.name: intent for category in categories for intent in category.intents}
    notes.intents = frozenset(intents)
    notes.categories = frozenset(category.name for category in categories)
    calendars, hours = build_calendars(document, notes)
    teams, default_team = build_teams(document, intents, notes)
    _check_page_conditions(document, notes)
    return ServiceDefinition(
        tenant=TenantId(document.service),
        hash=digest,
        brand=document.brand or Brand(name=document.service.replace("-", " ").title()),
        language=document.language,
        timezone=document.timezone,
        channels=document.channels,
        categories=categories,
        intents=intents,
        resolution_types={
            name: kind.role for name, kind in document.classification.resolution_types.items()
        },
        thresholds=_thresholds(document),
        sentiment=document.classification.sentiment,
        vip=_vip(document, notes),
        playbooks=build_playbooks(document, intents, notes, actions),
        templates=build_templates(document, notes),
        teams=teams,
        calendars=calendars,
        sla=build_sla(document, notes),
        default_team=default_team,
        routing=tuple(_routing(document, notes)),
        triggers=tuple(_triggers(document, notes)),
        business_hours=hours,
        outside_hours=_outside_hours(document),
        integrations=_integrations(document),
        entities=_entities(document),
        out_of_scope=document.classification.out_of_scope,
        limits=build_limits(document, notes),
        privacy=build_privacy(document, notes),
        phone_countries=build_phone_countries(document, notes),
        keeping=build_keeping(document, notes),
    )


def _thresholds(document: ServiceDocument) -> Thresholds:
    given = document.classification
    return Thresholds(
        confidence=given.confidence,
        clarify=given.clarify,
        scope=given.scope,
        precision=given.precision,
    )


def _outside_hours(document: ServiceDocument) -> OutsideHours | None:
    hours = document.escalation.business_hours
    return hours.outside_hours if hours else None


def _integrations(document: ServiceDocument) -> dict[str, Integration]:
    return {
        name: Integration(
            name=name,
            type=entry.type or name,
            url=entry.url,
            settings=entry.settings,
            where=("integrations", name),
        )
        for name, entry in document.integrations.items()
    }


def _entities(document: ServiceDocument) -> tuple[EntityKind, ...]:
    return tuple(
        EntityKind(
            name=name,
            shapes=entry.shapes,
            values=entry.values,
            builtin=entry.builtin,
            where=("entities", name),
        )
        for name, entry in document.entities.items()
    )


def _vip(document: ServiceDocument, notes: Notes) -> Vip:
    entry, place = document.classification.vip, ("classification", "vip", "criteria")
    found = (
        _read_criterion(value, (*place, at), CONTACT_VARIABLES, notes)
        for at, value in enumerate(entry.criteria)
    )
    return Vip(
        enabled=entry.enabled,
        criteria=tuple(condition for condition in found if condition is not None),
        priority_level=entry.priority_level,
    )


def _read_criterion(
    value: str | Mapping[str, Any], where: Where, variables: Mapping[str, CelType], notes: Notes
) -> Condition | None:
    try:
        return notes.condition(criterion(value), where, variables)
    except ValueError as error:
        notes.error(where, str(error))
        return None


def _routing(document: ServiceDocument, notes: Notes) -> Iterator[RoutingRule]:
    for at, entry in enumerate(document.escalation.routing):
        where: Where = ("escalation", "routing", at)
        condition = notes.condition(entry.condition, (*where, "condition"), MESSAGE_VARIABLES)
        if condition is not None:
            yield RoutingRule(
                condition=condition, team=entry.team, priority=entry.priority, where=where
            )


def _triggers(document: ServiceDocument, notes: Notes) -> Iterator[EscalationTrigger]:
    """The escalation triggers, then what makes the chat's assistant give up."""
    for at, entry in enumerate(document.escalation.triggers):
        where: Where = ("escalation", "triggers", at)
        condition = notes.condition(entry.condition, (*where, "condition"), MESSAGE_VARIABLES)
        if condition is not None:
            yield EscalationTrigger(
                condition=condition,
                action=kebab(entry.action),
                notify=entry.notify,
                team=entry.team,
                sla=entry.sla,
                where=where,
            )
    chatbot = document.chatbot
    for key, given in (
        ("fallbackToHuman", chatbot.fallback_to_human if chatbot else None),
        ("handoff", chatbot.handoff if chatbot else None),
    ):
        for at, value in enumerate(given.triggers if given else ()):
            where = ("chatbot", key, "triggers", at)
            condition = _read_criterion(value, where, MESSAGE_VARIABLES, notes)
            if condition is not None:
                yield EscalationTrigger(condition=condition, where=where)


def _check_page_conditions(document: ServiceDocument, notes: Notes) -> None:
    for at, channel in enumerate(document.channels):
        proactive = channel.widget.proactive
        for number, trigger in enumerate(proactive.triggers if proactive else ()):
            place = ("channels", at, "widget", "proactive", "triggers", number, "condition")
            notes.condition(trigger.condition, place, PAGE_VARIABLES)
