"""Several processes on one store: what one leaves another does, and what one held is freed."""

import asyncio
from collections.abc import Sequence, Set
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from answerable.definition.schema import ServiceDefinition
from answerable.flow.message import Accepted
from answerable.flow.service import TAKEN_ON
from answerable.flow.work import CONNECTOR_EFFECTS
from answerable.kit.database import Unit
from answerable.kit.ids import ConversationId
from answerable.kit.testing import FakeMembership, SettableClock
from answerable.ledger.event import Lease
from answerable.ledger.outbox import Room, claim_effects, return_effects
from answerable.ledger.tables import effect
from answerable.understanding.testing import KeywordReader
from answerable.understanding.understanding import Understanding
from tests.support.town import WORDS, Town, open_town


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
        tmp_path / "town.db", clock=clock, membership=FakeMembership("prc_connector"),
        advances=False,
    )  # fmt: skip
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


async def test_what_follows_from_before_does_not_undo_a_take_over(tmp_path: Path) -> None:
    gateway = open_town(
        tmp_path / "town.db", membership=FakeMembership("prc_gateway"),
        leaves=frozenset({"understand"}),
    )  # fmt: skip
    reader = open_town(
        tmp_path / "town.db", membership=FakeMembership("prc_reader"), advances=False
    )
    at = await gateway.says("I want a refund", settle=False)
    await reader.service.sweep()
    await reader.service.performer.settle()
    kinds = await gateway.kinds(at.conversation)
    assert "understood" in kinds
    assert "decided" not in kinds

    await gateway.takes_over(at.conversation)

    assert await gateway.owner(at.conversation) == "agent:agt_1"
    kinds = await gateway.kinds(at.conversation)
    assert kinds.index("decided") < kinds.index("taken_over")
    await gateway.service.database.close()
    await reader.service.database.close()


@pytest.mark.parametrize(("missing", "together"), [(1, 4), (2, 1)])
async def test_what_may_kill_is_tried_by_one_process_at_a_time(
    tmp_path: Path, missing: int, together: int
) -> None:
    town = open_town(tmp_path / "town.db", leaves=CONNECTOR_EFFECTS)
    mails = [await town.mails("hours?", by=f"customer{n}@example.com") for n in range(8)]
    database, now = town.service.database, town.clock.now()

    async def strike(*those: Accepted) -> None:
        struck = effect.c.stream.in_([one.conversation for one in those])
        query = sa.update(effect).where(struck).values(missing_ends=missing)
        await database.write(lambda tx: tx.execute(query))

    def claim(holder: str) -> Unit[list[str]]:
        lease = Lease(holder=holder, until=now + timedelta(minutes=1))
        room = Room(fresh=0, company=4, alone=True)
        return lambda tx: [
            one.key for one in claim_effects(tx, now, lease, room, kinds={"know_contact"})
        ]

    await strike(*mails[:4])
    first = await database.write(claim("prc_one"))
    assert len(first) == together
    await strike(*mails[4:])
    assert await database.write(claim("prc_other")) == []

    await database.write(lambda tx: return_effects(tx, first, "prc_one"))
    assert len(await database.write(claim("prc_other"))) == together
    await database.close()


async def test_what_may_kill_one_role_does_not_hold_up_another(tmp_path: Path) -> None:
    town = open_town(tmp_path / "town.db", leaves=CONNECTOR_EFFECTS | {"understand"})
    await town.mails("hours?")
    database, now = town.service.database, town.clock.now()
    await database.write(lambda tx: tx.execute(sa.update(effect).values(missing_ends=1)))
    room = Room(fresh=10, company=16, alone=True)

    def claim(holder: str, kinds: Set[str]) -> Unit[set[str]]:
        lease = Lease(holder=holder, until=now + timedelta(minutes=1))
        return lambda tx: {one.kind for one in claim_effects(tx, now, lease, room, kinds=kinds)}

    assert await database.write(claim("prc_one", CONNECTOR_EFFECTS)) == {"know_contact"}
    assert await database.write(claim("prc_two", {"understand"})) == {"understand"}
    await database.close()


async def test_what_an_agent_does_holds_at_once_where_others_advance(tmp_path: Path) -> None:
    clock = SettableClock()
    worker = open_town(tmp_path / "town.db", clock=clock, membership=FakeMembership("prc_worker"))
    at = await worker.says("I want a refund")
    gateway = open_town(
        tmp_path / "town.db", clock=clock, membership=FakeMembership("prc_gateway"), advances=False
    )

    taken = await gateway.takes_over(at.conversation)

    assert await gateway.owner(at.conversation) == "agent:agt_1"
    assert (await gateway.events(at.conversation))[-1].seq == taken.seq
    await gateway.service.database.close()
    await worker.service.database.close()


async def test_what_a_process_held_is_freed_when_it_is_gone_and_not_before(
    tmp_path: Path,
) -> None:
    clock, membership = SettableClock(), FakeMembership("prc_two", beside=1)
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


class Reading(KeywordReader):
    """Reads nothing before it is let."""

    def __init__(self) -> None:
        super().__init__(WORDS)
        self.may = asyncio.Event()

    async def understand(
        self, definition: ServiceDefinition, texts: Sequence[str]
    ) -> Sequence[Understanding]:
        await self.may.wait()
        return await super().understand(definition, texts)


async def test_the_first_to_come_does_not_take_all_that_there_is_to_do(tmp_path: Path) -> None:
    """A backlog is there when the workers start: each gets its part, and all is done once."""
    clock, number, readings = SettableClock(), TAKEN_ON + 20, (Reading(), Reading())
    gateway = open_town(
        tmp_path / "town.db", clock=clock, membership=FakeMembership("prc_gateway"), advances=False
    )
    first, second = (
        open_town(
            tmp_path / "town.db", clock=clock, membership=FakeMembership(name), reader=reading
        )
        for name, reading in zip(("prc_first", "prc_second"), readings, strict=True)
    )
    for n in range(number):
        at = await gateway.says("hours?", by=f"c-{n}", settle=False)
        first.service.hint(at.conversation)

    await first.service.advance()
    assert len(first.service.performer.held) == TAKEN_ON
    assert await second.service.sweep()
    assert len(second.service.performer.held) == number - TAKEN_ON

    for reading in readings:
        reading.may.set()
    await asyncio.gather(first.service.settle(), second.service.settle())
    assert [len(reading.read) for reading in readings] == [TAKEN_ON, number - TAKEN_ON]
    for town in (gateway, first, second):
        await town.service.database.close()


async def test_one_that_is_alone_takes_all_without_asking_again(tmp_path: Path) -> None:
    reading, number = Reading(), TAKEN_ON + 20
    alone = open_town(tmp_path / "town.db", reader=reading)
    for n in range(number):
        await alone.says("hours?", by=f"c-{n}", settle=False)

    assert len(alone.service.performer.held) == number

    reading.may.set()
    await alone.service.settle()
    await alone.service.database.close()
