"""What must survive, as scenes of any size: small ones in the tests, full ones in `make chaos`."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from answerable.kit.ids import TenantId
from tests.support import ledgers
from tests.support.processes import Instance, Zygote, living
from tests.support.proxies import CUTS, proxy_to
from tests.support.talkers import Talker, findings, open_session

KEY = "wk_northwind_demo"
SAID = (
    "Hello, this is message {n}",
    "When is your branch in Hamburg open? ({n})",
    "My IBAN is DE89 3704 0044 0532 0130 00, message {n}",
    "hm {n}",
)


@dataclass
class Told:
    """What came of a scene, for the report.

    wrong: must be empty. faults: injected, by kind. messages: acknowledged, or mails sent. lost,
    doubled, reordered: of these. stuck: work that nobody did in the time
    there was. recovery: seconds after each fault. figures: what else there is.
    """

    wrong: list[str] = field(default_factory=list)
    store: str = "SQLite"
    faults: dict[str, int] = field(default_factory=dict)
    messages: int = 0
    lost: int = 0
    doubled: int = 0
    reordered: int = 0
    stuck: int = 0
    recovery: list[float] = field(default_factory=list)
    figures: dict[str, float | int | str] = field(default_factory=dict)


def texts(name: str, count: int, random_: random.Random) -> list[str]:
    return [random_.choice(SAID).format(n=f"{name}-{n}") for n in range(1, count + 1)]


async def open_talkers(
    instance: Instance, *, count: int, each: int, seed: int, url: str | None = None
) -> list[Talker]:
    random_ = random.Random(seed)
    at = url or instance.chat
    return [
        Talker(
            name=f"customer {number}",
            url=lambda: at,
            session=await open_session(instance.http, KEY),
            texts=texts(str(number), each, random_),
        )
        for number in range(count)
    ]


async def compare(talkers: list[Talker], told: Told) -> None:
    """Everything that was acknowledged is there once, in order, as it was shown."""
    for talker in talkers:
        found = findings(talker, await talker.reads_everything())
        told.wrong += found.wrong
        told.lost += found.lost
        told.doubled += found.doubled
        told.reordered += found.reordered
        told.messages += len(talker.acknowledged)
        lost = len(talker.texts) - len(talker.acknowledged)
        if lost:
            told.wrong.append(f"{talker.name}: {lost} messages were never acknowledged")


def check_ledger(
    store: ledgers.Store,
    told: Told,
    tenant: TenantId = ledgers.BANK,
    *,
    key_file: Path | None = None,
) -> None:
    """Every chain verifies, nothing is in it twice, every conversation is somebody's."""
    told.wrong += ledgers.audit(store, tenant, key_file=key_file)
    for conversation, events in ledgers.conversations(store, tenant).items():
        if [one.seq for one in events] != list(range(1, len(events) + 1)):
            told.wrong.append(f"{conversation}: seq has a gap")
        ids = [e.data["client_id"] for e in events if "client_id" in e.data]
        if len(ids) != len(set(ids)):
            told.doubled += len(ids) - len(set(ids))
            told.wrong.append(f"{conversation}: a message was taken in twice")
        wanted = [e.data["effect"] for e in events if "effect" in e.data]
        if len(wanted) != len(set(wanted)):
            told.doubled += len(wanted) - len(set(wanted))
            told.wrong.append(f"{conversation}: an effect has two outcomes")
    for conversation, state, row in ledgers.owners(store, tenant):
        if row is None:
            told.wrong.append(f"{conversation}: it is in no inbox")
        elif state.get("status", "open") == "open" and not _is_owned(state.get("owner"), row):
            told.wrong.append(f"{conversation}: owned by {state.get('owner')}, listed as {row}")


def _is_owned(owner: Any, row: Any) -> bool:
    """By exactly one, and the inbox says the same."""
    kind, name = (owner or {}).get("kind"), (owner or {}).get("id")
    known = kind == "assistant" if not name else kind in ("queue", "agent")
    return known and (row.owner_kind, row.owner_id) == (kind, name)


async def killed_under_load(
    data: Path,
    zygote: Zygote,
    *,
    kills: int,
    customers: int,
    messages: int,
    seed: int,
    limit: float,
) -> Told:
    """R01: SIGKILL at random times while customers send numbered messages."""
    told = Told()
    random_ = random.Random(seed)
    began = time.monotonic()
    async with asyncio.timeout(limit), living(Instance(data, zygote)) as instance:
        talkers = await open_talkers(
            instance, count=customers, each=messages // customers, seed=seed
        )
        talking = [asyncio.create_task(talker.talk()) for talker in talkers]
        starts: list[float] = []
        done = 0
        while done < kills and not all(task.done() for task in talking):
            await asyncio.sleep(random_.uniform(0.05, 1.5))
            await instance.kill()
            done += 1
            # A fifth of the lives is not waited for: many end before they have begun to answer.
            ready = random_.random() < 0.8
            seconds = await instance.start(ready=ready)
            starts += [seconds] if ready else []
        await instance.ready()
        await asyncio.gather(*talking)
        await compare(talkers, told)
        await settled(instance, within=60 + messages / 20)  # each is read by a model
        await instance.stop()
    check_ledger(data, told)
    if done < kills:
        told.wrong.append(f"the talk was over after {done} kills")
    told.faults, told.recovery = {"kill": done}, starts
    told.figures = {
        "connections": sum(t.connections for t in talkers),
        "seconds": round(time.monotonic() - began, 1),
    }
    return told


async def cut_off(
    data: Path, zygote: Zygote, *, cuts: int, customers: int, seed: int, limit: float
) -> Told:
    """R08: connections are cut, also within a frame and without either side being told."""
    told = Told()
    random_ = random.Random(seed)
    began = time.monotonic()
    async with (
        asyncio.timeout(limit),
        living(Instance(data, zygote)) as instance,
        proxy_to(instance.port) as proxy,
    ):
        url = f"ws://127.0.0.1:{proxy.port}/v1/customer/chat"
        talkers = await open_talkers(
            instance, count=customers, each=max(20, 2 * cuts // customers), seed=seed, url=url
        )
        talking = [asyncio.create_task(talker.talk()) for talker in talkers]
        while proxy.cuts < cuts and not all(task.done() for task in talking):
            await asyncio.sleep(random_.uniform(0, 2 * 0.4 / customers))
            proxy.cut(random_.choice(CUTS), random_)
        await asyncio.gather(*talking)
        await compare(talkers, told)
        await instance.stop()
    check_ledger(data, told)
    if proxy.cuts < cuts:
        told.wrong.append(f"the talk was over after {proxy.cuts} cuts")
    told.faults = {"cut": proxy.cuts}
    told.figures = {
        "connections": sum(t.connections for t in talkers),
        "seconds": round(time.monotonic() - began, 1),
    }
    return told


async def told_to_stop(data: Path, zygote: Zygote, *, customers: int, seed: int) -> Told:
    """R17: SIGTERM under load: quickly gone, goodbyes said, nothing lost."""
    told = Told()
    async with asyncio.timeout(180 + 4 * customers), living(Instance(data, zygote)) as instance:
        talkers = await open_talkers(instance, count=customers, each=40, seed=seed)
        for talker in talkers:
            talker.silence = 60  # each connection is to be ended by the service
        talking = [asyncio.create_task(talker.talk()) for talker in talkers]
        await until(lambda: sum(len(t.acknowledged) for t in talkers) >= 8 * customers)
        await until(lambda: all(talker.is_welcome for talker in talkers))
        for talker in talkers:
            talker.closed.clear()  # on a slow machine some were cut for reading too slowly
        seconds = await instance.stop()
        code = await instance.ended()
        await until(lambda: not any(talker.is_welcome for talker in talkers))
        codes = [next(iter(talker.closed), None) for talker in talkers]
        await instance.start()
        await asyncio.gather(*talking)
        await compare(talkers, told)
        await settled(instance, within=60 + 2 * customers)  # each message is read by a model
        await instance.stop()
    check_ledger(data, told)
    if seconds > 10:
        told.wrong.append(f"it took {seconds:.1f} s to end")
    if code != 0:
        told.wrong.append(f"it ended with {code}")
    if set(codes) != {1001}:
        told.wrong.append(f"connections were closed with {Counter(codes)}")
    told.faults = {"SIGTERM": 1}
    told.figures = {
        "seconds to end": round(seconds, 2),
        "connections": customers,
        "closed with 1001": codes.count(1001),
    }
    return told


async def settled(instance: Instance, *, within: float = 60.0) -> None:
    """Until nothing is left to be done but what waits for its time."""
    await until(lambda: not is_busy(instance.data), within=within)


async def until(
    holds: Callable[[], bool], *, within: float = 60.0, look_every: float = 0.05
) -> None:
    """Until it holds; what happens in another process can only be looked for."""
    async with asyncio.timeout(within):
        while not holds():  # noqa: ASYNC110
            await asyncio.sleep(look_every)


def is_busy(store: ledgers.Store) -> bool:
    waiting = ledgers.outbox(store)
    del waiting["wake"]
    return bool(waiting) or ledgers.behind(store) > 0 or ledgers.unread(store) > 0
