"""What cannot be worked on holds up nobody, and becomes work for a person."""

from datetime import timedelta

from answerable.definition.schema import Step
from answerable.playbooks.library import Reply
from answerable.playbooks.run import PlaybookRun, StepContext, StepOutcome
from tests.support.town import Town


class Broken(Reply):
    """A reply action with a bug of ours."""

    def begin(self, step: Step, run: PlaybookRun, context: StepContext) -> StepOutcome:
        raise ZeroDivisionError("a bug in a pure rule")


async def test_a_bug_in_a_rule_is_tried_five_times_and_then_a_person_has_it(town: Town) -> None:
    town.actions.actions["reply"] = Broken()
    poisoned = await town.says("hours?", by="unlucky")
    other = await town.says("I want a refund", by="lucky")

    assert await town.owner(other.conversation) == "queue:money"
    for _ in range(6):
        await town.time_passes(timedelta(minutes=5))

    assert await town.owner(poisoned.conversation) == "queue:service"
    reasons = (await town.last(poisoned.conversation, "handed_off")).data["reasons"]
    assert reasons[0]["rule"] == "internal_error"


async def test_a_poisoned_conversation_goes_on_with_people(town: Town) -> None:
    town.actions.actions["reply"] = Broken()
    at = await town.says("hours?")
    for _ in range(6):
        await town.time_passes(timedelta(minutes=5))

    taken = await town.takes_over(at.conversation)
    await town.answers(at.conversation, "From nine to five.", version=taken.seq)

    assert await town.replies(at.conversation) == ["From nine to five."]
    events = await town.events(at.conversation)
    assert [event.seq for event in events] == list(range(1, len(events) + 1))
