"""What an action is: a declaration, and pure rules for beginning and resuming a step."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Protocol

from answerable.definition.actions import ActionSpec
from answerable.definition.schema import Step
from answerable.kit.errors import InvalidInput
from answerable.ledger.event import Event
from answerable.playbooks.run import PlaybookRun, StepContext, StepOutcome


class Action(Protocol):
    """One kind of step. Pure: whatever touches the world is asked for as an effect.

    Third parties provide actions by the entry point `answerable.actions`, as ours are provided.
    """

    spec: ActionSpec

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        """Start the step `run.step`."""
        ...

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        """Go on after `event`; None if the event is not what the step waits for."""
        ...


@dataclass
class ActionLibrary:
    """All actions by name. Refuses one that does not declare what it does."""

    actions: dict[str, Action] = field(default_factory=dict)

    def add(self, action: Action) -> None:
        spec = getattr(action, "spec", None)
        if not isinstance(spec, ActionSpec):
            raise InvalidInput(
                "undeclared_action",
                f"{type(action).__name__} declares no `spec`: say what it reads and writes, which "
                "proof it needs and whether it needs approval",
            )
        if spec.name in self.actions:
            raise InvalidInput("duplicate_action", f"two actions are called {spec.name!r}")
        self.actions[spec.name] = action

    def __getitem__(self, name: str) -> Action:
        return self.actions[name]

    @property
    def catalogue(self) -> Mapping[str, ActionSpec]:
        return {name: action.spec for name, action in self.actions.items()}
