"""A definition that changes while processes of before and after serve one store side by side."""

from pathlib import Path
from typing import Any

import pytest

from answerable.kit.testing import FakeMembership, SettableClock
from tests.support.town import DEFINITION, Town, open_town, shop_definition

# Another template's name and another text: what began before needs the old ones.
CHANGED = (
    DEFINITION.replace(b"template: which-parcel", b"template: parcel-please")
    .replace(b"which-parcel: 'Which parcel?'", b"parcel-please: 'Its number, please.'")
    .replace(b"Parcel {{ parcel }} is", b"Your parcel {{ parcel }} is")
)


async def under(
    definition: bytes, path: Path, name: str, clock: SettableClock, **options: Any
) -> Town:
    """A process that began with this definition."""
    active = shop_definition(definition)
    town = open_town(
        path, clock=clock, membership=FakeMembership(name), definition=active, **options
    )
    await town.service.database.write(
        lambda tx: town.service.definitions.activate(
            tx, active, name="shop.yaml", source=definition, at=clock.now()
        )
    )
    return town


@pytest.mark.parametrize(
    ("first", "then", "question", "answer"),
    [
        (DEFINITION, CHANGED, "Which parcel?", "Parcel P-1234 is on its way, due Friday."),
        (
            CHANGED,
            DEFINITION,
            "Its number, please.",
            "Your parcel P-1234 is on its way, due Friday.",
        ),
    ],
    ids=["begun before, ended after", "begun after, ended before"],
)
async def test_a_playbook_goes_on_under_its_own_definition_in_every_process(
    tmp_path: Path, first: bytes, then: bytes, question: str, answer: str
) -> None:
    clock = SettableClock()
    other = await under(then, tmp_path / "town.db", "prc_other", clock)
    one = await under(
        first, tmp_path / "town.db", "prc_one", clock, leaves=frozenset({"write_reply"})
    )
    asked = (await one.says("Where is my parcel?")).conversation

    await other.service.settle()
    await other.says("P-1234", client_id="the-number")

    notice = "An automated assistant answers.\n\n"
    assert await other.replies(asked) == [notice + question, answer]
    for town in (one, other):
        await town.service.database.close()
