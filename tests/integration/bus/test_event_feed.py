"""What other services hear: every event, in order, at least once, and nothing personal."""

import asyncio
import json
import time
from collections.abc import AsyncIterator, Callable, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from answerable.kit.bus import Announcement
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import registry
from answerable.ledger.event import Event
from answerable.ledger.reading import read_feed
from answerable.processes.event_feed import Announce, event_feed
from answerable.processes.following import AT_ONCE, LOOK_EVERY, Follower
from tests.support.brokers import Broker, open_broker, opened
from tests.support.chaos import until
from tests.support.service import OTHER, SHOP, House, open_house

NAME, MAIL, IBAN = "Anna Schmidt", "anna.schmidt@example.com", "DE89370400440532013000"


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await open_house(tmp_path / "house.db")
    yield house
    await house.close()


@dataclass
class Listener:
    """Another service. taken: how many of the next announcements the broker confirms, in turn."""

    heard: list[Announcement] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    dies: list[Exception] = field(default_factory=list)

    async def announce(self, exchange: str, messages: Sequence[Announcement]) -> int:
        assert exchange == "events"
        count = min(self.taken.pop(0), len(messages)) if self.taken else len(messages)
        self.heard += messages[:count]
        if self.dies:
            raise self.dies.pop(0)
        return count

    def told(self) -> list[dict[str, Any]]:
        return [json.loads(one.body) for one in self.heard]

    def of(self, tenant: TenantId) -> list[tuple[str, int]]:
        return [
            (one["subject"], one["seq"])
            for one in self.told()
            if one["source"] == f"/tenants/{tenant}"
        ]


@dataclass
class Leading:
    now: bool = True


def feed_of(house: House, listener: Listener, leading: Leading | None = None) -> Follower:
    return _feed(house, listener.announce, leading or Leading())


def _feed(
    house: House,
    announce: Announce,
    leading: Leading,
    seconds: Callable[[], float] = time.monotonic,
) -> Follower:
    return Follower(
        event_feed(announce),
        database=house.service.database,
        live=house.service.live,
        tenants=lambda: house.service.definitions.tenants,
        leads=lambda: leading.now,
        now=house.clock.now,
        seconds=seconds,
    )


async def ledger(house: House, tenant: TenantId = SHOP) -> list[Event]:
    return await house.service.database.read(
        lambda tx: read_feed(tx, tenant, after=0, limit=10_000)
    )


async def in_order(house: House, tenant: TenantId = SHOP) -> list[tuple[str, int]]:
    return [(event.stream, event.seq) for event in await ledger(house, tenant)]


async def test_every_event_of_every_tenant_is_told_in_the_order_of_the_commits(
    house: House,
) -> None:
    for n in range(5):
        await house.says("Where is my parcel?", by=f"vis_{n}")
        await house.says("hours", by=f"vis_{n}", tenant=OTHER)
    listener = Listener()

    assert await feed_of(house, listener).hand_on()

    assert listener.of(SHOP) == await in_order(house)
    assert listener.of(OTHER) == await in_order(house, OTHER)
    assert {one.topic.split(".")[0] for one in listener.heard} == {SHOP, OTHER}


async def test_how_far_the_feed_is_behind_is_told_until_it_has_caught_up(house: House) -> None:
    await house.says("Where is my parcel?")
    house.clock.advance(timedelta(seconds=90))
    feed = feed_of(house, Listener(taken=[1, 0]))

    assert not await feed.hand_on()
    assert registry.get_sample_value("answerable_feed_behind_seconds") == 90

    assert await feed.hand_on()
    assert registry.get_sample_value("answerable_feed_behind_seconds") == 0


async def test_an_event_is_a_cloud_event_that_names_what_the_ledger_holds(house: House) -> None:
    accepted = await house.says("Where is my parcel?")
    listener = Listener()
    await feed_of(house, listener).hand_on()
    first = next(e for e in await ledger(house) if e.stream == accepted.conversation)

    told = next(one for one in listener.heard if one.id == f"{accepted.conversation}:1")

    assert told.topic == "corner-shop.conversation_opened"
    assert told.media_type == "application/cloudevents+json"
    assert json.loads(told.body) == {
        "specversion": "1.0",
        "id": f"{accepted.conversation}:1",
        "source": "/tenants/corner-shop",
        "type": "answerable.conversation_opened",
        "subject": accepted.conversation,
        "time": "2026-11-23T09:00:00.000000Z",
        "datacontenttype": "application/json",
        "actor": first.actor,
        "seq": 1,
        "hash": first.hash,
        "data": first.data,
    }


async def test_nothing_personal_is_told(house: House) -> None:
    await house.says(f"I am {NAME}, {MAIL}, parcel to {IBAN}", by="vis_Zebedee")
    await house.says(f"refund for {IBAN}", by=MAIL, channel="email")
    listener = Listener()
    await feed_of(house, listener).hand_on()

    everything = b"\n".join(one.body for one in listener.heard).decode()
    for secret in (NAME, MAIL, IBAN, "Zebedee", "refund for", "agent@shop.example"):
        assert secret not in everything


async def test_what_was_told_is_not_told_again_and_what_is_new_is(house: House) -> None:
    listener = Listener()
    await house.says("hours")
    await feed_of(house, listener).hand_on()
    before = len(listener.heard)
    await feed_of(house, listener).hand_on()
    assert len(listener.heard) == before

    await house.says("hours again")
    await feed_of(house, listener).hand_on()
    assert listener.of(SHOP) == await in_order(house)


async def test_what_the_broker_did_not_confirm_is_told_again_and_nothing_is_skipped(
    house: House,
) -> None:
    for n in range(3):
        await house.says("hours", by=f"vis_{n}")
    listener = Listener(taken=[2, 0, 0, 1])
    feed = feed_of(house, listener)

    assert not await feed.hand_on()
    assert listener.of(SHOP) == (await in_order(house))[:2]
    while not await feed.hand_on():
        pass
    assert listener.of(SHOP) == await in_order(house)


async def test_a_process_that_dies_between_telling_and_noting_it_tells_again(
    house: House,
) -> None:
    await house.says("hours")
    listener = Listener(dies=[RuntimeError("the process is gone")])

    with pytest.raises(RuntimeError):
        await feed_of(house, listener).hand_on()
    await feed_of(house, listener).hand_on()

    told = listener.of(SHOP) if listener.of(SHOP) else listener.of(OTHER)
    assert list(dict.fromkeys(told)) == await in_order(house)
    assert len(listener.heard) > len({one.id for one in listener.heard})


async def test_more_than_one_helping_is_told(house: House) -> None:
    await asyncio.gather(*(house.says("hours", by=f"v_{n}", settle=False) for n in range(60)))
    await house.service.settle()
    listener = Listener()

    assert await feed_of(house, listener).hand_on()

    assert len(listener.of(SHOP)) > AT_ONCE
    assert listener.of(SHOP) == await in_order(house)


async def test_of_many_tenants_only_those_with_news_are_asked_for_it(house: House) -> None:
    """Two thousand silent tenants cost nothing."""
    passed = [0.0]
    feed = _feed(house, Listener().announce, Leading(), seconds=lambda: passed[0])
    await house.says("hours")
    await feed.hand_on()  # the first look is at all
    for _ in range(2):
        passed[0] += LOOK_EVERY
        await feed.hand_on()

    assert await feed._with_news() == []
    await house.says("hours again")
    for _ in range(5):  # however often it looks, what was committed late is not passed over
        assert await feed._with_news() == [SHOP]
    for _ in range(2):
        passed[0] += LOOK_EVERY
        await feed._with_news()
    assert await feed._with_news() == []


async def test_two_that_think_they_lead_skip_nothing(house: House) -> None:
    for n in range(5):
        await house.says("hours", by=f"vis_{n}")
    one, other = Listener(), Listener(taken=[1, 1, 1, 1])

    await asyncio.gather(feed_of(house, one).hand_on(), feed_of(house, other).hand_on())
    third = Listener()
    await feed_of(house, third).hand_on()

    told = {*one.of(SHOP), *other.of(SHOP), *third.of(SHOP)}
    assert told == set(await in_order(house))


async def test_only_the_leader_tells_and_takes_over_at_once(house: House) -> None:
    await house.says("hours")
    listener, leading = Listener(), Leading(now=False)
    running = asyncio.create_task(feed_of(house, listener, leading).run())
    try:
        await asyncio.sleep(0.05)
        assert listener.heard == []
        leading.now = True
        await until(lambda: bool(listener.heard), within=5)
        count = len(listener.heard)
        await house.says("hours again")
        await until(lambda: len(listener.heard) > count, within=5)
    finally:
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with open_broker() as broker:
        yield broker


def broker_connections() -> float | None:
    return registry.get_sample_value("answerable_server_connections", {"server": "broker"})


async def test_a_service_hears_everything_though_the_broker_comes_and_goes(
    house: House, broker: Broker
) -> None:
    bus = broker.bus()
    feed = _feed(house, bus.announce, Leading())
    async with opened(bus), broker.channel() as channel:
        inbox = await broker.inbox(channel, f"{SHOP}.#")
        assert broker_connections() == 2
        running = asyncio.create_task(feed.run())
        for n in range(6):
            await house.says("hours", by=f"vis_{n}")
            broker.proxy.away()
            await house.says("Where is my parcel?", by=f"vis_{n}")
            broker.proxy.back()
        expected = [f"{stream}:{seq}" for stream, seq in await in_order(house)]
        await until(lambda: {str(m.message_id) for m in inbox.messages} >= set(expected), within=30)
        running.cancel()
        await asyncio.gather(running, return_exceptions=True)

    assert broker_connections() == 0
    assert list(dict.fromkeys(str(m.message_id) for m in inbox.messages)) == expected
