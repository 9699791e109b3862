"""What follows from an event: the pure heart of the platform.

`transition` looks at the state after the event, the event and the definition, and says which
events follow and which effects are to be performed. It reads no clock, no database and no text.
"""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from answerable.decisions.decide import (
    ContactFacts,
    Situation,
    condition_values,
    decide,
    main_matter,
)
from answerable.decisions.decision import as_data
from answerable.definition.calendar import NeverOpen
from answerable.definition.schema import ServiceDefinition
from answerable.flow.state import (
    MAX_SILENCE,
    ConversationState,
    facts_outstanding,
    is_busy,
)
from answerable.ledger.event import ASSISTANT, SYSTEM, Event, NewEffect, NewEvent, wire_time
from answerable.playbooks import interpret
from answerable.playbooks.action import ActionLibrary
from answerable.playbooks.interpret import Progress
from answerable.playbooks.run import PlaybookRun, StepContext, Waiting, entities_told
from answerable.understanding.understanding import Understanding

# A playbook is left for another matter only when that is understood beyond doubt.
SWITCH_CONFIDENCE = 0.9
QUICK_ANSWERS = 2  # mails that came faster than a person types: it is a robot


@dataclass(frozen=True, kw_only=True, slots=True)
class Follows:
    """What an event leads to. run: the playbook's new place, if it moved (None inside: over)."""

    events: tuple[NewEvent, ...] = ()
    effects: tuple[NewEffect, ...] = ()
    run: tuple[PlaybookRun | None] | None = None


NOTHING = Follows()


@dataclass(frozen=True, kw_only=True)
class Rules:
    """Everything `transition` consults besides state and event.

    definition: the one in force for new decisions; of_run: the one a running playbook began under.
    """

    definition: ServiceDefinition
    of_run: ServiceDefinition
    actions: ActionLibrary


def transition(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """What follows from `event`; `state` is the state after it."""
    rule = _RULES.get(event.kind)
    if rule is None:
        return NOTHING
    follows = rule(state, event, rules)
    return replace(follows, effects=tuple(_addressed(state, e) for e in follows.effects))


def _addressed(state: ConversationState, effect: NewEffect) -> NewEffect:
    """What every effect must know of the conversation to be carried out without reading it."""
    known: dict[str, Any] = {"contact": state.contact, "channel": state.channel}
    if effect.kind == "deliver":
        known["inbox"] = state.inbox
    if effect.kind == "write_draft":
        known["proof"] = state.proof.value
    if effect.kind == "write_reply":
        known["notice"] = not state.noticed
        known["looks_like_a_loop"] = state.quick_answers >= QUICK_ANSWERS
    return replace(effect, payload={**effect.payload, **known})


def _on_message(state: ConversationState, event: Event, rules: Rules) -> Follows:
    data = event.data
    if data.get("bounce_of"):
        return _on_bounce(state, event, rules)
    if data.get("unparsable"):
        reason = {"rule": "unparsable", "text": f"could not be read: {data['unparsable']}"}
        handed = _hand_off(state, event, rules, reasons=[reason], why="unreadable message")
        return Follows(events=(handed,))
    if data.get("automatic"):
        return _on_automatic_mail(state, event)
    if state.owner.kind == "agent" and state.status == "open":
        return NOTHING  # a person is on it: the assistant neither speaks nor decides
    events: list[NewEvent] = []
    if state.status == "closed":
        events.append(NewEvent(kind="conversation_reopened", data={"why": "the contact wrote"}))
    effects = [
        NewEffect(kind="understand", payload={"message": event.seq, "ref": data["text"]["ref"]})
    ]
    if state.contact_facts is None and data["proof"] != "anonymous":
        effects.append(NewEffect(kind="know_contact", payload={"proof": data["proof"]}))
    return Follows(events=tuple(events), effects=tuple(effects))


def _on_automatic_mail(state: ConversationState, event: Event) -> Follows:
    if event.data.get("first"):
        reason = {"rule": "automatic_mail", "text": str(event.data["automatic"])}
        decided = NewEvent(
            kind="decided",
            actor=ASSISTANT,
            data={"decision": "set_aside", "why": "automatic mail", "priority": "low",
                  "of": event.seq, "reasons": [reason]},
        )  # fmt: skip
        return Follows(events=(decided,))
    return NOTHING  # it belongs to a conversation that has an owner, who will see it


def _on_bounce(state: ConversationState, event: Event, rules: Rules) -> Follows:
    bounced = NewEvent(kind="bounced", data={"reply": event.data["bounce_of"]})
    if state.owner.kind == "agent":
        return Follows(events=(bounced,))
    reason = {"rule": "bounced", "text": "our mail came back undelivered"}
    handed = _hand_off(state, event, rules, reasons=[reason], why="a reply came back")
    return Follows(events=(bounced, handed))


def _on_understood(state: ConversationState, event: Event, rules: Rules) -> Follows:
    if state.status == "closed" or state.owner.kind == "agent":
        return NOTHING
    if facts_outstanding(state) or is_busy(state):
        return NOTHING  # it waits in `undecided` until these are over
    return _decide(state, event, event.data, rules)


def _on_contact_known(state: ConversationState, event: Event, rules: Rules) -> Follows:
    return _take_up(state, event, rules)


def _on_playbook_ended(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """What was said while the playbook was busy has its turn."""
    return _take_up(state, event, rules)


def _take_up(state: ConversationState, event: Event, rules: Rules) -> Follows:
    waiting = not state.undecided or is_busy(state) or facts_outstanding(state)
    if waiting or state.owner.kind == "agent" or state.status == "closed":
        return NOTHING
    return _decide(state, event, state.undecided[0], rules)


def _decide(
    state: ConversationState, event: Event, understood: Mapping[str, Any], rules: Rules
) -> Follows:
    understanding = Understanding.from_data(understood)
    waiting = state.run.waiting if state.run else None
    asked = waiting is not None and waiting.kind == "answer"
    if asked and not _wants_something_else(state, understanding, rules):
        progress = _resume(state, event, understood, rules)
        if progress is not None:
            return _after_progress(state, event, rules, progress)
    situation = _situation(state, rules.definition)
    decision = decide(understanding, situation, rules.definition)
    data = as_data(decision)
    if state.owner.kind == "queue" and (
        decision.kind != "hand_off" or data["team"] == state.owner.id
    ):
        return NOTHING  # people have it; only what must go elsewhere is decided anew
    if state.run is not None and data.get("playbook") == state.run.playbook:
        return NOTHING  # asked again while the same playbook lets time pass
    data |= {"of": understood["of"], "definition": rules.definition.hash}
    told = entities_told(understood)
    if decision.kind != "run_playbook":
        return Follows(events=(NewEvent(kind="decided", actor=ASSISTANT, data=data),))
    if told:
        data["entities"] = told
    decided = NewEvent(kind="decided", actor=ASSISTANT, data=data)
    return Follows(events=(decided,), run=(_about_to_run(data),))


def _about_to_run(decided: Mapping[str, Any]) -> PlaybookRun:
    """The playbook that was decided on, marked busy: what is said meanwhile has to wait."""
    return PlaybookRun(
        playbook=decided["playbook"],
        definition=decided["definition"],
        intent=decided["intent"],
        entities=decided.get("entities", {}),
        waiting=Waiting(kind="outcome", key=""),
    )


def _wants_something_else(
    state: ConversationState, understanding: Understanding, rules: Rules
) -> bool:
    """Whether a message during a playbook is about another matter, and surely so."""
    if not understanding.intents:
        return False
    best = main_matter(understanding, rules.definition) or understanding.intents[0]
    intent = rules.definition.intents.get(best.name)
    if intent is None or intent.courtesy or state.run is None or best.name == state.run.intent:
        return False
    if intent.sensitive or intent.require_human is True:
        return best.confidence >= rules.definition.thresholds.clarify
    return understanding.in_scope and best.confidence >= SWITCH_CONFIDENCE


def _situation(state: ConversationState, definition: ServiceDefinition) -> Situation:
    facts = state.contact_facts or {}
    contact = ContactFacts(
        tier=facts.get("tier", ""),
        language=facts.get("language", ""),
        known=bool(facts.get("known")),
        vip=False,
    )
    situation = Situation(
        channel=state.channel, proof=state.proof, attempts=state.attempts, contact=contact
    )
    if not definition.vip.enabled:
        return situation
    values = condition_values(_NO_UNDERSTANDING, situation, definition)
    vip = any(criterion.evaluate(values) for criterion in definition.vip.criteria)
    return replace(situation, contact=replace(contact, vip=vip))


def _on_decided(state: ConversationState, event: Event, rules: Rules) -> Follows:
    data = event.data
    match data["decision"]:
        case "run_playbook":
            run = _about_to_run(data)
            started = NewEvent(
                kind="playbook_started",
                actor=ASSISTANT,
                data={
                    "playbook": data["playbook"],
                    "intent": data["intent"],
                    "run": replace(run, waiting=None).as_data(),
                },
            )
            return Follows(events=(started,), run=(run,))
        case "ask":
            bound: dict[str, Any] = {"facts": {}, "values": {}, "slots": {}}
            bound["facts"]["candidates"] = [
                {"name": name, "title": rules.definition.intents[name].title}
                for name in data.get("candidates", ())
            ]
            return Follows(effects=(_reply(state, rules, data["template"], bound),), run=(None,))
        case "hand_off" | "draft":
            handed = _hand_off(
                state,
                event,
                rules,
                team=data["team"],
                priority=data["priority"],
                reasons=list(data["reasons"]),
                why=data["reasons"][0]["text"] if data["reasons"] else "",
                intent=data.get("intent"),
                alert=list(data.get("alert", ())),
                draft=data.get("playbook"),
            )
            return Follows(events=(handed,), run=(None,))
        case _:
            aside = NewEvent(kind="set_aside", actor=ASSISTANT, data={"why": data["why"]})
            closed = NewEvent(
                kind="conversation_closed",
                actor=ASSISTANT,
                data={"by": "assistant", "resolution": f"set aside: {data['why']}"},
            )
            return Follows(events=(aside, closed), run=(None,))


def _on_playbook_started(state: ConversationState, event: Event, rules: Rules) -> Follows:
    assert state.run is not None
    playbook = rules.of_run.playbooks[state.run.playbook]
    context = _step_context(state, rules)
    progress = interpret.start(state.run, playbook, event, context, rules.actions)
    return _after_progress(state, event, rules, progress)


def _on_outcome(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """The outcome of an effect, or a timer: a waiting playbook goes on."""
    if state.run is None or state.run.waiting is None or state.status == "closed":
        return NOTHING
    progress = _resume(state, event, event.data, rules)
    return NOTHING if progress is None else _after_progress(state, event, rules, progress)


def _resume(
    state: ConversationState, event: Event, data: Mapping[str, Any], rules: Rules
) -> Progress | None:
    assert state.run is not None
    playbook = rules.of_run.playbooks[state.run.playbook]
    context = _step_context(state, rules)
    if "intents" in data and event.kind != "understood":
        # The understanding waited for the contact's facts: the step sees it as it came.
        event = replace(event, kind="understood", data=data)
    run = state.run
    if event.kind == "understood":
        run = replace(run, entities={**run.entities, **entities_told(event.data)})
    return interpret.resume(run, playbook, event, context, rules.actions)


def _step_context(state: ConversationState, rules: Rules) -> StepContext:
    facts = state.contact_facts or {}
    return StepContext(
        definition=rules.of_run,
        proof=state.proof,
        language=state.language or rules.of_run.language,
        variables={
            "contact": {"tier": facts.get("tier", ""), "known": bool(facts.get("known")),
                        "language": facts.get("language", "")},
            "channel": state.channel,
            "language": state.language or "",
            "proof": state.proof.value,
            "intent": state.intent or "",
            "confidence": state.confidence or 0.0,
            "sentiment": state.sentiment or 0.0,
        },
    )  # fmt: skip


def _after_progress(
    state: ConversationState, event: Event, rules: Rules, progress: Progress
) -> Follows:
    events = list(progress.events)
    effects = list(progress.effects)
    end = progress.end
    if end is not None:
        if end.hand_off is not None:
            team, why = end.hand_off
            reason = {"rule": "playbook", "text": why}
            events.append(
                _hand_off(state, event, rules, team=team, reasons=[reason], why=why,
                          intent=state.run.intent if state.run else None)
            )  # fmt: skip
        elif end.set_aside is not None:
            events.append(NewEvent(kind="set_aside", actor=ASSISTANT, data={"why": end.set_aside}))
            events.append(_close("assistant", f"set aside: {end.set_aside}"))
        elif end.close:
            events.append(_close("assistant", "settled by the assistant"))
        else:
            effects.append(
                NewEffect(
                    kind="wake",
                    payload={"why": "silence", "after": state.last_message},
                    after=MAX_SILENCE,
                )
            )
    return Follows(events=tuple(events), effects=tuple(effects), run=(progress.run,))


def _on_timer(state: ConversationState, event: Event, rules: Rules) -> Follows:
    if event.data.get("why") == "silence":
        quiet = state.owner.kind == "assistant" and state.last_message == event.data.get("after")
        if quiet and state.status == "open" and state.run is None:
            return Follows(events=(_close("assistant", "answered, and not asked again"),))
        return NOTHING
    return _on_outcome(state, event, rules)


def _on_reply_written(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """Carry the reply out of the house, and let a playbook that waited for it go on."""
    goes_on = _on_outcome(state, event, rules)
    if state.channel == "chat":
        return goes_on  # chats read the ledger: written is delivered
    deliver = NewEffect(
        kind="deliver",
        payload={
            "reply": event.seq,
            "ref": event.data["text"]["ref"],
            "author": event.data["author"],
            "answers": state.last_contact_ref,
            "subject": state.subject_ref,
            "language": state.language or rules.definition.language,
        },
    )
    # The playbook's effects keep their places, for the run has noted their keys.
    return replace(goes_on, effects=(*goes_on.effects, deliver))


def _on_handed_off(state: ConversationState, event: Event, rules: Rules) -> Follows:
    data = event.data
    effects: list[NewEffect] = []
    if data.get("notify"):
        bound = {
            "facts": {"team": {"title": _team_title(rules.definition, data["team"])}},
            "values": {},
            "slots": {},
        }
        effects.append(_reply(state, rules, data["notify"], bound))
    if data.get("alert"):
        effects.append(
            NewEffect(kind="alert", payload={"teams": data["alert"], "intent": data.get("intent")})
        )
    if data.get("draft"):
        effects.append(
            NewEffect(
                kind="write_draft",
                payload={"playbook": data["draft"], "language": state.language},
            )
        )
    return Follows(effects=tuple(effects))


def _on_reply_suppressed(state: ConversationState, event: Event, rules: Rules) -> Follows:
    if "effect" not in event.data or state.owner.kind != "assistant":
        return NOTHING
    reason = {"rule": "automatic_replies", "text": str(event.data["why"])}
    handed = _hand_off(
        state, event, rules, reasons=[reason], why=str(event.data["why"]), notify=False
    )
    return Follows(events=(handed,), run=(None,))


def _on_reply_failed(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """A reply that cannot be delivered is a matter for a person; telling the contact would fail."""
    if state.owner.kind != "assistant":
        return NOTHING
    why = f"a reply could not be delivered: {event.data['error']}"
    reason = {"rule": "reply_failed", "text": why}
    handed = _hand_off(state, event, rules, reasons=[reason], why=why, notify=False)
    return Follows(events=(handed,), run=(None,))


def _on_closed(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """Tell the contact in a chat that an agent has closed; by mail silence is politer."""
    language = state.language or rules.definition.language
    by_person = event.actor.startswith("agent:")
    if state.channel == "email" or not by_person:
        return NOTHING
    if rules.definition.template("conversation-closed", language) is None:
        return NOTHING
    bound: dict[str, Any] = {"facts": {}, "values": {}, "slots": {}}
    return Follows(effects=(_reply(state, rules, "conversation-closed", bound),))


def _on_effect_failed(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """Work that failed for good becomes work for a person."""
    if state.owner.kind != "assistant" or state.status == "closed":
        return NOTHING
    goes_on = _on_outcome(state, event, rules)
    if goes_on.events or goes_on.effects:
        return goes_on
    why = f"{event.data['of']} failed: {event.data['error']}"
    reason = {"rule": "effect_failed", "text": why, "value": event.data["attempts"]}
    handed = _hand_off(state, event, rules, reasons=[reason], why=why)
    return Follows(events=(handed,), run=(None,))


def _hand_off(
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


def _team_title(definition: ServiceDefinition, team: str) -> str:
    known = definition.teams.get(team)
    return known.title if known else team


def _reply(
    state: ConversationState, rules: Rules, template: str, bound: Mapping[str, Any]
) -> NewEffect:
    language = state.language or rules.definition.language
    return NewEffect(
        kind="write_reply",
        payload={
            "template": template,
            "language": language,
            "bound": bound,
        },
    )


def _close(by: str, resolution: str) -> NewEvent:
    return NewEvent(
        kind="conversation_closed", actor=ASSISTANT if by == "assistant" else SYSTEM,
        data={"by": by, "resolution": resolution},
    )  # fmt: skip


_NO_UNDERSTANDING = Understanding(
    intents=(), scope=0.0, in_scope=False, automatic=False, language="", sentiment=0.0,
    urgency="low", spam=0.0, model="",
)  # fmt: skip

_RULES = {
    "message_received": _on_message,
    "understood": _on_understood,
    "contact_known": _on_contact_known,
    "decided": _on_decided,
    "playbook_started": _on_playbook_started,
    "playbook_ended": _on_playbook_ended,
    "conversation_closed": _on_closed,
    "looked_up": _on_outcome,
    "timer_fired": _on_timer,
    "reply_written": _on_reply_written,
    "reply_suppressed": _on_reply_suppressed,
    "handed_off": _on_handed_off,
    "effect_failed": _on_effect_failed,
    "reply_failed": _on_reply_failed,
}
