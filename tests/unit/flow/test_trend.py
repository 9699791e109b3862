"""Whether a contact's mood falls or rises: from the messages to the state and the conditions."""

import pytest

from answerable.flow.state import ConversationState
from answerable.flow.trend import trend
from tests.support.town import Town


@pytest.mark.parametrize(
    ("moods", "expected"),
    [
        ([], "steady"),
        ([-0.9], "steady"),  # angry from the start: nothing has fallen
        ([0.1, -0.5], "falling"),
        ([0.0, -0.3], "falling"),
        ([0.0, -0.2999], "steady"),
        ([-0.8, 0.2], "rising"),
        ([-0.8, -0.8, -0.8], "steady"),
        ([0.6, 0.0, -0.3, -0.4], "falling"),  # slowly, but by half
        ([-0.9, 0.0, 0.0, 0.0, 0.0], "steady"),  # what was long before is forgotten
    ],
)
def test_the_latest_message_is_compared_with_those_before(
    moods: list[float], expected: str
) -> None:
    assert trend(moods) == expected


async def test_who_loses_patience_is_seen_to_fall(town: Town) -> None:
    at = await town.says("hours?")
    assert trend((await town.state(at.conversation))["moods"]) == "steady"

    await town.says("I am furious, that is no answer")

    assert trend((await town.state(at.conversation))["moods"]) == "falling"


async def test_a_long_conversation_remembers_only_its_latest_moods(town: Town) -> None:
    for _ in range(6):
        at = await town.says("hours?")

    assert (await town.state(at.conversation))["moods"] == [0.0, 0.0, 0.0, 0.0]


def test_a_snapshot_from_before_moods_were_kept_is_read_as_having_none() -> None:
    older = ConversationState(sentiment=-0.4).as_data()
    del older["moods"]

    state = ConversationState.from_data(older)

    assert (state.sentiment, state.moods) == (-0.4, ())
