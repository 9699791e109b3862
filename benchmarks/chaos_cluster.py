"""The scenes of `make chaos` in which Answerable is many processes on PostgreSQL, RabbitMQ, Redis.

Each takes servers of its own and about ten minutes; `--minutes` makes them shorter.
"""

import asyncio
from collections.abc import Awaitable, Callable
from pathlib import Path

from tests.support.chaos import Told
from tests.support.cluster import CONNECTOR, GATEWAY, SCHEDULER, WORKER, Cluster, own_servers
from tests.support.cluster_chaos import Faults, Load, at_once, by_turns, under_fire
from tests.support.faults import (
    clock_steps,
    cuts,
    full_disks,
    kills,
    lost_answers,
    mails_lose_answers,
    redis_flushes,
    server_stops,
    terms,
)
from tests.support.poison import Dose, poisoned
from tests.support.processes import Zygote
from tests.support.releases import rolling_release

Scene = Callable[..., Awaitable[Told]]  # of a folder, a zygote, a seed, minutes=
ROLES = (GATEWAY, WORKER, CONNECTOR, SCHEDULER)
MINUTES = 10.0
DISK_MB = 1000  # in memory, where it can be filled without filling the machine's


def _load(minutes: float, *, customers: int, pace: float, mails: int = 0) -> Load:
    """customers: who each say something every `pace` seconds, for so many minutes."""
    return Load(customers=customers, each=max(2, int(60 * minutes / pace)), mails=mails, pace=pace)


async def fire(
    folder: Path, zygote: Zygote, seed: int, *, faults: Faults, load: Load, minutes: float,
    is_timed: bool = True, prepare: Callable[[Cluster], None] = lambda _: None,
) -> Told:  # fmt: skip
    """Customers talk for so many minutes while this is done to the cluster."""
    async with own_servers(folder / "servers", disk_mb=DISK_MB) as servers:
        return await under_fire(
            folder / "cluster", zygote, servers, faults, load, seed=seed,
            limit=600 + 240 * minutes, is_timed=is_timed, prepare=prepare,
        )  # fmt: skip


def killed(folder: Path, zygote: Zygote, seed: int, *, minutes: float = MINUTES) -> Awaitable[Told]:
    load = _load(minutes, customers=50, pace=1.5, mails=int(10 * minutes))
    return fire(
        folder, zygote, seed, faults=kills(*ROLES, every=3), load=load, minutes=minutes
    )  # fmt: skip


def answers_lost(
    folder: Path, zygote: Zygote, seed: int, *, minutes: float = MINUTES
) -> Awaitable[Told]:
    mails = int(50 * minutes)
    return fire(
        folder, zygote, seed, minutes=minutes, prepare=mails_lose_answers(mails),
        faults=at_once(lost_answers(mails // 3), kills(WORKER, CONNECTOR, every=50)),
        load=_load(minutes, customers=5, pace=2, mails=mails),
    )  # fmt: skip


def database_restarted(
    folder: Path, zygote: Zygote, seed: int, *, minutes: float = MINUTES
) -> Awaitable[Told]:
    stops = server_stops("postgres", ["graceful", "immediate", "kill"], away=2, every=20)
    load = _load(minutes, customers=20, pace=1.5, mails=int(10 * minutes))
    return fire(folder, zygote, seed, faults=stops, load=load, minutes=minutes)


def broker_and_redis(
    folder: Path, zygote: Zygote, seed: int, *, minutes: float = MINUTES
) -> Awaitable[Told]:
    faults = at_once(
        server_stops("rabbit", ["graceful", "kill"], away=1, every=20),
        by_turns(
            redis_flushes(every=10, most=max(1, int(3 * minutes))),
            server_stops("redis", ["kill"], away=2, every=10),
        ),
    )
    load = _load(minutes, customers=20, pace=1.5, mails=int(10 * minutes))
    return fire(folder, zygote, seed, faults=faults, load=load, minutes=minutes)


def told_to_stop(
    folder: Path, zygote: Zygote, seed: int, *, minutes: float = MINUTES
) -> Awaitable[Told]:
    load = _load(minutes / 2, customers=200, pace=15, mails=int(2 * minutes))
    return fire(folder, zygote, seed, faults=terms(*ROLES), load=load, minutes=minutes)


def network_cut(
    folder: Path, zygote: Zygote, seed: int, *, minutes: float = MINUTES
) -> Awaitable[Told]:
    load = _load(minutes, customers=20, pace=1.5, mails=int(10 * minutes))
    faults = cuts(every=1, lasting=5)
    return fire(folder, zygote, seed, faults=faults, load=load, minutes=minutes)


def disk_full(
    folder: Path, zygote: Zygote, seed: int, *, minutes: float = MINUTES
) -> Awaitable[Told]:
    load = _load(minutes, customers=10, pace=1.5, mails=int(10 * minutes))
    faults = full_disks(every=30, lasting=10)
    return fire(folder, zygote, seed, faults=faults, load=load, minutes=minutes)


def clock_stepped(
    folder: Path, zygote: Zygote, seed: int, *, minutes: float = MINUTES
) -> Awaitable[Told]:
    load = _load(minutes, customers=10, pace=1.5, mails=int(10 * minutes))
    steps = [sign * size for size in (5, 90, 3600) for sign in (1, -1)]
    faults = clock_steps(steps, every=60 * minutes / (len(steps) + 2))
    return fire(
        folder, zygote, seed, faults=faults, load=load, minutes=minutes, is_timed=False
    )  # fmt: skip


async def released(folder: Path, zygote: Zygote, seed: int, *, minutes: float = MINUTES) -> Told:
    load = _load(minutes / 2, customers=100, pace=5, mails=int(40 * minutes))
    async with own_servers(folder / "servers", disk_mb=DISK_MB) as servers:
        return await rolling_release(
            folder / "release", zygote, servers, load, seed=seed, limit=600 + 240 * minutes
        )


async def poison(folder: Path, _zygote: Zygote, _seed: int, *, minutes: float = MINUTES) -> Told:
    backlog = int(500 * minutes)
    half = max(1, int(minutes))
    dose = Dose(
        backlog=backlog, killing=half, raising=half, drip=120, kill_every=5,
        limit=600 + 240 * minutes,
    )  # fmt: skip
    async with own_servers(folder / "servers", disk_mb=DISK_MB) as servers:
        await asyncio.to_thread((folder / "poison").mkdir)
        return await poisoned(folder / "poison", servers, dose)


CLUSTER_SCENES: dict[str, tuple[str, Scene]] = {
    "R01c": ("A cluster's processes killed every 3 s under load", killed),
    "R05c": (
        "The answer lost to mails, and now and then to the bank's call; processes killed besides",
        answers_lost,
    ),
    "R07": (
        "A backlog with jobs that kill or spoil who does them; a worker killed every 5 s",
        poison,
    ),
    "database": ("PostgreSQL restarted, stopped and killed every 20 s", database_restarted),
    "broker": (
        "The broker restarted every 20 s, Redis flushed and killed",
        broker_and_redis,
    ),
    "R13": ("The next release put in, process by process, under load", released),
    "R17c": ("SIGTERM to one process of each role with 200 connections", told_to_stop),
    "cuts": (
        "Each way between two programs refused, slow and silent for 5 s",
        network_cut,
    ),
    "disk": ("PostgreSQL's disk full for 10 s, again and again", disk_full),
    "clock": ("A worker's clock stepped by seconds, minutes and an hour", clock_stepped),
}
