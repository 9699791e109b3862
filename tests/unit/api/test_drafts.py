"""A draft is shown for its own matter, and never beside a sensitive one."""

from pathlib import Path

from answerable.api.desk.reading import Reader
from answerable.api.desk.shapes import Detail
from answerable.kit.ids import ConversationId
from tests.support.town import TENANT, Town, open_town, shop_definition


async def _detail(town: Town, conversation: ConversationId) -> Detail:
    reading = Reader(tenant=TENANT, vault=town.service.vault, definition=shop_definition())
    return await town.service.database.read(lambda tx: reading.detail(tx, conversation))


async def test_a_draft_stands_in_the_briefing_of_its_hand_off(tmp_path: Path) -> None:
    town = open_town(tmp_path / "town.db")
    at = await town.says("I want a refund")

    briefing = (await _detail(town, at.conversation)).briefing

    assert briefing is not None
    assert briefing.suggested == ["We are open."]
    await town.service.database.close()


async def test_a_fraud_report_hides_the_draft_of_an_earlier_matter(tmp_path: Path) -> None:
    town = open_town(tmp_path / "town.db")
    at = await town.says("I want a refund")
    await town.says("Wait, this is fraud!")

    briefing = (await _detail(town, at.conversation)).briefing

    assert briefing is not None
    assert briefing.suggested == []
    await town.service.database.close()
