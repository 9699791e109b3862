"""The interpreter: from where a playbook stands and what happened to what follows."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from answerable.definition.schema import Playbook, Step
from answerable.ledger.event import Event, NewEffect, NewEvent, effect_key
from answerable.playbooks.action import ActionLibrary
from answerable.playbooks.run import (
    Block,
    End,
    PlaybookRun,
    Proceed,
    StepContext,
    StepOutcome,
    Waiting,
)

DONE = End(outcome="done")
# Nobody is left without an answer because no step's condition held.
SILENT = End(outcome="silent", hand_off=(None, "the playbook ended without an answer"))
STEPS_AT_ONCE = 100  # a playbook has no loops; this catches a definition that grew one


@dataclass(frozen=True, kw_only=True)
class Progress:
    """What follows: run is None when the playbook is over, and `end` says how."""

    run: PlaybookRun | None
    events: tuple[NewEvent, ...] = ()
    effects: tuple[NewEffect, ...] = ()
    end: End | None = None


def start(
    run: PlaybookRun, playbook: Playbook, event: Event, context: StepContext, library: ActionLibrary
) -> Progress:
    """Carry out steps from `run.step` until one waits or the playbook is over."""
    return _carry_on(run, playbook, event, context, library, first=None)


def resume(
    run: PlaybookRun, playbook: Playbook, event: Event, context: StepContext, library: ActionLibrary
) -> Progress | None:
    """Go on after `event`; None if the playbook waits for something else."""
    step = playbook.workflow[run.step]
    outcome = library[step.action].resume(step, run, event, context)
    if outcome is None:
        return None
    return _carry_on(run, playbook, event, context, library, first=outcome)


def _carry_on(
    run: PlaybookRun,
    playbook: Playbook,
    event: Event,
    context: StepContext,
    library: ActionLibrary,
    first: StepOutcome | None,
) -> Progress:
    events: list[NewEvent] = []
    outcome = first
    for _ in range(STEPS_AT_ONCE):
        if outcome is None:
            if run.step >= len(playbook.workflow):
                return _over(run, events, DONE if run.said else SILENT)
            outcome = _begin(run, playbook.workflow[run.step], context, library)
        match outcome:
            case Proceed():
                events.extend(outcome.events)
                run = outcome.run.next_step()
                outcome = None
            case Block():
                events.extend(outcome.events)
                return _blocked(outcome, event, events)
            case End():
                return _over(run, events, outcome)
    return _over(run, events, End(outcome="failed", hand_off=(None, "the playbook does not end")))


def _begin(
    run: PlaybookRun, step: Step, context: StepContext, library: ActionLibrary
) -> StepOutcome:
    if step.condition is not None and not step.condition.evaluate(_variables(run, context)):
        skipped = _skipped(run, step, condition=step.condition.source)
        return Proceed(run=run, events=(skipped,))
    spec = library[step.action].spec
    if "reply" in spec.writes and not context.may_speak:
        return Proceed(run=run, events=(_skipped(run, step, why="a person has the conversation"),))
    needed = spec.proof_for(step.parameters)
    if not context.proof.satisfies(needed):
        # `check` refuses such definitions; a conversation may still have lost its proof meanwhile.
        return End(outcome="refused", hand_off=(None, f"{step.action} needs {needed.value}"))
    if spec.needs_code and not (context.change is not None and context.change.is_proven):
        return End(outcome="refused", hand_off=(None, f"{step.action} needs a one-time code"))
    if spec.needs_approval and not context.approved:
        return End(outcome="refused", hand_off=(None, f"{step.action} needs an approval"))
    return library[step.action].begin(step, run, context)


def _skipped(run: PlaybookRun, step: Step, **why: str) -> NewEvent:
    data = {"step": run.step, "action": step.action, **why}
    return NewEvent(kind="step_skipped", actor="assistant", data=data)


def _variables(run: PlaybookRun, context: StepContext) -> Mapping[str, Any]:
    slots = {name: {"known": True, "type": slot["type"]} for name, slot in run.slots.items()}
    return {**context.variables, **slots, **run.facts}


def _blocked(block: Block, event: Event, events: list[NewEvent]) -> Progress:
    key = effect_key(event.stream, event.seq, block.waits_on + 1)
    waiting = Waiting(kind=block.kind, key=key, slot=block.slot, attempts=block.attempts)
    speaks = block.run.said or any(effect.kind == "write_reply" for effect in block.effects)
    run = replace(block.run, waiting=waiting, said=speaks)
    return Progress(run=run, events=tuple(events), effects=block.effects)


def _over(run: PlaybookRun, events: list[NewEvent], end: End) -> Progress:
    ended: dict[str, Any] = {"playbook": run.playbook, "outcome": end.outcome, "step": run.step}
    if end.hand_off is not None:
        ended["reason"] = end.hand_off[1]
    events.extend(end.events)
    events.append(NewEvent(kind="playbook_ended", actor="assistant", data=ended))
    return Progress(run=None, events=tuple(events), effects=end.effects, end=end)
