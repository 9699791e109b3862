"""The outbox as a queue, and playbooks as workflows, beside libraries made for these.

A job: its row is committed to the outbox, it is taken out and performed (by doing nothing), its
outcome is an event in a conversation's chain, committed together with the end of the job, and the
conversation is advanced over it.
"""

import asyncio
import itertools
import time
from collections.abc import Mapping, Sequence
from functools import partial
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.desk.summary_store import conversation
from answerable.flow.handlers import World
from answerable.flow.ports import Finding, Question
from answerable.flow.service import Service
from answerable.kit.ids import ConversationId
from answerable.ledger.append import Appender
from answerable.ledger.event import Effect, Event, NewEffect
from answerable.ledger.tables import effect
from answerable.processes.alarm import TeamAlarm
from answerable.understanding.testing import KeywordReader
from benchmarks.durable import owned
from benchmarks.lines import percentile
from benchmarks.measure import Figures, Run, compared, grown
from benchmarks.programs import told_by
from benchmarks.stores import TENANT, bench_service, message, place_of

CONVERSATIONS = 50
AT_ONCE = 50  # who wait for their job to be enqueued before they enqueue the next
BACKLOGS = (5_000, 50_000)
STEPS = Path(__file__).with_name("definitions") / "steps.yaml"
# Measured on a quiet machine of the same kind, for where the library is not installed.
HUEY_PUBLISHED = 780.0
DBOS_PUBLISHED = 120.0
_numbers = itertools.count(1)


class Queue:
    """Jobs for conversations that belong to an agent, so that nothing follows from them."""

    def __init__(self, service: Service, ids: Sequence[ConversationId]) -> None:
        self._service = service
        self._ids = ids

    async def enqueue(self) -> None:
        """Returns once it is on disk."""
        number = next(_numbers)
        made = await self._service.database.write_batched(self._enqueue_many, number)
        self._service.performer.submit([made])

    def _enqueue_many(self, tx: Connection, numbers: Sequence[int]) -> list[Effect]:
        appender = Appender(tx)
        made = [self._schedule(appender, number, held=True) for number in numbers]
        appender.flush()
        return made

    def pile_up(self, tx: Connection, many: int) -> None:
        """So many, held by nobody: what a process finds that was away."""
        appender = Appender(tx)
        for _ in range(many):
            self._schedule(appender, next(_numbers), held=False)
        appender.flush()

    def _schedule(self, appender: Appender, number: int, *, held: bool) -> Effect:
        now = self._service.clock.now()
        cause = Event(
            tenant=TENANT, stream=self._ids[number % len(self._ids)], seq=10**6 + number,
            kind="bench", at=now, actor="system", cause=None, data={}, hash="",
        )  # fmt: skip
        job = NewEffect(kind="wake", payload={"why": "bench"})
        lease = self._service.work.lease(now)
        [made] = appender.schedule(cause, [job], lease=lease, takes=lambda _kind: held)
        return made

    async def waiting(self) -> int:
        query = sa.select(sa.func.count()).select_from(effect)
        return await self._service.database.read(lambda tx: int(tx.scalar(query) or 0))

    async def rate(self, jobs: int) -> float:
        """Jobs a second from the first enqueued to the last done."""
        left = iter(range(jobs))

        async def enqueues() -> None:
            for _ in left:
                await self.enqueue()

        began = time.perf_counter()
        await asyncio.gather(*(enqueues() for _ in range(AT_ONCE)))
        while await self.waiting():  # noqa: ASYNC110  (nothing tells)
            await asyncio.sleep(0.005)
        return jobs / (time.perf_counter() - began)


async def jobs(run: Run) -> Figures:
    number = run.pick(500, 3000)
    bare, ours, said = [], [], "huey jobs/s, fsync on"
    async with place_of(run.store) as place:
        service = bench_service(place)
        queue = Queue(service, await owned(service, CONVERSATIONS))
        loops = asyncio.create_task(service.run())
        for turn in range(run.rounds):
            folder = place.scratch / f"huey{turn}"
            folder.mkdir()
            told = await told_by("huey_queue", str(folder), str(number), core=None)
            if told is None:
                said = "huey jobs/s, published (not installed here)"
            bare.append(told or HUEY_PUBLISHED)
            ours.append(await queue.rate(number))
        loops.cancel()
        await asyncio.wait([loops])
        await service.database.close()
    return compared(bare, ours, what="jobs/s", beside=said)


async def backlog(run: Run) -> Figures:
    """Two stores with a backlog each, worked off in turn, while a little is enqueued besides."""
    rates: dict[int, list[float]] = {size: [] for size in BACKLOGS}
    costs: dict[int, list[float]] = {size: [] for size in BACKLOGS}
    waits: dict[int, list[float]] = {size: [] for size in BACKLOGS}
    async with place_of(run.store) as small, place_of(run.store) as large:
        queues = {}
        places = dict(zip(BACKLOGS, (small, large), strict=True))
        for size, place in places.items():
            service = bench_service(place)
            queues[size] = Queue(service, await owned(service, CONVERSATIONS))
        for _ in range(run.rounds):
            for size, queue in queues.items():
                while await queue.waiting() < size:
                    await queue._service.database.write(partial(queue.pile_up, many=1000))
                await places[size].take_statistics()
                rate, cost, waited = await _worked_off(queue, seconds=1.0)
                rates[size].append(rate)
                costs[size].append(cost)
                waits[size].append(percentile(waited, 0.99))
        for queue in queues.values():
            await queue._service.database.close()
    return (
        grown(rates, what="jobs/s")
        | grown(costs, what="processor, microseconds a job")
        | grown(waits, what="enqueued p99, ms", digits=1)
    )


async def _worked_off(queue: Queue, *, seconds: float) -> tuple[float, float, list[float]]:
    """(jobs a second, microseconds of processor time each, milliseconds of each enqueue)."""
    waits: list[float] = []
    before, began, used = await queue.waiting(), time.perf_counter(), time.process_time()
    loops = asyncio.create_task(queue._service.run())
    while time.perf_counter() < began + seconds:
        enqueued = time.perf_counter()
        await queue.enqueue()
        waits.append((time.perf_counter() - enqueued) * 1000)
        await asyncio.sleep(0.02)
    loops.cancel()
    await asyncio.wait([loops])
    await queue._service.performer.settle()
    done = before + len(waits) - await queue.waiting()
    took, worked = time.perf_counter() - began, time.process_time() - used
    assert done > 0
    return done / took, worked / done * 1e6, waits


class Nothing:
    """A system that answers at once, and has nothing to say."""

    async def read(self, question: Question) -> Finding:
        return Finding(facts={"found": True}, values={})

    async def contact_facts(self, subject: tuple[str, str]) -> Mapping[str, Any]:
        return {}


async def workflows(run: Run) -> Figures:
    """A workflow: a message that starts a playbook of three steps, to the conversation's end."""
    number = run.pick(60, 400)
    bare, ours, said = [], [], "DBOS workflows/s"
    world = World(
        reader=KeywordReader({"steps": ("steps", 0.99)}),
        connectors={(TENANT, "nothing"): Nothing()},
        deliverers={},
        alarm=TeamAlarm(None),
    )
    async with place_of(run.store) as place:
        service = bench_service(place, definition=STEPS, world=world)
        loops = asyncio.create_task(service.run())
        for turn in range(run.rounds):
            folder = place.scratch / f"dbos{turn}"
            folder.mkdir()
            told = await told_by("dbos_steps", str(folder), str(number), core=None)
            if told is None:
                said = "DBOS workflows/s, published (not installed here)"
            bare.append(told or DBOS_PUBLISHED)
            ours.append(await _through(service, turn, number))
        loops.cancel()
        await asyncio.wait([loops])
        await service.database.close()
    return compared(bare, ours, what="workflows/s", beside=said)


async def _through(service: Service, turn: int, number: int) -> float:
    """Workflows a second from the first begun to the last closed."""
    query = sa.select(sa.func.count()).where(conversation.c.status == "closed")

    async def closed() -> int:
        return await service.database.read(lambda tx: int(tx.scalar(query) or 0))

    before, began = await closed(), time.perf_counter()
    visitors = range(turn * number, (turn + 1) * number)
    await asyncio.gather(*(service.accept(message(n, f"steps {n}")) for n in visitors))
    async with asyncio.timeout(120):
        while await closed() < before + number:  # noqa: ASYNC110  (nothing tells)
            await asyncio.sleep(0.01)
    return number / (time.perf_counter() - began)
