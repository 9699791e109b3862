"""What reaches followers in other processes: at once by the relay, within seconds without it."""

import asyncio
import contextlib
import json
import random
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import Connection

from answerable.flow.live_sweep import LATE_SECONDS, LiveSweep, Seen
from answerable.kit.database import Database
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.live import Live, Subscription
from answerable.kit.redis_relay import MOST_UNTOLD
from answerable.kit.relay import Relay
from answerable.kit.testing import FakeRelay
from answerable.ledger.append import Appender
from answerable.ledger.event import NewEvent
from tests.support.chaos import until
from tests.support.proxies import CUTS
from tests.support.redis import RedisForTests, open_redis
from tests.support.stores import open_store

SHOP = TenantId("corner-shop")
AT = datetime(2026, 11, 23, 9, tzinfo=UTC)
TOPIC = "conversation:cnv_1"


@pytest.fixture
async def redis() -> AsyncIterator[RedisForTests]:
    async with open_redis() as redis:
        yield redis


@pytest.fixture(params=["fake", "redis"])
async def two(request: pytest.FixtureRequest) -> AsyncIterator[list[Relay]]:
    """The ends of two processes."""
    if request.param == "fake":
        ends: list[FakeRelay] = []
        yield [FakeRelay("prc_1", ends), FakeRelay("prc_2", ends)]
        return
    async with open_redis() as redis:
        relays: list[Relay] = [redis.relay("prc_1"), redis.relay("prc_2")]
        await redis.up()
        yield relays


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = open_store(tmp_path / "one.db", postgres=request.param == "postgresql")
    yield database
    await database.close()


async def woken(subscription: Subscription, within: float = 5) -> bool:
    try:
        async with asyncio.timeout(within):
            await subscription.wait()
    except TimeoutError:
        return False
    return True


async def write(database: Database, conversation: str, tenant: TenantId = SHOP) -> None:
    """As another process does, which hints at nothing here."""
    stream = ConversationId(conversation)

    def unit(tx: Connection) -> None:
        appender = Appender(tx)
        appender.load([stream])
        if not appender.knows(stream):
            appender.open_stream(stream, tenant)
        appender.append(stream, NewEvent(kind="message_received", data={}), at=AT)
        appender.flush()

    await database.write(unit)


@asynccontextmanager
async def sweeping(sweep: LiveSweep) -> AsyncIterator[None]:
    run = asyncio.create_task(sweep.run())
    try:
        yield
    finally:
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)


# The relay


async def test_a_hint_reaches_the_subscribers_of_its_topic_in_every_process(
    two: list[Relay],
) -> None:
    here, there = Live(two[0]), Live(two[1])
    mine, theirs = here.subscribe(TOPIC), there.subscribe(TOPIC)
    other = there.subscribe("conversation:cnv_2")

    here.hint(TOPIC)

    assert await woken(mine)
    assert await woken(theirs)
    assert not await woken(other, 0.05)


async def test_a_hint_is_not_passed_on_again(two: list[Relay]) -> None:
    told: list[str] = []
    two[0].hear("hint", lambda sender, key, value: told.append(sender))
    here, there = Live(two[0]), Live(two[1])
    mine, theirs = here.subscribe(TOPIC), there.subscribe(TOPIC)

    here.hint(TOPIC)
    assert await woken(mine)
    assert await woken(theirs)

    there.hint("the end")
    end = here.subscribe("the end")
    assert await woken(end)
    assert told == ["prc_2"]
    assert not await woken(mine, 0.05)


async def test_the_last_value_of_a_key_is_told_as_it_is_when_it_leaves(two: list[Relay]) -> None:
    heard: list[tuple[str, str, Any]] = []
    two[1].hear("presence", lambda *news: heard.append(news))
    present: list[str] = []
    for name in ("Ada", "Ben"):
        present.append(name)
        two[0].tell("presence", "corner-shop", lambda: list(present))

    await until(lambda: bool(heard), within=5)
    assert heard[-1] == ("prc_1", "corner-shop", ["Ada", "Ben"])


# Redis itself


async def test_redis_may_be_flushed_cut_and_away_and_nothing_is_missed(
    redis: RedisForTests, database: Database
) -> None:
    """Whatever happens to it, a follower sees all that was committed, by hints or by sweeps."""
    random_ = random.Random(4)
    soon: dict[str, Any] = {"pause": lambda _n: 0.02, "ask_seconds": 0.2, "answer_seconds": 0.2}
    writer, relay = Live(redis.relay("prc_1", **soon)), redis.relay("prc_2", **soon)
    reader = Live(relay)
    sweep = LiveSweep(database, reader, relayed=lambda: relay.is_up)
    relay.on_gap(sweep.soon)
    await redis.up()
    follower = reader.subscribe(TOPIC)
    async with sweeping(sweep):
        for round_ in range(24):
            match round_ % 4:
                case 0:
                    redis.proxy.cut(random_.choice(CUTS), random_)
                case 1:
                    redis.proxy.away()
                case 2:
                    redis.proxy.back()
                case _:
                    await redis.command("FLUSHDB")
            await write(database, "cnv_1")
            writer.hint(TOPIC)
            assert await woken(follower, 4), round_
        await redis.up()


async def test_a_silent_redis_counts_as_away(redis: RedisForTests) -> None:
    relay = redis.relay("prc_1", ask_seconds=0.05, answer_seconds=0.2, pause=lambda _n: 0.01)
    gaps = asyncio.Event()
    await redis.up()
    relay.on_gap(gaps.set)
    redis.proxy.fall_silent()

    await asyncio.wait_for(gaps.wait(), 5)

    await redis.up()


async def test_after_a_gap_everybody_looks(redis: RedisForTests) -> None:
    """Also those whose own line was never cut: what was told to them meanwhile is lost."""
    cut, steady = redis.relay("prc_1", pause=lambda _n: 0.01), redis.relay("prc_2", direct=True)
    await redis.up()
    looked: dict[str, asyncio.Event] = {"cut": asyncio.Event(), "steady": asyncio.Event()}
    cut.on_gap(looked["cut"].set)
    steady.on_gap(looked["steady"].set)

    redis.proxy.away()
    redis.proxy.back()

    async with asyncio.timeout(5):
        await asyncio.gather(*(event.wait() for event in looked.values()))


async def test_while_redis_is_away_nothing_gathers(redis: RedisForTests) -> None:
    redis.proxy.away()
    relay = redis.relay("prc_1", pause=lambda _n: 0.01)
    live = Live(relay)

    for number in range(20_000):
        live.hint(f"conversation:{number}")

    assert relay._untold == {}


async def test_what_is_too_much_is_missed_and_said_so(redis: RedisForTests) -> None:
    teller, hearer = redis.relay("prc_1"), redis.relay("prc_2")
    await redis.up()
    heard: list[str] = []
    beginning, gap = asyncio.Event(), asyncio.Event()
    hearer.hear("hint", lambda sender, key, value: heard.append(key))
    hearer.hear("mark", lambda *_: beginning.set())
    teller.tell("mark", "after what is said at the beginning")
    await asyncio.wait_for(beginning.wait(), 5)
    hearer.on_gap(gap.set)

    for number in range(MOST_UNTOLD + 1_000):
        teller.tell("hint", str(number))

    assert len(teller._untold) == MOST_UNTOLD
    await asyncio.wait_for(gap.wait(), 5)
    await until(lambda: len(heard) >= MOST_UNTOLD, within=5)
    assert heard == [str(number) for number in range(MOST_UNTOLD)]


async def test_what_others_say_on_the_channel_does_no_harm(redis: RedisForTests) -> None:
    live = Live(redis.relay("prc_1"))
    follower = live.subscribe(TOPIC)
    await redis.up()
    hint = ["hint", TOPIC, None]
    for body in (
        b"", b"\xff", b"[]", b'"text"', b'{"from":"x"}', b'{"from":1,"gap":0,"news":[1]}',
        json.dumps({"from": "x", "gap": False, "news": [["unheard of", "a", {}]]}).encode(),
        json.dumps({"from": "x", "gap": False, "news": [hint], "more": 1}).encode(),
    ):  # fmt: skip
        await redis.command("PUBLISH", redis.channel, body)

    assert await woken(follower)


# The sweep


async def test_what_another_process_committed_is_found_within_two_seconds(
    database: Database,
) -> None:
    live = Live()
    follower, feed = live.subscribe(TOPIC), live.subscribe(f"tenant:{SHOP}")
    async with sweeping(LiveSweep(database, live, relayed=lambda: False)):
        for _ in range(2):
            await write(database, "cnv_1")
            assert await woken(follower, 2)
            assert await woken(feed, 2)


async def test_a_look_is_one_query_however_many_follow(database: Database) -> None:
    live = Live()
    sweep = LiveSweep(database, live, relayed=lambda: False)
    followers = [live.subscribe(f"conversation:cnv_{n}") for n in range(1_000)]
    await sweep.look(0)
    await write(database, "cnv_7")
    counted = Counting(database)
    sweep._database = counted

    await sweep.look(1)

    assert counted.reads == 1
    assert [n for n, one in enumerate(followers) if one._event.is_set()] == [7]
    followers[7]._event.clear()
    await sweep.look(2)
    assert not followers[7]._event.is_set()


class Counting:
    """A database that counts what is read."""

    def __init__(self, database: Database) -> None:
        self._database = database
        self.reads = 0

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def read(self, query: Callable[[Connection], Any], **options: Any) -> Any:
        self.reads += 1
        return await self._database.read(query, **options)


async def test_an_event_that_commits_late_is_found(tmp_path: Path) -> None:
    """One tenant's event has the lower position, and is committed after another's was seen."""
    mine, other = (open_store(tmp_path / "one.db", postgres=True) for _ in range(2))
    live = Live()
    sweep = LiveSweep(mine, live, relayed=lambda: False)
    late = live.subscribe("conversation:cnv_late")
    written, leave = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(tx: Connection) -> None:
        stream = ConversationId("cnv_late")
        appender = Appender(tx)
        appender.open_stream(stream, SHOP)
        appender.append(stream, NewEvent(kind="message_received", data={}), at=AT)
        appender.flush()
        loop.call_soon_threadsafe(written.set)
        asyncio.run_coroutine_threadsafe(leave.wait(), loop).result(20)

    holding = asyncio.create_task(other.write(slow))
    await written.wait()
    await write(mine, "cnv_early", TenantId("other-shop"))
    await sweep.look(0)
    assert not late._event.is_set()

    leave.set()
    await holding
    await sweep.look(1)

    assert late._event.is_set()
    for database in (mine, other):
        await database.close()


def test_a_position_that_never_comes_is_given_up() -> None:
    seen = Seen(10)
    seen.note([11, 14], now=0)
    assert list(seen.missing) == [12, 13]
    seen.note([13, 15], now=LATE_SECONDS)
    assert list(seen.missing) == [12]
    seen.note([17], now=LATE_SECONDS + 1)
    assert list(seen.missing) == [16]


def test_a_leap_in_positions_costs_no_memory() -> None:
    seen = Seen(0)
    seen.note([10**12], now=0)
    assert len(seen.missing) <= 2_000


async def test_a_store_that_is_away_is_looked_at_again(database: Database) -> None:
    live = Live()
    broken = Counting(database)
    sweep = LiveSweep(broken, live, relayed=lambda: False)
    follower = live.subscribe(TOPIC)

    async def fails(*_: Any, **__: Any) -> None:
        raise ConnectionError

    broken.read = fails  # type: ignore[method-assign]
    async with sweeping(sweep):
        await asyncio.sleep(0)
        await write(database, "cnv_1")
        with contextlib.suppress(AttributeError):
            del broken.read  # the store is back
        sweep.soon()
        assert await woken(follower, 3)
