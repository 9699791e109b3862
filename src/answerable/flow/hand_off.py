"""Handing a conversation to people: to which team, how urgently, due when, and who is told."""

from typing import Any

from answerable.definition.calendar import NeverOpen
from answerable.definition.schema import ServiceDefinition
from answerable.flow.follows import Rules
from answerable.flow.state import ConversationState
from answerable.ledger.event import ASSISTANT, Event, NewEvent, wire_time


def hand_off(
    state: ConversationState,
    event: Event,
    rules: Rules,
    *,
    reasons: list[dict[str, Any]],
    why: str,
    team: str | None = None,
    priority: str | None = None,
    intent: str | None = None,
    alert: list[str] | None = None,
    draft: str | None = None,
    notify: bool = True,
) -> NewEvent:
    definition = rules.definition
    known = definition.intents.get(intent or "")
    team = team or (known.team if known else None) or fallback_team(definition)
    priority = priority or (known.priority if known else None) or state.priority
    data: dict[str, Any] = {
        "team": team, "priority": priority, "why": why, "reasons": reasons,
    }  # fmt: skip
    if intent:
        data["intent"] = intent
    if alert:
        data["alert"] = alert
    if draft:
        data["draft"] = draft
    silent = event.kind == "message_received" and (
        event.data.get("automatic") or event.data.get("bounce_of")
    )
    if notify and not silent:
        template = _notice(state, event, definition, team)
        if template is not None:
            data["notify"] = template
    due = _first_response_due(state, event, definition, team, priority, intent)
    if due is not None:
        data["first_response_due"] = due
    return NewEvent(kind="handed_off", actor=ASSISTANT, data=data)


def _notice(
    state: ConversationState, event: Event, definition: ServiceDefinition, team: str
) -> str | None:
    """The template that tells the contact that people take over; None if there is none."""
    calendar = definition.calendar_of(team)
    closed = calendar is not None and not calendar.is_open(event.at)
    names = ["received"] if state.channel == "email" else ["handed-off"]
    if closed and state.channel != "email":
        names.insert(0, "handed-off-outside-hours")
    language = state.language or definition.language
    return next((name for name in names if definition.template(name, language)), None)


def _first_response_due(
    state: ConversationState,
    event: Event,
    definition: ServiceDefinition,
    team: str,
    priority: Any,
    intent: str | None,
) -> str | None:
    sla = definition.sla_for(priority, intent=intent if intent in definition.intents else None)
    if sla is None or sla.first_response is None:
        return None
    start = state.waiting_since or event.at
    calendar = definition.calendar_of(team)
    try:
        if calendar is not None:
            return wire_time(calendar.add(start, sla.first_response))
    except NeverOpen:
        return None
    after = getattr(sla.first_response, "after", None)
    return wire_time(after(start)) if after is not None else None


def fallback_team(definition: ServiceDefinition) -> str:
    return definition.default_team or next(iter(definition.teams), "people")


def team_title(definition: ServiceDefinition, team: str) -> str:
    known = definition.teams.get(team)
    return known.title if known else team
