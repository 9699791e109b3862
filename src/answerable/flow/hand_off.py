"""Handing a conversation to people: to which team, how urgently, due when, and who is told."""

from typing import Any

from answerable.definition.calendar import NeverOpen
from answerable.definition.schema import ServiceDefinition
from answerable.definition.terms import Proof
from answerable.flow.follows import Follows, Rules, reply_from
from answerable.flow.state import ConversationState
from answerable.ledger.event import ASSISTANT, Event, NewEffect, NewEvent, wire_time
from answerable.playbooks.run import PlaybookRun


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
    offer: str | None = None,
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
    if offer:
        data["offer"] = offer
    silent = event.kind == "message_received" and (
        event.data.get("automatic") or event.data.get("bounce_of")
    )
    if notify and not silent:
        template = notice_for(state, event, definition, team)
        if template is not None:
            data["notify"] = template
    due = _first_response_due(state, event, definition, team, priority, intent)
    if due is not None:
        data["first_response_due"] = due
    return NewEvent(kind="handed_off", actor=ASSISTANT, data=data)


def on_handed_off(state: ConversationState, event: Event, rules: Rules) -> Follows:
    data = event.data
    effects: list[NewEffect] = []
    offered = _offered(state, event, rules)
    if data.get("notify") and offered is None:  # else the reply with the link says so, too
        effects.append(notice(state, rules, data["notify"]))
    if data.get("alert"):
        effects.append(
            NewEffect(kind="alert", payload={"teams": data["alert"], "intent": data.get("intent")})
        )
    if data.get("draft"):
        effects.append(
            NewEffect(
                kind="write_draft",
                payload={
                    "definition": rules.definition.hash,
                    "playbook": data["draft"],
                    "language": state.language,
                },
            )
        )
    if offered is None:
        return Follows(effects=tuple(effects))
    started = {"playbook": offered.playbook, "intent": offered.intent, "run": offered.as_data()}
    return Follows(
        events=(NewEvent(kind="playbook_started", actor=ASSISTANT, data=started),),
        effects=tuple(effects),
    )


def _offered(state: ConversationState, event: Event, rules: Rules) -> PlaybookRun | None:
    """What the contact may do while people have the matter, if they can be sent a link and no
    change of theirs is on its way already."""
    data = event.data
    playbook = rules.definition.playbooks.get(str(data.get("offer")))
    if playbook is None or not state.proof.satisfies(playbook.proof):
        return None
    reached = state.channel == "email" or state.proof.satisfies(Proof.SIGNED_IN)
    if not reached or (state.change is not None and state.change.is_pending):
        return None
    return PlaybookRun(
        playbook=playbook.name, definition=rules.definition.hash, intent=data["intent"], beside=True
    )


def notice(state: ConversationState, rules: Rules, template: str) -> NewEffect:
    """The reply that tells the contact that people have it."""
    team = {"title": team_title(rules.definition, state.owner.id)}
    return reply_from(state, rules, template, {"facts": {"team": team}, "values": {}, "slots": {}})


def notice_for(
    state: ConversationState, event: Event, definition: ServiceDefinition, team: str
) -> str | None:
    """The template that tells the contact that people take over; None if there is none."""
    calendar = definition.calendar_of(team)
    closed = calendar is not None and not calendar.is_open(event.at)
    names = ["received"] if state.channel == "email" else ["handed-off"]
    if closed and state.channel != "email":
        names.insert(0, "handed-off-outside-hours")
    language = definition.answers_in(state.language)
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
