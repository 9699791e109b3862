"""Thousands of conversations that wait, and a process that takes them all up when it starts."""

import asyncio
import base64
import time
from collections import Counter
from datetime import UTC, datetime, timedelta
from pathlib import Path

from answerable.kit.testing import SettableClock
from answerable.ledger.checkpoint import SigningKey
from answerable.ledger.event import Event
from answerable.processes.schema import upgrade
from tests.support import ledgers
from tests.support.chaos import Told, check_ledger, settled, until
from tests.support.processes import Instance, Zygote, living
from tests.support.town import DEFINITION, TENANT, open_town, shop_definition

MASTER = base64.b64encode(b"k" * 32).decode()  # the town's


async def waits_pending(folder: Path, zygote: Zygote, *, conversations: int, limit: float) -> Told:
    """Half wait for two hours to pass, half for an answer; both are over when the process starts.

    They began under a definition that has changed since: each goes on under its own.
    """
    told = Told()
    data = folder / "data"
    data.mkdir()
    began = datetime.now(UTC) - timedelta(hours=25)
    await _conversations_that_wait(data, conversations, began)
    changed = folder / "shop.yaml"
    # The demo's connector stands for the town's own, which only tests know.
    changed.write_bytes(DEFINITION.replace(b"type: warehouse", b"type: core-banking"))
    settings = {"MASTER_KEY": MASTER, "MODELS": str(folder / "models")}
    instance = Instance(data, zygote, services=[changed], settings=settings)
    started = time.monotonic()
    async with asyncio.timeout(limit), living(instance):
        # Killed in the middle of it, for what is under way then is also to be done once.
        await until(lambda: _gone_on(data) > conversations // 10, within=limit)
        await instance.kill()
        await instance.start()
        await until(lambda: _gone_on(data) >= conversations, within=limit)
        await settled(instance)
        seconds = time.monotonic() - started
        await instance.stop()
    check_ledger(data, told, TENANT)
    ways = Counter(_way(events) for events in ledgers.conversations(data, TENANT).values())
    expected = {
        "waited, then answered": conversations // 2,
        "not answered, so handed on": conversations // 2,
    }
    if ways != expected:
        told.wrong.append(f"they went on as {dict(ways)}")
    told.faults, told.messages = {"kill": 1}, conversations
    told.figures = {"seconds": round(seconds, 1)}
    return told


async def _conversations_that_wait(data: Path, count: int, began: datetime) -> None:
    SigningKey.load_or_create(
        data / "keys" / "signing.key"
    )  # as the first start would have made it
    upgrade(data / "answerable.db")
    town = open_town(data / "answerable.db", clock=SettableClock(began))
    service = town.service
    definition = shop_definition()
    await service.database.write(
        lambda tx: service.definitions.activate(
            tx, definition, name="shop.yaml", source=DEFINITION, at=began
        )
    )
    said = []
    for number in range(count // 2):
        said.append(town.says("later", by=f"C-{number}", signed_in=True, settle=False))
        said.append(town.says("Where is my parcel?", by=f"visitor-{number}", settle=False))
    await asyncio.gather(*said)
    await service.settle()
    await service.database.close()


def _gone_on(data: Path) -> int:
    found = ledgers.conversations(data, TENANT).values()
    return sum(any(one.kind == "timer_fired" for one in events) for events in found)


def _way(events: list[Event]) -> str:
    after = next(n for n, one in enumerate(events) if one.kind == "timer_fired")
    kinds = [one.kind for one in events[after:]]
    if kinds.count("timer_fired") != 1:
        return "woken twice"
    return {
        "timer_fired reply_written playbook_ended": "waited, then answered",
        "timer_fired playbook_ended handed_off reply_written": "not answered, so handed on",
    }.get(" ".join(kinds), " ".join(kinds))
