"""Durable chat messages: at the service, over WebSockets, how long one waits, and capacity.

Fifty customers, each of whom says the next thing as soon as the last is acknowledged; their
conversations belong to an agent. Everything is on: redaction, vault, chain, summary, outbox,
commit, acknowledgement, and (over WebSockets) one agent who follows the inbox.
"""

import asyncio
import json
import random
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answerable.flow.service import Service
from answerable.kit.ids import ConversationId
from benchmarks.lines import Line, percentile
from benchmarks.machine import memory_megabytes, processor_seconds
from benchmarks.measure import Figures, Run, compared
from benchmarks.places import Place
from benchmarks.programs import LOAD, called, raw_server, served, stay_on_core
from benchmarks.stores import TEXTS, bench_service, give, message, place_of
from benchmarks.talk import (
    WINDOW,
    Customer,
    cookie_of,
    enter_all,
    follow,
    signed_in,
    take_over,
    talk,
    talk_at,
)
from benchmarks.yardsticks.disk import bare_commits, syncs
from tests.support.chaos import until
from tests.support.processes import Instance
from tests.support.searching import indexer

CUSTOMERS = 50
PEAK = 13  # messages a second: the most that the documents expect
RATES = (PEAK, 100, 300)
BARE = "bare SQLite commits/s"
PROCESSOR = "processor of the process, ms a message"
MEMORY = "memory of the process with its models, MB"


async def at_service(run: Run) -> Figures:
    """Accept, and advance, for each message."""
    bare, ours = [], []
    async with place_of(run.store) as place:
        service = bench_service(place)
        ids = await owned(service, CUSTOMERS)
        loops = asyncio.create_task(service.run())
        for _ in range(run.rounds):
            bare.append(await asyncio.to_thread(bare_commits, place.scratch, seconds=run.seconds))
            ours.append(await says_all(service, ids, run.seconds))
        loops.cancel()
        await asyncio.wait([loops])
        await service.stop()
        await service.database.close()
    return compared(bare, ours, what="messages/s", beside=BARE)


async def beside_the_index(run: Run) -> Figures:
    """The same without the search index, and while it follows, as far behind as that leaves it."""
    without, beside = [], []
    async with place_of(run.store) as place:
        service = bench_service(place)
        ids = await owned(service, CUSTOMERS)
        loops = asyncio.create_task(service.run())
        for _ in range(run.rounds):
            without.append(await says_all(service, ids, run.seconds))
            following = asyncio.create_task(indexer(service).run())
            beside.append(await says_all(service, ids, run.seconds))
            following.cancel()
            await asyncio.wait([following])
        loops.cancel()
        await asyncio.wait([loops])
        await service.stop()
        await service.database.close()
    return compared(without, beside, what="messages/s", beside="without the index, messages/s")


async def owned(service: Service, number: int) -> list[ConversationId]:
    """So many conversations that an agent has."""
    accepted = [await service.accept(message(n, "Hello")) for n in range(number)]
    ids = [one.conversation for one in accepted]
    await service.settle()
    await service.database.write(lambda tx: give(tx, service._advancer, ids))
    return ids


async def says_all(
    service: Service, ids: list[ConversationId], seconds: float, *, first: int = 0
) -> float:
    """Messages a second, until the last of them is advanced over. first: whose the first one is."""
    end = time.perf_counter() + seconds
    count = 0

    async def says(number: int) -> None:
        nonlocal count
        random_ = random.Random()  # no two say the same, or it would be a repeat
        while time.perf_counter() < end:
            text = f"{random_.choice(TEXTS)} {random_.random()}"
            await service.accept(message(first + number, text, to=ids[number]))
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*(says(n) for n in range(len(ids)) for _ in range(WINDOW)))
    await until(lambda: not service._behind)
    return count / (time.perf_counter() - began)


@dataclass
class Scene:
    """A served installation with customers who talk, and an agent who follows."""

    place: Place
    instance: Instance
    customers: list[Customer]
    told: dict[str, int]
    watcher: Line


@asynccontextmanager
async def scene(run: Run, customers: int = CUSTOMERS) -> AsyncIterator[Scene]:
    """Server on the first core, load on the second."""
    stay_on_core(LOAD)
    async with place_of(run.store) as place, served(place) as instance:
        there = await enter_all(instance, customers)
        desk = await signed_in(instance)
        await take_over(desk, customers)
        told: dict[str, int] = {}

        def take(payload: bytes) -> None:
            kind = json.loads(payload)
            name = kind.get("kind") or kind["type"]
            told[name] = told.get(name, 0) + 1

        watcher = await follow(instance, cookie_of(desk), take)
        await desk.aclose()
        yield Scene(place, instance, there, told, watcher)
        watcher.close()
        for customer in there:
            customer.line.close()


async def over_sockets(run: Run) -> Figures:
    bare, ours = [], []
    async with scene(run) as there:
        pid = there.instance.life.pid
        used = processor_seconds(pid)
        for _ in range(run.rounds):
            bare.append(await _bare(there.place.scratch, run.seconds))
            ours.append(await talk(there.customers, run.seconds))
        await asyncio.sleep(1)
        messages = sum(one.acknowledged for one in there.customers) - CUSTOMERS
        counted = {
            "messages": messages,
            "told to come again": sum(one.refused for one in there.customers),
            "shown to customers": sum(one.shown for one in there.customers),
            "told to the agent": there.told.get("message_received", 0),
            PROCESSOR: round((processor_seconds(pid) - used) / messages * 1000, 2),
            MEMORY: round(memory_megabytes(pid)),
        }
    capacity = compared(bare, ours, what="messages/s", beside=BARE)
    times = capacity["median of ours"] / PEAK
    return capacity | counted | {f"times the documents' peak of {PEAK}/s": round(times, 1)}


async def _bare(folder: Path, seconds: float) -> float:
    return await called("disk.bare_commits", f"Path({str(folder)!r})", f"seconds={seconds}")


async def waits(run: Run) -> Figures:
    """At half of what the same run found to be the capacity, beside raw echo and disk."""
    ours: list[float] = []
    echoes: list[float] = []
    disk: list[float] = []
    async with scene(run) as there, raw_server() as (port, _):
        echo = await Echo.open_all(port, CUSTOMERS)
        capacity = await talk(there.customers, run.seconds)
        for _ in range(run.rounds):
            a_second = capacity / 2
            echoes += await echo.at(a_second=a_second, seconds=run.seconds)
            disk += await asyncio.to_thread(syncs, there.place.scratch, seconds=run.seconds / 3)
            ours += await talk_at(there.customers, a_second=a_second, seconds=run.seconds)
        echo.close()
        at_rates = {
            f"{rate}/s": round(
                percentile(
                    await talk_at(there.customers, a_second=rate, seconds=run.seconds), 0.99
                ),
                1,
            )
            for rate in RATES
        }
    yardstick = percentile(echoes, 0.99) + percentile(disk, 0.99)
    return {
        "messages/s, half of the capacity": round(capacity / 2),
        "messages measured": len(ours),
        "raw echo p99, ms": round(percentile(echoes, 0.99), 2),
        "fdatasync p99, ms": round(percentile(disk, 0.99), 2),
        "acknowledged p50, ms": round(percentile(ours, 0.5), 2),
        "acknowledged p99, ms": round(percentile(ours, 0.99), 2),
        "ratio": round(percentile(ours, 0.99) / yardstick, 1),
        "acknowledged p99, ms, at": at_rates,
    }


class Echo:
    """Connections to a server that returns what it gets."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.waits: list[float] = []
        self.count = 0
        self.text = {"type": "typing", "on": True}
        self.talking = False

    @classmethod
    async def open_all(cls, port: int, number: int) -> "Echo":
        echo = cls()
        echo.lines = [await Line.open(port, "/echo", echo.take) for _ in range(number)]
        return echo

    def take(self, line: Line, payload: bytes) -> None:
        self.count += 1
        sent = json.loads(payload).get("sent")
        if sent is not None:
            self.waits.append((time.perf_counter() - sent) * 1000)
        elif self.talking:
            line.send(self.text)

    async def at(self, *, a_second: float, seconds: float) -> list[float]:
        """Milliseconds until each echo of 200 bytes, when so many are sent, evenly."""
        self.waits = []
        began = time.perf_counter()
        wanted = int(a_second * seconds)
        for number in range(wanted):
            due = began + number / a_second
            if due > time.perf_counter():
                await asyncio.sleep(due - time.perf_counter())
            said: dict[str, Any] = {"text": "x" * 160, "sent": time.perf_counter()}
            self.lines[number % len(self.lines)].send(said)
        await until(lambda: len(self.waits) == wanted, look_every=0.005)
        return self.waits

    async def rate(self, seconds: float) -> float:
        """Frames a second, each answered by the next."""
        before, began = self.count, time.perf_counter()
        self.talking = True
        for line in self.lines:
            for _ in range(WINDOW):
                line.send(self.text)
        await asyncio.sleep(seconds)
        self.talking = False
        rate = (self.count - before) / (time.perf_counter() - began)
        await asyncio.sleep(0.1)
        return rate

    def close(self) -> None:
        for line in self.lines:
            line.close()


async def without_storage(run: Run) -> Figures:
    """Typing, from customers to the agent who follows; each frame that arrives lets the next go."""
    bare, ours = [], []
    async with scene(run) as there, raw_server() as (port, _):
        echo = await Echo.open_all(port, CUSTOMERS)
        for customer in there.customers:  # their welcome did not know the conversation yet
            customer.line.send({"type": "hello", "session": customer.session, "after": 0})
        await until(lambda: all(customer.conversation for customer in there.customers))
        typing = Typing(there)
        for _ in range(run.rounds):
            bare.append(await echo.rate(run.seconds))
            ours.append(await typing.rate(run.seconds))
        echo.close()
    return compared(bare, ours, what="typing frames/s", beside="raw echo frames/s")


class Typing:
    def __init__(self, there: Scene) -> None:
        self._lines = {one.conversation: one.line for one in there.customers}
        self._count = 0
        self._talking = False
        there.watcher._taken = self._take

    def _take(self, _line: Line, payload: bytes) -> None:
        if b'"typing"' not in payload:
            return
        self._count += 1
        frame = json.loads(payload)
        if self._talking:
            self._lines[frame["conversation"]].send({"type": "typing", "on": not frame["on"]})

    async def rate(self, seconds: float) -> float:
        """Frames a second that arrived at the agent."""
        before, began = self._count, time.perf_counter()
        self._talking = True
        for line in self._lines.values():
            for _ in range(WINDOW):
                line.send({"type": "typing", "on": True})
        await asyncio.sleep(seconds)
        self._talking = False
        rate = (self._count - before) / (time.perf_counter() - began)
        await asyncio.sleep(0.1)
        return rate
