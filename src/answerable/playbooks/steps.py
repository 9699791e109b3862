"""What the actions are made of."""

from datetime import timedelta
from typing import Any

from answerable.definition.duration import Duration, parse_duration
from answerable.definition.schema import Step
from answerable.ledger.event import Event, NewEffect
from answerable.playbooks.change import Change
from answerable.playbooks.run import End, PlaybookRun, Proceed, StepContext, StepOutcome


def is_outcome(run: PlaybookRun, event: Event) -> bool:
    """Whether `event` is the outcome (or timer) that the run waits for."""
    return run.waiting is not None and event.data.get("effect") == run.waiting.key


def done_or_handed_off(
    run: PlaybookRun, event: Event, *, done: str, failed: str
) -> StepOutcome | None:
    """For a step that waits for one outcome: `done` is the kind of event that lets it go on; after
    any other people are told that it `failed`."""
    if not is_outcome(run, event):
        return None
    return (
        Proceed(run=run) if event.kind == done else End(outcome="failed", hand_off=(None, failed))
    )


def write_reply(run: PlaybookRun, template: str, context: StepContext) -> NewEffect:
    return NewEffect(
        kind="write_reply",
        payload={
            "definition": run.definition,
            "template": template,
            "language": context.language,
            "bound": run.bound(),
        },
    )


def time_of(step: Step, name: str, default: timedelta) -> timedelta:
    given = step.parameters.get(name)
    if given is None:
        return default
    duration = parse_duration(given)
    # Working time is for promises to people; what a playbook waits is elapsed time.
    return duration.approximate if isinstance(duration, Duration) else default


def of_change(event: Event, kind: str, context: StepContext) -> bool:
    """Whether `event` is of this kind, and about the change that is under way."""
    change = context.change
    return event.kind == kind and change is not None and event.data.get("change") == change.id


def until_the_link_ends(context: StepContext) -> NewEffect:
    """A timer for the end of the link: whatever waits for a page waits no longer."""
    assert context.change is not None
    left = max(context.change.link_until - context.at, timedelta(0))
    return NewEffect(kind="wake", payload={"why": "the link has expired"}, after=left)


def timed_out(step: Step) -> End:
    """Whoever never used the link, or left it half-way, has changed nothing."""
    if step.parameters.get("onTimeout") == "hand-off":
        return End(outcome="timed_out", hand_off=(None, "the link was not used in time"))
    return End(outcome="timed_out", close=True)


def nothing_to_change(step: Step) -> End:
    return End(outcome="failed", hand_off=(None, f"{step.action} without a change under way"))


def text_message(
    change: Change, step: Step, run: PlaybookRun, context: StepContext
) -> dict[str, Any]:
    """About what is entered, to the number that the back office knows."""
    return {
        "change": change.id,
        "payload": change.payload,
        "connector": change.connector,
        "texts": step.parameters["texts"],
        "template": step.parameters["template"],
        "definition": run.definition,
        "language": context.language,
    }
