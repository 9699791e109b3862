"""What both buses promise: at least once, settled when handled, five attempts, then a person."""

import asyncio
from collections import Counter
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from itertools import pairwise

import pytest

from answerable.kit.bus import (
    ATTEMPTS,
    DEAD,
    LONGEST_PAUSE,
    Bus,
    Handle,
    LocalBus,
    Unusable,
    pause_before,
)
from tests.support.brokers import open_broker, opened
from tests.support.chaos import until

JOBS = "jobs"


@pytest.fixture(params=["local", "rabbitmq"])
async def bus(request: pytest.FixtureRequest) -> AsyncIterator[Bus]:
    if request.param == "local":
        yield LocalBus()
        return
    async with open_broker() as broker:
        bus = broker.bus(direct=True)
        async with opened(bus):
            yield bus


@asynccontextmanager
async def consuming(
    bus: Bus, handle: Handle, *, queue: str = JOBS, at_once: int = 4
) -> AsyncIterator[asyncio.Task[None]]:
    task = asyncio.create_task(bus.consume(queue, handle, at_once=at_once))
    try:
        yield task
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def put(bus: Bus, body: bytes) -> None:
    """Until it is taken: a broker may refuse a message."""
    async with asyncio.timeout(10):
        while not await bus.publish(JOBS, body):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


def collector(seen: list[bytes]) -> Handle:
    async def handle(body: bytes) -> None:
        seen.append(body)

    return handle


async def test_every_message_is_handled_also_those_from_before(bus: Bus) -> None:
    seen: list[bytes] = []
    await put(bus, b"early")
    async with consuming(bus, collector(seen)):
        await asyncio.gather(*(put(bus, b"%d" % n) for n in range(50)))
        await until(lambda: len(seen) == 51, within=10)

    assert Counter(seen) == Counter([b"early", *(b"%d" % n for n in range(50))])


async def test_what_was_handled_is_settled(bus: Bus) -> None:
    seen: list[bytes] = []
    await put(bus, b"once")
    async with consuming(bus, collector(seen)):
        await until(lambda: seen == [b"once"], within=10)
        await asyncio.sleep(0)
    async with consuming(bus, collector(seen)):
        await put(bus, b"next")
        await until(lambda: b"next" in seen, within=10)

    assert seen == [b"once", b"next"]


async def test_consumers_compete_and_share(bus: Bus) -> None:
    taken: dict[str, list[bytes]] = {"one": [], "other": []}
    both = asyncio.Barrier(2)

    def together(name: str) -> Handle:
        async def handle(body: bytes) -> None:
            taken[name].append(body)
            await both.wait()

        return handle

    async with (
        consuming(bus, together("one"), at_once=1),
        consuming(bus, together("other"), at_once=1),
    ):
        for n in range(20):
            await put(bus, b"%d" % n)
        await until(lambda: sum(map(len, taken.values())) == 20, within=10)

    assert len(taken["one"]) == len(taken["other"]) == 10
    assert not set(taken["one"]) & set(taken["other"])


async def test_no_more_are_handled_at_once_than_was_said(bus: Bus) -> None:
    running, most, done = 0, 0, 0

    async def handle(_: bytes) -> None:
        nonlocal running, most, done
        running += 1
        most = max(most, running)
        await asyncio.sleep(0.01)
        running -= 1
        done += 1

    for n in range(30):
        await put(bus, b"%d" % n)
    async with consuming(bus, handle, at_once=3):
        await until(lambda: done == 30, within=10)

    assert most == 3


async def test_what_one_was_handling_when_it_ended_goes_to_another(bus: Bus) -> None:
    begun: list[bytes] = []
    done: list[bytes] = []

    async def never_ends(body: bytes) -> None:
        begun.append(body)
        await asyncio.Event().wait()

    await put(bus, b"1")
    await put(bus, b"2")
    async with consuming(bus, never_ends):
        await until(lambda: len(begun) == 2, within=10)
    async with consuming(bus, collector(done)):
        await until(lambda: sorted(done) == [b"1", b"2"], within=10)


async def test_poison_is_tried_five_times_while_others_go_on(bus: Bus) -> None:
    tries: Counter[bytes] = Counter()
    dead: list[bytes] = []

    async def handle(body: bytes) -> None:
        tries[body] += 1
        if body == b"poison":
            raise ValueError("cannot be done")

    async with (
        consuming(bus, handle, at_once=2),
        consuming(bus, collector(dead), queue=DEAD),
    ):
        await put(bus, b"poison")
        for n in range(20):
            await put(bus, b"%d" % n)
        await until(lambda: len(tries) == 21, within=10)
        await until(lambda: dead == [b"poison"], within=20)

    assert tries.pop(b"poison") == ATTEMPTS
    assert set(tries.values()) == {1}


async def test_what_never_will_be_usable_is_not_tried_again(bus: Bus) -> None:
    tries: list[bytes] = []
    dead: list[bytes] = []

    async def handle(body: bytes) -> None:
        tries.append(body)
        raise Unusable

    async with consuming(bus, handle), consuming(bus, collector(dead), queue=DEAD):
        await put(bus, b"nonsense")
        await until(lambda: dead == [b"nonsense"], within=10)

    assert tries == [b"nonsense"]


async def test_a_dead_letter_stays_until_somebody_could_handle_it(bus: Bus) -> None:
    tries = 0

    async def not_yet(_: bytes) -> None:
        nonlocal tries
        tries += 1
        if tries <= 3:
            raise ConnectionError("the database is away")

    async def unusable(_: bytes) -> None:
        raise Unusable

    async with consuming(bus, unusable), consuming(bus, not_yet, queue=DEAD):
        await put(bus, b"nonsense")
        await until(lambda: tries == 4, within=10)


async def test_a_local_queue_that_is_full_takes_no_more() -> None:
    bus = LocalBus(most_waiting=3)

    assert [await bus.publish(JOBS, b"x") for _ in range(5)] == [True, True, True, False, False]
    seen: list[bytes] = []
    async with consuming(bus, collector(seen)):
        await until(lambda: len(seen) == 3)
        assert await bus.publish(JOBS, b"y")


def test_pauses_double_and_stay_bounded_for_ever() -> None:
    longest = [pause_before(attempt, lambda: 1.0) for attempt in range(1, 100_000)]

    assert all(later >= earlier for earlier, later in pairwise(longest))
    assert longest[-1] == LONGEST_PAUSE
    assert pause_before(100_000, lambda: 0.0) == LONGEST_PAUSE / 2
