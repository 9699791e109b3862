"""Processes that end in the middle of their work: who is to blame is found, and nobody else is."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import sqlalchemy as sa

from answerable.definition.schema import ServiceDefinition
from answerable.flow.ports import Finding, Question
from answerable.kit.errors import ConnectorUnavailable
from answerable.kit.ids import ConversationId
from answerable.kit.membership import Alone
from answerable.kit.testing import FakeMembership, SettableClock
from answerable.ledger.tables import effect
from answerable.understanding.testing import KeywordReader
from answerable.understanding.understanding import Understanding
from tests.support.town import WORDS, FakeWarehouse, Town, open_town

INNOCENT, POISON = "P-1234", "P-6666"
ANSWER = "Parcel P-1234 is on its way, due Friday."


@dataclass
class Death:
    """Comes to the process as soon as it touches this word."""

    word: str | None
    struck: asyncio.Event

    async def touch(self, text: str) -> None:
        if self.word is not None and self.word in text:
            self.struck.set()
            await asyncio.Event().wait()


class DeadlyWarehouse(FakeWarehouse):
    def __init__(self, death: Death) -> None:
        super().__init__()
        self._death = death

    async def read(self, question: Question) -> Finding:
        finding = await super().read(question)
        await self._death.touch(question.parameters["number"])
        return finding


class DeadlyReader(KeywordReader):
    def __init__(self, death: Death) -> None:
        super().__init__(WORDS)
        self._death = death

    async def understand(
        self, definition: ServiceDefinition, texts: Sequence[str]
    ) -> Sequence[Understanding]:
        understood = await super().understand(definition, texts)
        await self._death.touch(" ".join(texts))
        return understood


@dataclass
class Life:
    """One process on the data of a town."""

    town: Town
    struck: asyncio.Event

    async def ask(self, number: str, *, by: str) -> ConversationId:
        accepted = await self.town.says(f"Where is my parcel {number}?", by=by, settle=False)
        return accepted.conversation

    async def settles(self) -> bool:
        """Work until nothing is left; False if the process dies of it."""
        settled = asyncio.create_task(self.town.service.settle())
        struck = asyncio.create_task(self.struck.wait())
        await asyncio.wait([settled, struck], return_when=asyncio.FIRST_COMPLETED)
        return not self.struck.is_set()

    async def has_answered(self, conversation: ConversationId) -> bool:
        return any(ANSWER in reply for reply in await self.town.replies(conversation))

    async def answers(self, conversation: ConversationId) -> None:
        """Wait until it has answered."""
        news = self.town.service.live.subscribe(f"conversation:{conversation}")
        async with asyncio.timeout(20):
            while not await self.has_answered(conversation):
                await news.wait()

    async def counts(self) -> list[tuple[int, int]]:
        """Failures and missing ends of the lookups that wait."""
        query = sa.select(effect.c.failures, effect.c.missing_ends)
        query = query.where(effect.c.kind == "look_up")
        rows = await self.town.service.database.read(lambda tx: tx.execute(query).all())
        return [(row.failures, row.missing_ends) for row in rows]


@dataclass
class Lives:
    """One process after the other. asked, read: how often each key and each text was begun."""

    path: Path
    clock: SettableClock = field(default_factory=SettableClock)
    asked: Counter[str] = field(default_factory=Counter)
    read: Counter[str] = field(default_factory=Counter)

    @asynccontextmanager
    async def begin(
        self, *, asking: str | None = None, reading: str | None = None, alone: bool = True
    ) -> AsyncIterator[Life]:
        """A process that dies at the end, or of asking or reading this.

        alone: it is the only one on its data. Otherwise a former one may still be alive.
        """
        others = asyncio.all_tasks()
        struck = asyncio.Event()
        warehouse = DeadlyWarehouse(Death(asking, struck))
        reader = DeadlyReader(Death(reading, struck))
        town = open_town(
            self.path,
            clock=self.clock,
            warehouse=warehouse,
            reader=reader,
            membership=Alone() if alone else FakeMembership(beside=1),
        )
        yield Life(town, struck)
        tasks = asyncio.all_tasks() - others
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
        self.asked.update(question.key for question in warehouse.asked)
        self.read.update(reader.read)
        await town.service.database.close()


async def test_ten_quick_kills_take_nobody_the_answer(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin(asking=INNOCENT) as life:
        waiting = [await life.ask(INNOCENT, by=f"customer {n}") for n in range(200)]
        assert not await life.settles()
    for _ in range(9):
        async with lives.begin(asking=INNOCENT) as life:
            assert not await life.settles()

    async with lives.begin() as life:
        assert await life.settles()

        assert all([await life.has_answered(conversation) for conversation in waiting])


async def test_a_question_that_ends_its_process_is_given_up_after_five_starts(
    tmp_path: Path,
) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin(asking=POISON) as life:
        waiting = [await life.ask(INNOCENT, by=f"customer {n}") for n in range(20)]
        poisoned = [await life.ask(POISON, by=f"unlucky {n}") for n in range(3)]
        waiting += [await life.ask(INNOCENT, by=f"customer {n}") for n in range(20, 40)]
        await life.settles()
    await _until_one_survives(lives, asking=POISON)

    async with lives.begin() as life:
        assert all([await life.has_answered(conversation) for conversation in waiting])
        for conversation in poisoned:
            assert (await life.town.owner(conversation)).startswith("queue:")
            given_up = await life.town.last(conversation, "effect_failed")
            assert given_up.data["attempts"] == 5
    assert max(lives.asked.values()) <= 5


async def test_a_text_that_ends_its_process_is_given_up_after_five_starts(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin(reading=POISON) as life:
        waiting = [await life.ask(INNOCENT, by=f"customer {n}") for n in range(60)]
        poisoned = await life.ask(POISON, by="unlucky")
        await life.settles()
    await _until_one_survives(lives, reading=POISON)

    async with lives.begin() as life:
        assert all([await life.has_answered(conversation) for conversation in waiting])
        assert (await life.town.owner(poisoned)).startswith("queue:")
    assert max(n for text, n in lives.read.items() if POISON in text) <= 5


async def test_a_death_while_giving_up_is_not_counted_as_a_start(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin(asking=POISON) as life:
        poisoned = await life.ask(POISON, by="unlucky")
        await life.settles()

    async with lives.begin() as life:
        await life.town.service.free_leases()
        # Five starts, and two processes that others ended while they gave it up.
        many = sa.update(effect).values(missing_ends=7)
        await life.town.service.database.write(lambda tx: tx.execute(many))
        assert await life.settles()

        given_up = await life.town.last(poisoned, "effect_failed")
        assert given_up.data["attempts"] == 5


async def test_new_work_goes_on_beside_a_suspect(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin(asking=POISON) as life:
        await life.ask(POISON, by="unlucky")
        await life.settles()
    for _ in range(2):
        async with lives.begin(asking=POISON) as life:
            assert not await life.settles()

    async with lives.begin(asking=POISON) as life:
        running = asyncio.create_task(life.town.service.run())
        await life.struck.wait()

        await life.answers(await life.ask(INNOCENT, by="lucky"))
        running.cancel()


async def test_the_failures_of_all_lives_count_together(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin() as life:
        life.town.warehouse.trouble = [ValueError("a bug of ours")] * 2
        at = await life.town.mails("parcel P-1234")
        await life.town.time_passes(timedelta(seconds=5))
        assert await life.counts() == [(2, 0)]

    async with lives.begin() as life:
        life.town.warehouse.trouble = [ValueError("a bug of ours")] * 3
        for _ in range(3):
            await life.town.time_passes(timedelta(minutes=1))

        failed = await life.town.last(at.conversation, "effect_failed")
        assert failed.data["attempts"] == 5


async def test_a_failure_is_an_end_and_clears_the_suspect(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin(asking=INNOCENT) as life:
        await life.town.mails("parcel P-1234", settle=False)
        await life.settles()

    async with lives.begin() as life:
        await life.town.service.free_leases()
        assert await life.counts() == [(0, 1)]
        life.town.warehouse.trouble = [ValueError("a bug of ours")]
        await life.settles()
        assert await life.counts() == [(1, 0)]


async def test_who_fails_to_the_end_is_not_told_of_the_deaths_of_others(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin(asking=INNOCENT) as life:
        at = await life.town.mails("parcel P-1234", settle=False)
        await life.settles()

    async with lives.begin() as life:
        await life.town.service.free_leases()
        life.town.warehouse.trouble = [ValueError("a bug of ours")] * 5
        for _ in range(5):
            await life.town.time_passes(timedelta(minutes=1))

        failed = await life.town.last(at.conversation, "effect_failed")
        assert failed.data["attempts"] == 5


async def test_waiting_for_another_system_is_an_end_and_no_failure(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin(asking=INNOCENT) as life:
        await life.town.mails("parcel P-1234", settle=False)
        await life.settles()

    async with lives.begin() as life:
        await life.town.service.free_leases()
        life.town.warehouse.trouble = [ConnectorUnavailable("warehouse")]
        await life.settles()
        assert await life.counts() == [(0, 0)]


async def test_being_told_to_stop_is_no_missing_end(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin(asking=INNOCENT) as life:
        await life.ask(INNOCENT, by="anna")
        await life.settles()
        await life.town.service.performer.stop()

    async with lives.begin() as life:
        assert await life.counts() == [(0, 0)]


async def test_a_lease_that_runs_out_is_a_missing_end(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin(asking=INNOCENT) as life:
        conversation = await life.ask(INNOCENT, by="anna")
        await life.settles()

    async with lives.begin(alone=False) as life:
        assert await life.settles()
        assert not await life.has_answered(conversation)  # the lease holds
        await life.town.time_passes(timedelta(seconds=61))
        assert await life.has_answered(conversation)


async def test_what_waits_long_for_its_turn_keeps_its_lease(tmp_path: Path) -> None:
    lives = Lives(tmp_path / "town.db")
    async with lives.begin(asking=INNOCENT) as life:
        await life.ask(INNOCENT, by="anna")
        await life.settles()
        for _ in range(9):
            lives.clock.advance(timedelta(seconds=30))
            await life.town.service.sweep()

        assert await life.counts() == [(0, 0)]
        assert len(life.town.warehouse.asked) == 1


async def _until_one_survives(
    lives: Lives, *, asking: str | None = None, reading: str | None = None
) -> None:
    for _ in range(20):
        async with lives.begin(asking=asking, reading=reading) as life:
            if await life.settles():
                return
    raise AssertionError("each of 20 processes died")
