"""Several processes on one PostgreSQL: messages a second, and what a second worker adds."""

import asyncio
import os
import random
import shutil
import subprocess
import sys
import time
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from dataclasses import replace
from urllib.parse import urlsplit

import sqlalchemy as sa

from answerable.kit.postgres_connection import postgres_engine
from answerable.ledger.tables import event
from answerable.processes.stored import opened
from benchmarks.machine import processor_seconds
from benchmarks.measure import Figures, Run, compared
from benchmarks.places import Place, server
from benchmarks.programs import served
from benchmarks.stores import place_of
from benchmarks.talk import Customer, enter_all
from benchmarks.yardsticks.pgbench import TABLE, inserts
from tests.support.chaos import until
from tests.support.processes import Instance

WORKERS = 4
CLIENTS = 16
BROKER = os.environ.get("ANSWERABLE_TEST_RABBITMQ", "amqp://guest:guest@127.0.0.1:5672/")
VHOST = "answerable_bench"
LOOK_EVERY = 0.25  # seconds: to look takes of the cores that are measured
# What people deal with, so that nothing outside is asked: read by the model, decided, handed off.
SAID = "I want to complain about the adviser in Hamburg, who was rude to me. This is number {n}."
_EVENTS = sa.select(sa.func.count()).where(event.c.kind == sa.bindparam("kind"))
_BACKENDS = sa.text("SELECT pid FROM pg_stat_activity WHERE datname = :name")


async def four(run: Run) -> Figures:
    """Taken in, redacted, chained, committed and advanced over by four processes at once."""
    bare, ours = [], []
    async with place_of(run.store) as place, AsyncExitStack() as stack:
        assert place.url is not None
        engine = postgres_engine(place.url, connections=1)
        with engine.begin() as tx:
            tx.exec_driver_sql(TABLE)
        engine.dispose()
        each = 50 // WORKERS
        workers = [
            await stack.enter_async_context(_worker(place, number, each))
            for number in range(WORKERS)
        ]
        seconds = max(1.0, run.seconds)
        for _ in range(run.rounds):
            bare.append(
                await asyncio.to_thread(
                    inserts, place.url, place.scratch, clients=CLIENTS, seconds=seconds
                )
            )
            ours.append(sum(await asyncio.gather(*(_asked(one, seconds) for one in workers))))
    return compared(bare, ours, what="messages/s", beside="pgbench, 16 clients, inserts/s")


@asynccontextmanager
async def _worker(
    place: Place, number: int, customers: int
) -> AsyncIterator[asyncio.subprocess.Process]:
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-m", "benchmarks.one_worker",
        str(place.folder), str(place.url), str(number), str(customers),
        stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    assert process.stdin is not None
    assert process.stdout is not None
    try:
        assert await process.stdout.readline() == b"ready\n"
        yield process
        process.stdin.close()
        await process.wait()
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _asked(worker: asyncio.subprocess.Process, seconds: float) -> float:
    assert worker.stdin is not None
    assert worker.stdout is not None
    worker.stdin.write(f"{seconds}\n".encode())
    return float(await worker.stdout.readline())


async def one_and_two(run: Run) -> Figures:
    """A gateway takes a backlog in; then one worker reads, decides and hands off, or two do.

    Two cores hold the workers and the server's own processes: `most here` is what they allow, if
    two workers disturbed one another in nothing.
    """
    backlog = run.pick(400, 1500)
    rates: dict[int, list[float]] = {1: [], 2: []}
    theirs: list[float] = []
    others: list[float] = []
    async with place_of(run.store) as empty, broker() as url:
        place = replace(empty, more={"BROKER": url} if url else {})
        async with served(place, core=None, role="gateway") as gateway:
            customers = await enter_all(gateway, 50)
            for _ in range(run.pick(2, 5)):
                for number, many in rates.items():
                    rate, worker, other = await _worked_off(place, customers, number, backlog)
                    many.append(rate)
                    theirs.append(worker)
                    others.append(other)
    most = 2 * sum(theirs) / (sum(theirs) + sum(others))
    told = compared(
        rates[1], rates[2], what="two workers, messages/s", beside="one worker, messages/s"
    )
    return told | {
        "processor of the workers, ms a message": round(sum(theirs) / len(theirs), 1),
        "processor of PostgreSQL, ms a message": round(sum(others) / len(others), 1),
        "most here": round(min(2.0, most), 2),
        "hints by": "RabbitMQ" if url else "the sweep alone",
    }


async def _worked_off(
    place: Place, customers: Sequence[Customer], workers: int, backlog: int
) -> tuple[float, float, float]:
    """(messages a second, ms of the workers' processor a message, and of the server's).

    Counted from when all workers are ready: the first to be so has begun by then.
    """
    for _ in range(backlog):
        random.choice(customers).say(SAID.format(n=time.time_ns()))
    await until(lambda: not any(one.on_the_way for one in customers))
    async with AsyncExitStack() as stack:
        there: list[Instance] = await asyncio.gather(
            *(
                stack.enter_async_context(served(place, core=None, role="worker"))
                for _ in range(workers)
            )
        )
        used, server_used = _used(there), _server_seconds(place)
        began, left = time.perf_counter(), await _unread(place)
        assert left > backlog / 4, "the backlog is too small to be measured"
        # Other processes do it: there is nothing here to wait on.
        while await _unread(place):  # noqa: ASYNC110  (no event of ours tells it)
            await asyncio.sleep(LOOK_EVERY)
        took = time.perf_counter() - began
        worked, served_ = _used(there) - used, _server_seconds(place) - server_used
    return left / took, worked / left * 1000, served_ / left * 1000


def _used(workers: Sequence[Instance]) -> float:
    return sum(processor_seconds(one.life.pid) for one in workers)


def _server_seconds(place: Place) -> float:
    """Of the server's processes for this database."""
    assert place.url is not None
    with server() as connection:
        name = sa.engine.make_url(place.url).database
        pids = connection.scalars(_BACKENDS, {"name": name}).all()
    return sum(processor_seconds(pid) for pid in pids if os.path.exists(f"/proc/{pid}"))


async def _unread(place: Place) -> int:
    """How many messages have not been understood yet."""

    def count() -> int:
        with opened(place.database) as engine, engine.begin() as tx:
            said, read = (
                tx.scalar(_EVENTS, {"kind": kind}) or 0
                for kind in ("message_received", "understood")
            )
        return int(said) - int(read)

    return await asyncio.to_thread(count)


@asynccontextmanager
async def broker() -> AsyncIterator[str | None]:
    """A virtual host of our own on the broker; None if there is no broker to be had."""
    control = shutil.which("rabbitmqctl")
    if control is None:
        yield None
        return
    user = urlsplit(BROKER).username or "guest"

    async def told(*arguments: str) -> int:
        done = await asyncio.to_thread(
            subprocess.run, [control, "-q", *arguments], capture_output=True, timeout=60
        )
        return done.returncode

    await told("delete_vhost", VHOST)
    if await told("add_vhost", VHOST):
        yield None
        return
    try:
        await told("set_permissions", "-p", VHOST, user, ".*", ".*", ".*")
        yield f"{BROKER.rstrip('/')}/{VHOST}"
    finally:
        await told("delete_vhost", VHOST)
