"""Actions say what they do, or they do not load."""

import pytest

from answerable.definition.actions import ActionSpec
from answerable.definition.schema import Step
from answerable.definition.terms import Proof
from answerable.kit.errors import InvalidInput
from answerable.ledger.event import Event
from answerable.playbooks.action import ActionLibrary
from answerable.playbooks.library import built_in_actions
from answerable.playbooks.run import PlaybookRun, Proceed, StepContext, StepOutcome


class Declared:
    spec = ActionSpec(name="ring-a-bell", reads=(), writes=("bell",), proof=Proof.ANONYMOUS)

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        return Proceed(run=run)

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        return None


class Undeclared:
    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        return Proceed(run=run)

    def resume(
        self, step: Step, run: PlaybookRun, event: Event, context: StepContext
    ) -> StepOutcome | None:
        return None


def test_an_action_that_declares_nothing_does_not_load() -> None:
    with pytest.raises(InvalidInput, match="declares no `spec`"):
        ActionLibrary().add(Undeclared())  # type: ignore[arg-type]


def test_a_declared_action_enters_by_the_same_door_as_ours() -> None:
    library = built_in_actions()
    library.add(Declared())
    assert "ring-a-bell" in library.catalogue


def test_two_actions_of_one_name_are_refused() -> None:
    library = built_in_actions()
    library.add(Declared())
    with pytest.raises(InvalidInput, match="two actions"):
        library.add(Declared())


def test_every_action_of_ours_says_what_it_reads_and_writes() -> None:
    for name, spec in built_in_actions().catalogue.items():
        assert spec.name == name
        assert spec.reads or spec.writes or name in ("wait", "end")
