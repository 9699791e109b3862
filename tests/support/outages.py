"""Scenes in which the bank's own system is down: who waits, and who does not."""

import asyncio
import statistics
import time
from collections import Counter
from collections.abc import Sequence
from itertools import pairwise
from pathlib import Path

from answerable_sandbox.faults import Mode
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.world import World
from tests.support import ledgers
from tests.support.chaos import Told, check_ledger, compare, open_talkers, until
from tests.support.letters import letter, post
from tests.support.mail_chaos import bank, mail_port, replies
from tests.support.processes import Instance, Zygote, living
from tests.support.talkers import Talker

ON_THE_WAY = 1.0  # seconds: what was sent before the bank's answer was known


async def bank_down(
    data: Path,
    zygote: Zygote,
    *,
    mode: Mode,
    seconds: float,
    mails: int,
    retry_after: float | None = None,
    limit: float,
) -> Told:
    """R12: the bank hangs, fails or asks for time; mails wait, chats go on, nobody hammers it."""
    told = Told()
    async with asyncio.timeout(limit), Sandbox() as sandbox:
        world, instance = sandbox.world, bank(data, zygote, sandbox)
        async with living(instance):
            quiet = await _chats(instance, told, seed=1)
            world.faults.add("core", mode, times=None, seconds=retry_after or 60)
            down_at = time.monotonic()
            addresses = [f"o{number}@example.com" for number in range(mails)]
            for address in addresses:
                await post(letter(address), mail_port(instance))
            during = await _chats(instance, told, seed=2)
            await asyncio.sleep(max(0, down_at + seconds - time.monotonic()))
            told.wrong += [
                f"answered without the bank: {a}" for a in addresses if replies(world, a)
            ]
            asked = _asked(world)
            world.faults.clear("core")
            outage, up_at = time.monotonic() - down_at, time.monotonic()
            await until(lambda: all(replies(world, a) for a in addresses), within=2 * outage + 60)
            told.recovery = [round(time.monotonic() - up_at, 1)]
            await instance.stop()
    check_ledger(data, told)
    taken = Counter(len(replies(world, address)) for address in addresses)
    told.doubled += sum(number for times, number in taken.items() if times > 1)
    told.wrong += _hammered(asked, retry_after)
    if told.recovery[0] > 2 * outage + 40:  # a short outage is noticed to be over after a rest
        told.wrong.append(f"the last mail was answered {told.recovery[0]} s after the end")
    told.faults, told.messages = {f"bank: {mode}": 1}, mails
    told.figures = {
        "seconds down": round(outage),
        "asked meanwhile": len(asked),
        "chat ack p99 ms, before": quiet,
        "chat ack p99 ms, meanwhile": during,
    }
    if behind := ledgers.behind(data):
        told.wrong.append(f"{behind} conversations are stuck")
    return told


async def _chats(instance: Instance, told: Told, *, seed: int) -> int:
    """Customers talk and are heard; milliseconds until an acknowledgement, at the 99th of 100."""
    talkers: list[Talker] = await open_talkers(instance, count=10, each=20, seed=seed)
    running = [asyncio.create_task(talker.talk()) for talker in talkers]
    await until(lambda: all(len(one.acknowledged) == len(one.texts) for one in talkers))
    for task in running:
        task.cancel()
    await asyncio.gather(*running, return_exceptions=True)
    await compare(talkers, told)
    waits = [wait for talker in talkers for wait in talker.waits.values()]
    return round(statistics.quantiles(waits, n=100)[-1] * 1000)


def _asked(world: World) -> list[float]:
    """When the bank was asked in vain, in seconds."""
    return [entry.at.timestamp() for entry in world.journal.entries(system="core", kind="fault")]


def _hammered(asked: Sequence[float], retry_after: float | None) -> list[str]:
    """Too early, where the bank named a time; else more than a few at once and then one by one."""
    if retry_after is None:
        span = asked[-1] - asked[0] if asked else 0
        most = 110 + span / 4  # those under way at first, each twice; then one for all
        return [f"asked {len(asked)} times in {span:.0f} s"] if len(asked) > most else []
    rounds = [list(asked[:1])]
    for before, at in pairwise(asked):
        if at - rounds[-1][0] > ON_THE_WAY:
            rounds.append([])
            if at - before < retry_after - ON_THE_WAY:
                return [f"asked again after {at - before:.1f} s, not {retry_after:g}"]
        rounds[-1].append(at)
    return []
