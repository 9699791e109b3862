"""Hints over the bus: they only make things quicker, and what they cannot do becomes a person's."""

import asyncio
import json
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

import pytest

from answerable.flow.hints import BusHints, DeadLetters, WorkQueues
from answerable.flow.work import CONNECTOR_EFFECTS
from answerable.kit.bus import LocalBus, Unusable
from answerable.kit.testing import FakeMembership, SettableClock
from tests.support.chaos import until
from tests.support.town import Town, open_town

KINDS = ("understand", "look_up", "deliver", "write_draft")


@dataclass
class Pair:
    """A worker and a process for connectors, on one store, joined by a bus."""

    worker: Town
    connector: Town
    bus: LocalBus


@asynccontextmanager
async def joined(path: Path) -> AsyncIterator[Pair]:
    clock, bus = SettableClock(), LocalBus()
    hints = BusHints(bus)
    worker = open_town(
        path, clock=clock, membership=FakeMembership("prc_worker"), leaves=CONNECTOR_EFFECTS,
        hints=hints,
    )  # fmt: skip
    connector = open_town(path, clock=clock, membership=FakeMembership("prc_connector"))
    pair = Pair(worker, connector, bus)
    tasks = [
        asyncio.create_task(hints.run()),
        asyncio.create_task(WorkQueues(bus, connector.service, KINDS).run()),
        asyncio.create_task(connector.service.run()),
    ]
    yield pair
    for task in tasks:
        task.cancel()
    await asyncio.gather(*tasks, return_exceptions=True)
    for town in (worker, connector):
        await town.service.performer.stop()
        await town.service.database.close()


async def test_an_effect_that_others_perform_is_done_there_at_once(tmp_path: Path) -> None:
    async with joined(tmp_path / "town.db") as pair:
        await pair.worker.mails("Where is parcel P-1234?")
        await until(lambda: len(pair.connector.warehouse.asked) == 1, within=5)
        assert not pair.worker.warehouse.asked


def test_a_process_takes_from_the_queues_of_its_own_work(tmp_path: Path) -> None:
    async def names(leaves: frozenset[str]) -> set[str]:
        town = open_town(tmp_path / "town.db", leaves=leaves)
        queues = WorkQueues(LocalBus(), town.service, KINDS)
        await town.service.database.close()
        return queues.names

    assert asyncio.run(names(CONNECTOR_EFFECTS)) == {"conversations", "understanding", "mail"}
    assert asyncio.run(names(frozenset({"understand", "deliver"}))) == {
        "conversations",
        "connectors",
    }


@pytest.mark.parametrize("body", [b"", b"\xff", b"17", b"[]", b"{}", b'{"conversation": 3}'])
async def test_what_is_no_hint_is_refused_for_good(tmp_path: Path, body: bytes) -> None:
    town = open_town(tmp_path / "town.db")
    with pytest.raises(Unusable):
        await WorkQueues(LocalBus(), town.service, KINDS).take(body)
    await DeadLetters(LocalBus(), town.service).take(body)  # noted, and nothing else
    await town.service.database.close()


async def test_a_hint_at_nothing_does_nothing(tmp_path: Path) -> None:
    town = open_town(tmp_path / "town.db")
    queues = WorkQueues(LocalBus(), town.service, KINDS)
    done = asyncio.gather(
        queues.take(b'{"effect": "cnv_none:1:1"}'), queues.take(b'{"conversation": "cnv_none"}')
    )
    await town.service.settle()
    await asyncio.sleep(0)
    await town.service.settle()
    await asyncio.wait_for(done, 5)
    await town.service.database.close()


async def test_an_effect_that_nobody_could_handle_becomes_work_for_a_person(
    tmp_path: Path,
) -> None:
    town = open_town(tmp_path / "town.db", leaves=CONNECTOR_EFFECTS)
    conversation = (await town.mails("Where is parcel P-1234?")).conversation
    event = (await town.events(conversation))[-1]
    keys = [f"{conversation}:{seq}:{n}" for seq in range(1, event.seq + 1) for n in (1, 2)]

    for key in keys:
        await DeadLetters(LocalBus(), town.service).take(json.dumps({"effect": key}).encode())
    await town.service.settle()

    assert "effect_failed" in await town.kinds(conversation)
    assert (await town.owner(conversation)).startswith("queue")
    await town.service.database.close()


async def test_a_conversation_that_nobody_could_advance_becomes_work_for_a_person(
    tmp_path: Path,
) -> None:
    town = open_town(tmp_path / "town.db", advances=False)
    conversation = (await town.mails("opening hours please", settle=False)).conversation
    letter = json.dumps({"conversation": conversation}).encode()

    await DeadLetters(LocalBus(), town.service).take(letter)
    await town.service.settle()

    assert (await town.last(conversation, "handed_off")).data["priority"] == "high"
    assert not await town.replies(conversation)
    before = await town.kinds(conversation)
    await DeadLetters(LocalBus(), town.service).take(letter)  # once more: nothing is behind
    assert await town.kinds(conversation) == before
    await town.service.database.close()
