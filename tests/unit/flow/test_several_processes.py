"""Several processes on one store: what one leaves another does, and what one held is freed."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

from answerable.flow.work import CONNECTOR_EFFECTS
from answerable.kit.ids import ConversationId
from answerable.kit.testing import FakeMembership, SettableClock
from tests.support.town import Town, open_town


@dataclass
class Heard:
    conversations: list[ConversationId] = field(default_factory=list)
    effects: list[tuple[str, str]] = field(default_factory=list)

    def conversation(self, conversation: ConversationId) -> None:
        self.conversations.append(conversation)

    def effect(self, kind: str, key: str) -> None:
        self.effects.append((kind, key))


async def dies(town: Town) -> None:
    """Its effects are never ended, and nobody gives them back."""
    tasks = list(town.service.performer._tasks)
    assert tasks
    await asyncio.sleep(0)  # they have begun
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    await town.service.database.close()


async def test_what_a_worker_leaves_to_connectors_is_hinted_at_and_done_there(
    tmp_path: Path,
) -> None:
    clock, heard = SettableClock(), Heard()
    worker = open_town(
        tmp_path / "town.db", clock=clock, membership=FakeMembership("prc_worker"),
        leaves=CONNECTOR_EFFECTS, hints=heard,
    )  # fmt: skip
    conversation = (await worker.mails("Where is parcel P-1234?")).conversation
    assert "found" not in await worker.kinds(conversation)
    assert [kind for kind, _ in heard.effects] == ["know_contact"]

    connector = open_town(
        tmp_path / "town.db", clock=clock, membership=FakeMembership("prc_connector")
    )
    while heard.effects:
        await connector.service.take_up_effect(heard.effects.pop(0)[1])
        await worker.service.settle()

    assert await worker.replies(conversation)
    assert len(connector.warehouse.asked) == 1
    assert not worker.warehouse.asked
    asked = await worker.last(conversation, "looked_up")
    await connector.service.take_up_effect(str(asked.data["effect"]))  # a doubled hint
    assert len(connector.warehouse.asked) == 1
    await worker.service.database.close()
    await connector.service.database.close()


async def test_a_hint_at_a_conversation_is_answered_once_it_has_been_advanced(
    tmp_path: Path,
) -> None:
    clock = SettableClock()
    one = open_town(
        tmp_path / "town.db", clock=clock, membership=FakeMembership("prc_one"), advances=False
    )
    other = open_town(tmp_path / "town.db", clock=clock, membership=FakeMembership("prc_other"))
    conversation = (await one.mails("opening hours please", settle=False)).conversation

    hinted = asyncio.ensure_future(other.service.take_up(conversation))
    await other.service.settle()
    await hinted

    assert await other.replies(conversation)
    await other.service.settle()
    await one.service.settle()
    assert len(await other.replies(conversation)) == 1
    await one.service.database.close()
    await other.service.database.close()


async def test_what_a_process_held_is_freed_when_it_is_gone_and_not_before(
    tmp_path: Path,
) -> None:
    clock, membership = SettableClock(), FakeMembership("prc_two")
    dying = open_town(tmp_path / "town.db", clock=clock, membership=FakeMembership("prc_one"))
    conversation = (await dying.mails("opening hours please", settle=False)).conversation
    await dies(dying)  # and holds the reading of the message

    other = open_town(tmp_path / "town.db", clock=clock, membership=membership)
    await other.service.settle()
    assert not await other.replies(conversation)

    membership.ended.add("prc_one")
    clock.advance(timedelta(seconds=1))
    await other.service.settle()
    assert len(await other.replies(conversation)) == 1
    await other.service.database.close()
