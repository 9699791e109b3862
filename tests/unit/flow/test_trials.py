"""What may kill its process is tried by one that has nothing else, while others go on."""

import asyncio
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from answerable.flow.ports import Finding, Question
from answerable.flow.trials import TRYING
from answerable.kit.ids import ConversationId
from answerable.kit.testing import FakeMembership
from answerable.ledger.event import Effect
from answerable.ledger.outbox import Room
from answerable.ledger.tables import effect
from tests.support.chaos import until
from tests.support.town import FakeWarehouse, Town, open_town

SUSPECT, OTHER = "P-1234", "P-7777"


class SlowWarehouse(FakeWarehouse):
    """Answers about a parcel once its gate is open."""

    def __init__(self) -> None:
        super().__init__()
        self.gates = {number: asyncio.Event() for number in (SUSPECT, OTHER)}

    @property
    def begun(self) -> list[str]:
        return [question.parameters["number"] for question in self.asked]

    async def read(self, question: Question) -> Finding:
        finding = await super().read(question)
        await self.gates[question.parameters["number"]].wait()
        return finding


@dataclass
class Scene:
    town: Town
    warehouse: SlowWarehouse
    membership: FakeMembership

    async def asks(self, number: str) -> ConversationId:
        """A lookup of this parcel is due, and nobody has begun it."""
        told = await self.town.says(f"Where is my parcel {number}?", by=number, settle=False)
        while "playbook_started" not in await self.town.kinds(told.conversation):
            await self.town.service.advance()
            await asyncio.sleep(0)
        await until(lambda: number in self.warehouse.begun, within=10)
        return told.conversation

    async def becomes_suspect(self, conversation: ConversationId, *, missing: int = 1) -> None:
        """As if its process had died over it."""
        performer = self.town.service.performer
        await performer.stop()
        self.warehouse.asked.clear()
        struck = (
            sa.update(effect).where(effect.c.stream == conversation).values(missing_ends=missing)
        )
        await self.town.service.database.write(lambda tx: tx.execute(struck))


@asynccontextmanager
async def one_of(others: int, path: Path) -> AsyncIterator[Scene]:
    """A process beside so many that do the same."""
    warehouse, membership = SlowWarehouse(), FakeMembership(beside=others)
    town = open_town(path / "town.db", warehouse=warehouse, membership=membership)
    yield Scene(town, warehouse, membership)
    await town.service.performer.stop()
    await town.service.database.close()


async def test_a_suspect_waits_for_what_is_under_way(tmp_path: Path) -> None:
    async with one_of(2, tmp_path) as scene:
        await scene.asks(OTHER)
        performer, beside = scene.town.service.performer, []

        async def due(_dangerous: bool) -> bool:
            return True

        async def claim(room: Room) -> list[Effect]:
            beside.append((room.fresh, list(performer.held)))
            return []

        trial = asyncio.create_task(scene.town.service.trials.hold(due, claim))
        for _ in range(10):
            await asyncio.sleep(0)
        assert not beside
        scene.warehouse.gates[OTHER].set()
        await trial
        assert beside == [(0, [])]


async def test_what_comes_during_a_trial_waits_for_its_end(tmp_path: Path) -> None:
    async with one_of(2, tmp_path) as scene:
        await scene.becomes_suspect(await scene.asks(SUSPECT))
        swept = asyncio.create_task(scene.town.service.sweep())
        await until(lambda: SUSPECT in scene.warehouse.begun, within=10)

        hint = asyncio.create_task(scene.town.service.take_up_effect("eff_unknown"))
        await scene.town.service.database.settle()
        assert not hint.done()
        scene.warehouse.gates[SUSPECT].set()
        await swept
        await hint


async def test_the_last_process_tries_nothing_until_nobody_comes_back(tmp_path: Path) -> None:
    async with one_of(0, tmp_path) as scene:
        await scene.becomes_suspect(await scene.asks(SUSPECT))
        scene.warehouse.gates[SUSPECT].set()
        await scene.town.service.sweep()
        assert SUSPECT not in scene.warehouse.begun

        scene.town.clock.advance(timedelta(seconds=5))
        await scene.town.service.sweep()
        assert SUSPECT in scene.warehouse.begun


async def test_what_was_there_at_two_deaths_is_tried_while_two_others_are_there(
    tmp_path: Path,
) -> None:
    async with one_of(1, tmp_path) as scene:
        await scene.becomes_suspect(await scene.asks(SUSPECT), missing=2)
        scene.warehouse.gates[SUSPECT].set()
        await scene.town.service.sweep()
        assert SUSPECT not in scene.warehouse.begun

        scene.membership.beside = 2
        await scene.town.service.sweep()
        assert SUSPECT in scene.warehouse.begun


async def test_only_one_of_several_tries(tmp_path: Path) -> None:
    async with one_of(2, tmp_path) as scene:
        await scene.becomes_suspect(await scene.asks(SUSPECT))
        scene.warehouse.gates[SUSPECT].set()
        scene.membership.led_elsewhere.add(TRYING)
        await scene.town.service.sweep()
        assert SUSPECT not in scene.warehouse.begun

        scene.membership.led_elsewhere.clear()  # that one has died
        await scene.town.service.sweep()
        assert SUSPECT in scene.warehouse.begun
