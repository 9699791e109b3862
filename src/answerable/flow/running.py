"""A playbook under way: begun, moved on by outcomes and answers, and over."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from answerable.flow.follows import NOTHING, Follows, Rules, closed_by
from answerable.flow.hand_off import hand_off
from answerable.flow.state import MAX_SILENCE, ConversationState
from answerable.flow.trend import trend
from answerable.ledger.event import ASSISTANT, Event, NewEffect, NewEvent
from answerable.playbooks import interpret
from answerable.playbooks.interpret import Progress
from answerable.playbooks.run import StepContext, entities_told


def on_playbook_started(state: ConversationState, event: Event, rules: Rules) -> Follows:
    assert state.run is not None
    playbook = rules.of_run.playbooks[state.run.playbook]
    context = _step_context(state, rules)
    progress = interpret.start(state.run, playbook, event, context, rules.actions)
    return after_progress(state, event, rules, progress)


def on_outcome(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """The outcome of an effect, or a timer: a waiting playbook goes on."""
    if state.run is None or state.run.waiting is None or state.status == "closed":
        return NOTHING
    progress = resume_run(state, event, event.data, rules)
    return NOTHING if progress is None else after_progress(state, event, rules, progress)


def resume_run(
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
            "trend": trend(state.moods),
        },
    )  # fmt: skip


def after_progress(
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
                hand_off(state, event, rules, team=team, reasons=[reason], why=why,
                          intent=state.run.intent if state.run else None)
            )  # fmt: skip
        elif end.set_aside is not None:
            events.append(NewEvent(kind="set_aside", actor=ASSISTANT, data={"why": end.set_aside}))
            events.append(closed_by("assistant", f"set aside: {end.set_aside}"))
        elif end.close:
            events.append(closed_by("assistant", "settled by the assistant"))
        else:
            effects.append(
                NewEffect(
                    kind="wake",
                    payload={"why": "silence", "after": state.last_message},
                    after=MAX_SILENCE,
                )
            )
    return Follows(events=tuple(events), effects=tuple(effects), run=(progress.run,))
