"""What follows from an event: the pure heart of the platform.

`transition` looks at the state after the event, the event and the definition, and says which
events follow and which effects are to be performed. It reads no clock, no database and no text.
"""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from answerable.decisions.decide import (
    ContactFacts,
    Situation,
    condition_values,
    decide,
    main_matter,
)
from answerable.decisions.decision import as_data
from answerable.definition.schema import ServiceDefinition
from answerable.flow.change_rules import CHANGE_RULES, withdrawn
from answerable.flow.follows import NOTHING, Follows, Rules, closed_by, reply_from
from answerable.flow.hand_off import hand_off, on_handed_off
from answerable.flow.running import (
    after_progress,
    on_aside,
    on_outcome,
    on_playbook_started,
    resume_run,
)
from answerable.flow.state import (
    ConversationState,
    facts_outstanding,
    is_busy,
)
from answerable.flow.trend import trend
from answerable.ledger.event import ASSISTANT, Event, NewEffect, NewEvent
from answerable.playbooks.run import PlaybookRun, Waiting, entities_told
from answerable.understanding.understanding import Understanding

# A playbook is left for another matter only when that is understood beyond doubt.
SWITCH_CONFIDENCE = 0.9
QUICK_ANSWERS = 2  # mails that came faster than a person types: it is a robot


def transition(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """What follows from `event`; `state` is the state after it."""
    rule = _RULES.get(event.kind)
    if rule is None:
        return NOTHING
    follows = rule(state, event, rules)
    if not follows.effects:
        return follows
    return replace(follows, effects=tuple(_addressed(state, event, e) for e in follows.effects))


def _addressed(state: ConversationState, event: Event, effect: NewEffect) -> NewEffect:
    """What every effect must know of the conversation to be carried out without reading it."""
    known: dict[str, Any] = {"contact": state.contact, "channel": state.channel}
    if effect.kind == "deliver":
        known["inbox"] = state.inbox
    if effect.kind == "write_draft":
        known["proof"] = state.proof.value
    if effect.kind == "write_reply":
        known["notice"] = not state.noticed
        known["looks_like_a_loop"] = state.quick_answers >= QUICK_ANSWERS
        if event.kind == "change_applied":
            known["consented"] = True
    return replace(effect, payload={**effect.payload, **known})


def _on_message(state: ConversationState, event: Event, rules: Rules) -> Follows:
    data = event.data
    if data.get("bounce_of"):
        return _on_bounce(state, event, rules)
    if data.get("unparsable"):
        reason = {"rule": "unparsable", "text": f"could not be read: {data['unparsable']}"}
        handed = hand_off(state, event, rules, reasons=[reason], why="unreadable message")
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
    handed = hand_off(state, event, rules, reasons=[reason], why="a reply came back")
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
        progress = resume_run(state, event, understood, rules)
        if progress is not None:
            return after_progress(state, event, rules, progress)
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
        channel=state.channel,
        proof=state.proof,
        attempts=state.attempts,
        contact=contact,
        trend=trend(state.moods),
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
            return Follows(
                effects=(reply_from(state, rules, data["template"], bound),), run=(None,)
            )
        case "hand_off" | "draft":
            handed = hand_off(
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
                offer=data.get("offer"),
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


def _on_timer(state: ConversationState, event: Event, rules: Rules) -> Follows:
    if event.data.get("why") == "silence":
        quiet = state.owner.kind == "assistant" and state.last_message == event.data.get("after")
        busy = state.run is not None or state.aside is not None
        if quiet and state.status == "open" and not busy:
            return Follows(events=(closed_by("assistant", "answered, and not asked again"),))
        return NOTHING
    return on_outcome(state, event, rules)


def _on_reply_written(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """Carry the reply out of the house, and let a playbook that waited for it go on."""
    goes_on = on_outcome(state, event, rules)
    if state.channel == "chat":
        return goes_on  # chats read the ledger: written is delivered
    deliver = NewEffect(
        kind="deliver",
        payload={
            "reply": event.seq,
            "ref": event.data["text"]["ref"],
            "author": event.data["author"],
            "answers": state.contact_refs[-1] if state.contact_refs else None,
            "subject": state.subject_ref,
            "language": rules.definition.answers_in(state.language),
            **({"link": event.data["link"]["change"]} if "link" in event.data else {}),
        },
    )
    # The playbook's effects keep their places, for the run has noted their keys.
    return replace(goes_on, effects=(*goes_on.effects, deliver))


def _on_reply_suppressed(state: ConversationState, event: Event, rules: Rules) -> Follows:
    goes_on = on_aside(state, event, rules)
    if goes_on is not NOTHING:
        return goes_on
    if "effect" not in event.data or state.owner.kind != "assistant":
        return NOTHING
    reason = {"rule": "automatic_replies", "text": str(event.data["why"])}
    handed = hand_off(
        state, event, rules, reasons=[reason], why=str(event.data["why"]), notify=False
    )
    return Follows(events=(handed,), run=(None,))


def _on_reply_failed(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """A reply that cannot be delivered is a matter for a person; telling the contact would fail."""
    if state.owner.kind != "assistant":
        return NOTHING
    why = f"a reply could not be delivered: {event.data['error']}"
    reason = {"rule": "reply_failed", "text": why}
    handed = hand_off(state, event, rules, reasons=[reason], why=why, notify=False)
    return Follows(events=(handed,), run=(None,))


def _on_closed(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """Tell the contact in a chat that an agent has closed; by mail silence is politer."""
    ends = withdrawn(state, "the conversation was closed")
    language = rules.definition.answers_in(state.language)
    by_person = event.actor.startswith("agent:")
    if state.channel == "email" or not by_person:
        return ends
    if rules.definition.template("conversation-closed", language) is None:
        return ends
    bound: dict[str, Any] = {"facts": {}, "values": {}, "slots": {}}
    return replace(ends, effects=(reply_from(state, rules, "conversation-closed", bound),))


def _on_effect_failed(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """Work that failed for good becomes work for a person."""
    if state.status == "closed":
        return NOTHING
    goes_on = on_aside(state, event, rules)
    if goes_on is not NOTHING:
        return goes_on
    if state.owner.kind != "assistant":
        return NOTHING
    goes_on = on_outcome(state, event, rules)
    if goes_on.events or goes_on.effects:
        return goes_on
    why = f"{event.data['of']} failed: {event.data['error']}"
    reason = {"rule": "effect_failed", "text": why, "value": event.data["attempts"]}
    handed = hand_off(state, event, rules, reasons=[reason], why=why)
    return Follows(events=(handed,), run=(None,))


_NO_UNDERSTANDING = Understanding(
    intents=(), scope=0.0, in_scope=False, automatic=False, language="", sentiment=0.0,
    urgency="low", spam=0.0, churn=0.0, abuse=0.0, model="",
)  # fmt: skip

_RULES = {
    "message_received": _on_message,
    "understood": _on_understood,
    "contact_known": _on_contact_known,
    "decided": _on_decided,
    "playbook_started": on_playbook_started,
    "playbook_ended": _on_playbook_ended,
    "conversation_closed": _on_closed,
    "link_issued": _on_playbook_ended,
    **CHANGE_RULES,
    "looked_up": on_outcome,
    "timer_fired": _on_timer,
    "reply_written": _on_reply_written,
    "reply_suppressed": _on_reply_suppressed,
    "handed_off": on_handed_off,
    "effect_failed": _on_effect_failed,
    "reply_failed": _on_reply_failed,
}
