"""A playbook under way: begun, moved on by outcomes and answers, and over."""

from collections.abc import Mapping
from dataclasses import replace
from typing import Any

from answerable.definition.schema import ServiceDefinition
from answerable.definition.terms import Proof
from answerable.flow.follows import NOTHING, Follows, Rules, closed_by
from answerable.flow.hand_off import hand_off, notice, notice_for
from answerable.flow.state import MAX_SILENCE, ConversationState
from answerable.flow.trend import trend
from answerable.ledger.event import ASSISTANT, Event, NewEffect, NewEvent
from answerable.playbooks import interpret
from answerable.playbooks.interpret import Progress
from answerable.playbooks.run import PAGE, End, PlaybookRun, StepContext, entities_told


def on_playbook_started(state: ConversationState, event: Event, rules: Rules) -> Follows:
    beside = bool(event.data["run"].get("beside"))
    run, definition = (state.aside, rules.of_aside) if beside else (state.run, rules.of_run)
    assert run is not None
    context = _step_context(state, event, definition)
    playbook = definition.playbooks[run.playbook]
    progress = interpret.start(run, playbook, event, context, rules.actions)
    return after_progress(state, event, rules, progress, aside=beside)


def on_outcome(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """The outcome of an effect, or a timer: a waiting playbook goes on, perhaps the one aside."""
    if state.status == "closed":
        return NOTHING
    if state.run is not None and state.run.waiting is not None:
        progress = resume_run(state, event, event.data, rules)
        if progress is not None:
            return after_progress(state, event, rules, progress)
    return on_aside(state, event, rules)


def on_aside(state: ConversationState, event: Event, rules: Rules) -> Follows:
    """What the playbook that was put aside may be waiting for."""
    if state.aside is None or state.status == "closed":
        return NOTHING
    playbook = rules.of_aside.playbooks[state.aside.playbook]
    context = _step_context(state, event, rules.of_aside, of_change=True)
    progress = interpret.resume(state.aside, playbook, event, context, rules.actions)
    if progress is None:
        return NOTHING
    return after_progress(state, event, rules, progress, aside=True)


def resume_run(
    state: ConversationState, event: Event, data: Mapping[str, Any], rules: Rules
) -> Progress | None:
    assert state.run is not None
    playbook = rules.of_run.playbooks[state.run.playbook]
    context = _step_context(state, event, rules.of_run)
    if "intents" in data and event.kind != "understood":
        # The understanding waited for the contact's facts: the step sees it as it came.
        event = replace(event, kind="understood", data=data)
    run = state.run
    if event.kind == "understood":
        run = replace(run, entities={**run.entities, **entities_told(event.data)})
    return interpret.resume(run, playbook, event, context, rules.actions)


def _step_context(
    state: ConversationState, event: Event, definition: ServiceDefinition, of_change: bool = False
) -> StepContext:
    """of_change: of the playbook whose change it is: what was shown on its page proves something
    to this playbook, and to no other."""
    facts = state.contact_facts or {}
    change = state.change
    shown = change.proof if of_change and change is not None else Proof.ANONYMOUS
    return StepContext(
        definition=definition,
        proof=max(state.proof, shown, key=lambda one: one.rank),
        language=definition.answers_in(state.language),
        at=event.at,
        approved=of_change and change is not None and change.is_approved,
        change=change,
        may_speak=not (of_change and state.owner.kind == "agent"),
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
    state: ConversationState,
    event: Event,
    rules: Rules,
    progress: Progress,
    *,
    aside: bool = False,
) -> Follows:
    """aside: of the one that was put aside. It closes no conversation that others are busy with."""
    own = state.aside if aside else state.run
    alone = state.aside is None
    if aside:
        alone = state.run is None and state.owner.kind == "assistant"
    events = list(progress.events)
    effects = list(progress.effects)
    end = progress.end
    if end is not None:
        if own is not None and own.beside and state.owner.kind != "assistant":
            effects += _told_of_hand_off(state, event, rules, end, own)
        elif end.hand_off is not None:
            team, why = end.hand_off
            reason = {"rule": "playbook", "text": why}
            events.append(
                hand_off(state, event, rules, team=team, reasons=[reason], why=why,
                          intent=own.intent if own else None)
            )  # fmt: skip
        elif end.set_aside is not None:
            events.append(NewEvent(kind="set_aside", actor=ASSISTANT, data={"why": end.set_aside}))
            events.append(closed_by("assistant", f"set aside: {end.set_aside}"))
        elif end.close and alone:
            events.append(closed_by("assistant", "settled by the assistant"))
        else:
            effects.append(
                NewEffect(
                    kind="wake",
                    payload={"why": "silence", "after": state.last_message},
                    after=MAX_SILENCE,
                )
            )
    if aside:
        return Follows(events=tuple(events), effects=tuple(effects), aside=(progress.run,))
    run = progress.run
    if run is not None and run.waiting is not None and run.waiting.kind == PAGE:
        # It goes on by itself; what else is said has its turn.
        return Follows(events=tuple(events), effects=tuple(effects), run=(None,), aside=(run,))
    return Follows(events=tuple(events), effects=tuple(effects), run=(run,))


def _told_of_hand_off(
    state: ConversationState, event: Event, rules: Rules, end: End, run: PlaybookRun
) -> tuple[NewEffect, ...]:
    """People have the conversation, and keep it, however what was offered beside them ended. If the
    reply with the link could not be written, the contact still hears that they have it."""
    unsaid = end.outcome in ("refused", "failed") and run.step == 0
    if not unsaid or state.owner.kind != "queue":
        return ()
    definition = rules.definition
    template = notice_for(state, event, definition, state.owner.id)
    return (notice(state, rules, template),) if template is not None else ()
