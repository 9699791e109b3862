"""What the actions are made of."""

from datetime import timedelta

from answerable.definition.duration import Duration, parse_duration
from answerable.definition.schema import Step
from answerable.ledger.event import Event, NewEffect
from answerable.playbooks.run import PlaybookRun, StepContext


def is_outcome(run: PlaybookRun, event: Event) -> bool:
    """Whether `event` is the outcome (or timer) that the run waits for."""
    return run.waiting is not None and event.data.get("effect") == run.waiting.key


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
