"""Whose numbers are found as they are written there, the definition says."""

from pathlib import Path

import pytest

from tests.support.town import DEFINITION, open_town, shop_definition


@pytest.mark.parametrize(
    ("privacy", "text"),
    [
        ("{}", "hours? see 8 (495) 123-45-67"),
        ("{phoneCountries: [se, ru]}", "hours? see <phone:1>"),
    ],
)
async def test_a_national_number_is_masked_where_the_definition_names_its_country(
    tmp_path: Path, privacy: str, text: str
) -> None:
    definition = shop_definition(DEFINITION + f"privacy: {privacy}\n".encode())
    town = open_town(tmp_path / "town.db", definition=definition)

    at = await town.says("hours? see 8 (495) 123-45-67")

    received = await town.last(at.conversation, "message_received")
    assert await town.text(received) == text
    await town.service.database.close()
