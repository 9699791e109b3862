"""The guide for other services: its programs run as they are printed."""

import asyncio
import json
import os
import re
import sys
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from pathlib import Path

import pytest
from pydantic import TypeAdapter

from answerable.api.bus.asyncapi import bus_document
from answerable.api.bus.commands import Commands
from answerable.api.bus.messages import LedgerEvent
from answerable.kit.amqp import declare
from answerable.kit.clock import SystemClock
from answerable.processes.event_feed import event_feed
from answerable.processes.following import Follower
from tests.support.brokers import Broker, open_broker, opened
from tests.support.needs import REPOSITORY
from tests.support.service import SHOP, House, open_house

DOCS = REPOSITORY / "docs"
GUIDE = (DOCS / "how-to" / "join-by-the-bus.md").read_text()
SECRET = "a secret of the shop's own services"


def program(name: str, broker: Broker, folder: Path) -> Path:
    """As the guide prints it, with the names of this test."""
    code = next(c for c in re.findall(r"```python\n(.*?)```", GUIDE, re.S) if f"# {name}" in c)
    for printed, ours in (
        ("answerable.events", f"{broker.prefix}.events"),
        ("answerable.commands", f"{broker.prefix}.commands"),
        ("crm.answerable-events", f"{broker.prefix}.jobs"),
        ("corner-bank", SHOP),
        ("website-chat", "chat"),
    ):
        code = code.replace(printed, ours)
    path = folder / name
    path.write_text(code)
    return path


@asynccontextmanager
async def started(path: Path, broker: Broker) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, str(path), stdout=asyncio.subprocess.PIPE,
        env={**os.environ, "BROKER": broker.url, "SECRET": SECRET},
    )  # fmt: skip
    try:
        yield process
    finally:
        if process.returncode is None:
            process.kill()
        await process.wait()


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with open_broker() as broker:
        yield broker


@pytest.fixture
async def house(tmp_path: Path, broker: Broker) -> AsyncIterator[House]:
    """A service on the bus."""
    house = await open_house(tmp_path / "house.db")
    house.clock.set(SystemClock().now())  # the guide's programs have no other
    bus = broker.bus(direct=True)
    commands = Commands(house.service, {SHOP: SECRET})
    feed = Follower(
        event_feed(bus.announce),
        database=house.service.database,
        live=house.service.live,
        tenants=lambda: house.service.definitions.tenants,
        leads=lambda: True,
        now=house.clock.now,
    )
    async with broker.channel() as channel:
        await declare(channel, broker.prefix, "commands", asked=True)
    async with opened(bus):
        tasks = [
            asyncio.create_task(feed.run()),
            asyncio.create_task(bus.serve("commands", commands.answer, at_once=4)),
        ]
        yield house
        for task in tasks:
            task.cancel()
        await asyncio.gather(*tasks, return_exceptions=True)
    await house.close()


async def lines(process: asyncio.subprocess.Process, count: int) -> list[str]:
    assert process.stdout is not None
    async with asyncio.timeout(30):
        return [(await process.stdout.readline()).decode().strip() for _ in range(count)]


async def test_the_guides_listener_hears_of_a_conversation_in_order(
    house: House, broker: Broker, tmp_path: Path
) -> None:
    async with broker.channel() as channel:
        await broker.inbox(channel)  # the exchange is there, as after a first event
    async with started(program("listen.py", broker, tmp_path), broker) as listener:
        await _bound(broker)
        accepted = await house.says("refund", by="vis_1")
        heard = await lines(listener, 2)

    assert heard == [
        f"{accepted.conversation} 1 answerable.conversation_opened",
        f"{accepted.conversation} 2 answerable.message_received",
    ]


async def _bound(broker: Broker) -> None:
    """Until the listener consumes from its queue."""
    async with asyncio.timeout(20):
        while True:
            async with broker.channel() as channel:
                try:
                    queue = await channel.declare_queue(f"{broker.prefix}.jobs", passive=True)
                except Exception:
                    await asyncio.sleep(0.05)
                    continue
                if queue.declaration_result.consumer_count:
                    return
            await asyncio.sleep(0.05)


async def test_the_guides_command_is_carried_out_and_answered(
    house: House, broker: Broker, tmp_path: Path
) -> None:
    for duplicate in (False, True):
        async with started(program("ask.py", broker, tmp_path), broker) as asking:
            result, state = await lines(asking, 2)
        told = json.loads(result)
        assert told["duplicate"] is duplicate
        assert state == f"{told['conversation']} open"


# The reference


def test_every_field_stands_in_the_reference() -> None:
    page = (DOCS / "reference" / "bus.md").read_text()
    for name, schema in bus_document("1")["components"]["schemas"].items():
        if name == "FieldError":
            continue
        for field in schema["properties"]:
            assert f"`{field}`" in page, (name, field)


def test_the_document_refers_to_what_it_holds() -> None:
    document = bus_document("1")
    for reference in re.findall(r"'#/([\w/]+)'", str(document)):
        found = document
        for part in reference.split("/"):
            found = found[part]
    assert {one["action"] for one in document["operations"].values()} == {"send", "receive"}


async def test_what_is_told_fits_the_document(house: House, broker: Broker) -> None:
    shape: TypeAdapter[LedgerEvent] = TypeAdapter(LedgerEvent)
    async with broker.channel() as channel:
        inbox = await broker.inbox(channel)
        await house.says("refund", by="vis_1")
        async with asyncio.timeout(20):
            while len(inbox.messages) < 5:  # noqa: ASYNC110
                await asyncio.sleep(0.02)

    fields = set(bus_document("1")["components"]["schemas"]["LedgerEvent"]["properties"])
    for message in inbox.messages:
        assert shape.validate_json(message.body)
        assert set(json.loads(message.body)) == fields
