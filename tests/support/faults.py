"""What is done to a cluster under load; each fault goes on until everything has been said."""

import asyncio
import itertools
from collections.abc import Callable, Sequence

from answerable_sandbox.faults import Faults as OutsideFaults
from tests.support.chaos import until
from tests.support.cluster import GATEWAY, WORKER, Cluster, Member
from tests.support.cluster_chaos import Faults, Fire
from tests.support.proxies import Proxy
from tests.support.servers import Stop

EXIT_WITHIN = 10.0  # seconds a process has to end in


def kills(*roles: str, every: float, most: int = 10_000) -> Faults:
    """SIGKILL to one process of each role in turn, which a supervisor starts again."""

    async def strike(fire: Fire) -> None:
        for number, role in enumerate(itertools.cycle(roles)):
            if fire.over or number >= most:
                return
            await fire.pause(every)
            member = fire.random.choice(fire.cluster.of(role))
            async with fire.fault(f"{role} killed"):
                await member.instance.kill()
            await fire.pause(0.5)
            await member.instance.start(ready=fire.random.random() < 0.5)

    return strike


def server_stops(
    name: str, hows: Sequence[Stop], *, away: float, every: float, most: int = 10_000
) -> Faults:
    """The database, the broker or Redis is stopped in this way, and is back after a while."""

    async def strike(fire: Fire) -> None:
        server = getattr(fire.cluster.servers, name)
        for how in itertools.islice(itertools.cycle(hows), most):
            await fire.pause(every)
            if fire.over:
                return
            async with fire.fault(f"{name} stopped ({how})"):
                await asyncio.to_thread(server.stop, how)
                await asyncio.sleep(away)
                await asyncio.to_thread(server.start)

    return strike


def redis_flushes(*, every: float, most: int = 10_000) -> Faults:
    async def strike(fire: Fire) -> None:
        for _ in range(most):
            await fire.pause(every)
            if fire.over:
                return
            async with fire.fault("redis flushed"):
                await asyncio.to_thread(fire.cluster.servers.redis.flush)

    return strike


def cuts(*, every: float, lasting: float, most: int = 10_000) -> Faults:
    """Each way between two programs, in any order: refused, delayed, or dead without a word."""

    async def strike(fire: Fire) -> None:
        done = 0
        while not fire.over:
            ways = [(m, way) for m in fire.cluster.members for way in m.ways]
            fire.random.shuffle(ways)
            for member, way in ways:
                if fire.over or done >= most:
                    return
                kind = fire.random.choice(("refused", "slow", "silent"))
                async with fire.fault(f"{member.role}-{way} {kind}"):
                    await _cut(fire, member.ways[way], kind, lasting)
                done += 1
                await fire.pause(every)

    return strike


async def _cut(fire: Fire, proxy: Proxy, kind: str, lasting: float) -> None:
    if kind == "refused":
        proxy.away()
    elif kind == "slow":
        proxy.delay_seconds = 0.2
    else:
        proxy.swallow()
    await fire.pause(lasting)
    proxy.back()
    proxy.delay_seconds = 0.0


def full_disks(*, every: float, lasting: float, most: int = 10_000) -> Faults:
    """The database's disk has no room left; if the server ends by that, it is started again."""

    async def strike(fire: Fire) -> None:
        server = fire.cluster.servers.postgres
        for _ in range(most):
            await fire.pause(every)
            if fire.over:
                return
            async with fire.fault("disk full"):
                await asyncio.to_thread(server.fill_disk)
                await asyncio.sleep(lasting)
                await asyncio.to_thread(server.empty_disk)
                if not await asyncio.to_thread(server.answers):
                    await asyncio.to_thread(server.stop, "kill")
                    await asyncio.to_thread(server.start)

    return strike


def clock_steps(steps: Sequence[float], *, every: float) -> Faults:
    """One worker more joins, whose clock is ahead by each of these seconds for a while."""

    async def strike(fire: Fire) -> None:
        file = fire.cluster.folder / "clock"
        member = await fire.cluster.add(WORKER, clock=file)
        await member.instance.start()
        for ahead in steps:
            async with fire.fault(f"clock {ahead:+.0f} s"):
                await asyncio.to_thread(file.write_text, str(ahead))
                await fire.pause(every)
        await asyncio.to_thread(file.write_text, "0")

    return strike


def terms(*roles: str) -> Faults:
    """SIGTERM to one process of each role; its connections are told, and it ends soon."""

    async def strike(fire: Fire) -> None:
        for role in roles:
            member = fire.cluster.of(role)[0]
            async with fire.fault(f"{role} SIGTERM"):
                await told_to_stop(fire, member)
            await member.instance.start()
            await fire.one_more()

    return strike


async def told_to_stop(fire: Fire, member: Member) -> None:
    """SIGTERM: it ends soon and well, and whoever was connected was told."""
    for talker in fire.talkers:
        talker.closed.clear()
    seconds = await member.instance.stop()
    code = await member.instance.ended()
    if seconds > EXIT_WITHIN or code != 0:
        fire.wrong.append(f"{member.name} ended with {code} after {seconds:.1f} s")
    closed = [code for talker in fire.talkers for code in talker.closed]
    if member.role == GATEWAY and set(closed) - {1001}:
        fire.wrong.append(f"{member.name}: connections were closed with {closed}")


def lost_answers(times: int) -> Faults:
    """The bank has done it, and its answer is lost; others come between, or it would be down."""

    async def strike(fire: Fire) -> None:
        faults = fire.cluster.sandbox.world.faults
        for _ in range(times):
            faults.add("core", "apply-then-lose")
            await until(lambda: fire.over or not _is_due(faults), within=600)
            await fire.pause(0.2)

    return strike


def _is_due(faults: OutsideFaults) -> bool:
    return any(one.system == "core" for one in faults.in_force())


def mails_lose_answers(mails: int) -> Callable[[Cluster], None]:
    """The mail server has taken each customer's first answer, and does not say so."""

    def prepare(cluster: Cluster) -> None:
        for number in range(mails):
            cluster.sandbox.world.faults.add(
                "mail", "apply-then-lose", recipient=f"m{number}@example.com"
            )

    return prepare
