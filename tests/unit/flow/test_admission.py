"""What is new is told to come again when there is too much; what was accepted is done."""

import asyncio
from collections import deque
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest

from answerable.definition.schema import ServiceDefinition
from answerable.flow.admission import (
    ENOUGH,
    LONGEST_RETRY,
    MEASURED_EVERY,
    Bounds,
    Load,
    Pace,
    pressure,
    retry_after,
)
from answerable.kit.errors import ConnectorUnavailable, TooMany
from answerable.ledger.outbox import Due
from answerable.understanding.testing import KeywordReader
from answerable.understanding.understanding import Understanding
from tests.support.town import WORDS, Town, open_town

BOUNDS = Bounds(waiting=100, due=20, lag_seconds=0.5)


@pytest.mark.parametrize(
    ("load", "full"),
    [
        (Load(), 0),
        (Load(waiting=99, due=19, lag_seconds=0.4), 0.99),
        (Load(waiting=100), 1),
        (Load(due=40), 2),
        (Load(due=1, wait_seconds=9), 3),
        (Load(lag_seconds=2), 4),
    ],
)
def test_the_fullest_of_all_decides(load: Load, full: float) -> None:
    assert pressure(load, BOUNDS) == full


def test_the_fuller_it_is_the_later_one_is_to_come_again() -> None:
    assert timedelta(seconds=1) <= retry_after(1) <= timedelta(seconds=2)
    assert timedelta(seconds=4) <= retry_after(4) <= timedelta(seconds=8)
    assert retry_after(1000) <= LONGEST_RETRY


@pytest.mark.parametrize("a_second", [20, 200, 2_000])
@pytest.mark.parametrize("offered", [0.5, 5])
def test_at_any_pace_what_waits_takes_so_long_and_no_longer(a_second: int, offered: float) -> None:
    """Of five times the work so much is taken on that there is always some, and never long."""
    pace, bounds = Pace(), Bounds()
    queue: deque[int] = deque()
    came = done = refused = 0
    waited: list[float] = []
    quarter = MEASURED_EVERY
    for turn in range(1, 400):
        found = Due(
            count=len(queue),
            newest=str(queue[-1]) if queue else None,
            chosen_is_due=pace.chosen is not None and int(pace.chosen) in queue,
        )
        wait = pace.see(found, now=turn * quarter)
        new = int(a_second * offered * quarter)
        if pressure(Load(due=len(queue), wait_seconds=wait), bounds) < 1:
            queue.extend(range(came, came + new))
            came += new
        else:
            refused += new
        waited.append(len(queue) / a_second)
        for _ in range(min(int(a_second * quarter), len(queue))):
            queue.popleft()
            done += 1
    assert done >= 0.8 * min(1, offered) * a_second * quarter * 399
    assert max(waited) <= 2 * bounds.wait_seconds + ENOUGH / a_second
    assert bool(refused) == (offered > 1)


def test_a_system_that_stops_answering_is_no_overload_and_a_slow_one_is() -> None:
    pace = Pace(ours=False)
    assert pace.see(Due(count=60, newest="a"), now=0) == 0
    assert pace.see(Due(count=60, newest="b", chosen_is_due=True), now=1) == 0

    slow = pace.see(Due(count=300, newest="c"), now=2)  # 60 were done in 2 s
    assert slow == 10

    waits = [
        pace.see(Due(count=400, newest="d", chosen_is_due=True), now=2 + after)
        for after in (5, 10, 41, 60)
    ]
    assert waits == [pytest.approx(400 / 30), pytest.approx(400 / 30), 0, 0]
    assert pace.see(Due(count=400, newest="e", chosen_is_due=True), now=63) == 0
    assert pace.chosen == "e", "what was put off for hours tells nothing: another is looked at"


class PacedReader(KeywordReader):
    """Reads as many texts as it is allowed to."""

    def __init__(self) -> None:
        super().__init__(WORDS)
        self.allowed = asyncio.Semaphore(0)

    async def understand(
        self, definition: ServiceDefinition, texts: Sequence[str]
    ) -> Sequence[Understanding]:
        for _ in texts:
            await self.allowed.acquire()
        return await super().understand(definition, texts)


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    town = open_town(tmp_path / "town.db", reader=PacedReader(), bounds=BOUNDS)
    yield town
    await town.service.performer.stop()
    await town.service.database.close()


async def test_five_times_what_it_can_do_is_offered_and_what_it_can_do_is_done(
    town: Town,
) -> None:
    """Each turn ten can be read, and fifty come."""
    reader = town.reader
    assert isinstance(reader, PacedReader)
    running = asyncio.create_task(town.service.run())
    admission, taken, refused = town.service.admission, [], 0
    for turn in range(30):
        await admission.measure()
        for n in range(50):
            if admission.refusal() is None:
                taken.append(await town.says("hours", by=f"{turn}-{n}", settle=False))
                await admission.measure()
            else:
                refused += 1
        for _ in range(10):
            reader.allowed.release()
        async with asyncio.timeout(10):
            while not reader.allowed.locked() and admission.load.due:
                await admission.measure()

    assert len(taken) >= 0.8 * 300, "what could be done was done"
    assert refused >= 1000
    for _ in taken:
        reader.allowed.release()
    async with asyncio.timeout(30):
        while admission.load != Load():
            await admission.measure()
    running.cancel()
    await town.service.settle()
    for one in taken:
        assert len(await town.replies(one.conversation)) == 1
    assert admission.refusal() is None


async def test_who_is_refused_is_told_when_to_come_again(town: Town) -> None:
    for n in range(30):
        await town.says("hours", by=f"b{n}", settle=False)
    await town.service.advance()
    await town.service.admission.measure()

    with pytest.raises(TooMany) as refused:
        town.service.admission.check("chat")
    assert refused.value.code == "busy"
    assert refused.value.retry_after > timedelta(seconds=1)


async def test_waiting_for_another_system_is_no_overload(town: Town) -> None:
    assert isinstance(town.reader, PacedReader)
    for _ in range(200):
        town.reader.allowed.release()
    town.warehouse.trouble = [ConnectorUnavailable("warehouse")] * 200
    for n in range(40):
        await town.mails("parcel P-1234", by=f"m{n}@example.com")
    town.clock.advance(timedelta(seconds=5))
    await town.service.admission.measure()

    assert town.service.admission.refusal() is None


async def test_more_room_for_some_and_less_for_others(town: Town) -> None:
    admission = town.service.admission
    for n in range(30):
        await town.says("hours", by=f"b{n}", settle=False)
    await town.service.advance()
    await admission.measure()

    assert [admission.refusal(room=room) is None for room in (0.5, 1.0, 4.0)] == [
        False,
        False,
        True,
    ]
    assert admission.load.due >= 30
