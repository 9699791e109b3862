"""R07: a backlog with jobs that kill or spoil the process that does them."""

import asyncio
import time
from collections import Counter
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager, suppress
from dataclasses import dataclass
from datetime import UTC, datetime
from pathlib import Path

from answerable.definition.terms import Proof
from answerable.flow.message import InboundMessage, Sender
from answerable.flow.service import Service
from answerable.ledger.event import Event
from answerable.processes.roles import Role
from answerable.processes.settings import read_settings
from answerable.processes.wiring import open_platform
from tests.support import ledgers
from tests.support.chaos import Told, until
from tests.support.cluster import CONNECTOR, GATEWAY, WORKER, Cluster, Servers, running, start_all
from tests.support.poison_plugin import KILLS, RAISES
from tests.support.processes import BANK, Zygote

TRIES = 5
DRIP_OF_ONE = 30


@dataclass(frozen=True, kw_only=True)
class Dose:
    """killing, raising: jobs that kill who does them, or raise; workers are killed besides.

    drip: jobs that come one by one, so that their waits can be compared: first by themselves, and
    at the end with poison between them, one of each sort for 30 of them. delayed_at_most: seconds
    that the longest of these waits may be longer than the longest of those.
    """

    backlog: int
    killing: int
    raising: int
    drip: int
    kill_every: float
    limit: float
    delayed_at_most: float = 2.0

    @property
    def dripped(self) -> int:
        """Jobs that kill, and as many that raise, between those that come one by one."""
        return max(1, self.drip // DRIP_OF_ONE)


async def poisoned(folder: Path, servers: Servers, dose: Dose) -> Told:
    """A backlog with poison in it is worked off while workers are killed."""
    told = Told(store="PostgreSQL")
    began = time.monotonic()
    await asyncio.to_thread(_install, folder)
    service = await asyncio.to_thread(_poisonable_bank, folder)
    notes = folder / "asked"
    settings = {"CONNECTOR_CORE_BANKING_URL": str(notes)}
    async with (
        asyncio.timeout(dose.limit),
        Zygote(folder / "plugin") as zygote,
        running(
            folder / "cluster", zygote, servers, connectors=3, services=[service],
            settings=settings, start=[GATEWAY],
        ) as cluster,
        _intake(cluster) as accept,
    ):  # fmt: skip
        names = await _take(dose, cluster, accept, told, notes)
        cluster.check(told)
        waits = _compare(cluster, told, names, notes)
        _compare_waits(told, waits, dose.delayed_at_most)
    told.messages = len(names)
    told.figures["seconds"] = round(time.monotonic() - began, 1)
    return told


async def _take(
    dose: Dose, cluster: Cluster, accept: "_Accept", told: Told, notes: Path
) -> list[str]:
    """All jobs that there were, by name; every one has been done or given up."""
    alone, among = ([f"{which}-{n}" for n in range(dose.drip)] for which in ("alone", "among"))
    await start_all(m for m in cluster.members if m.role != GATEWAY)
    await _drop_by_drop(accept, alone)
    innocent = [f"innocent-{n}" for n in range(dose.backlog)]
    first = _poison("", dose.killing, dose.raising)
    again = _poison("again-", dose.dripped, dose.dripped)
    names = _mixed(innocent, first)
    await _pile_up(cluster, accept, names)
    # Told to end, and not cancelled: what they wait for may take a cancellation for its own end.
    enough, over = asyncio.Event(), asyncio.Event()
    supervisor = asyncio.create_task(_supervise(cluster, over))
    killing_workers = asyncio.create_task(_kill_workers(cluster, dose.kill_every, enough))
    try:
        every = dose.backlog + dose.drip
        await until(lambda: _done(notes) >= every, within=dose.limit, look_every=0.3)
        enough.set()
        told.faults["worker killed"] = await killing_workers
        await _drop_by_drop(accept, _mixed([*among], again))
        await cluster.settle(told, within=dose.limit)
    finally:
        enough.set()
        over.set()
    told.faults["connector killed by poison"] = await supervisor
    told.faults["poison that raises"] = dose.raising + dose.dripped
    return [*names, *alone, *among, *again]


async def _pile_up(cluster: Cluster, accept: "_Accept", names: Sequence[str]) -> None:
    """A backlog: nobody who could work on it runs."""
    await asyncio.gather(*(m.instance.kill() for m in cluster.of(WORKER, CONNECTOR)))
    await _all_at_once(accept, names)


def _poison(which: str, killing: int, raising: int) -> list[str]:
    return [f"{KILLS}-{which}{n}" for n in range(killing)] + [
        f"{RAISES}-{which}{n}" for n in range(raising)
    ]


def _mixed(names: list[str], poison: Sequence[str]) -> list[str]:
    """The poison spread evenly over the others."""
    step = max(1, len(names) // max(1, len(poison)))
    for number, one in enumerate(poison):
        names.insert(number * (step + 1), one)
    return names


def _done(notes: Path) -> int:
    """How many that are no poison were asked about."""
    asked = set(notes.read_text().split()) if notes.exists() else set()
    return sum(not _is_poison(name) for name in asked)


def _is_poison(name: str) -> bool:
    return name.startswith((KILLS, RAISES))


def _install(folder: Path) -> None:
    """As a third party's package: what a definition may then name as a type."""
    about = folder / "plugin" / "poison-1.dist-info"
    about.mkdir(parents=True)
    (about / "METADATA").write_text("Metadata-Version: 2.1\nName: poison\nVersion: 1\n")
    (about / "entry_points.txt").write_text(
        "[answerable.connectors]\npoison = tests.support.poison_plugin:create\n"
    )


def _poisonable_bank(folder: Path) -> Path:
    text = BANK.read_text(encoding="utf-8")
    changed = text.replace("core-banking: {type: core-banking,", "core-banking: {type: poison,")
    assert changed != text
    (folder / "service.yaml").write_text(changed, encoding="utf-8")
    return folder / "service.yaml"


class _Accept:
    """Says one thing in the name of each of these customers."""

    def __init__(self, service: Service) -> None:
        self._service = service

    async def __call__(self, name: str) -> None:
        await self._service.accept(
            InboundMessage(
                tenant=ledgers.BANK, inbox="website-chat", channel="chat", external_id=name,
                text="Hello, is anybody there?", proof=Proof.SIGNED_IN,
                sender=Sender(kind="customer", address=name), at=datetime.now(UTC),
                context={"client_id": name},
            )
        )  # fmt: skip


@asynccontextmanager
async def _intake(cluster: Cluster) -> AsyncIterator[_Accept]:
    """A gateway in this process, so that a backlog need not come over the wire."""
    gateway = cluster.of(GATEWAY)[0].instance
    environment = {f"ANSWERABLE_{name}": value for name, value in gateway.settings.items()}
    del environment["ANSWERABLE_SMTP_IN"]
    settings = read_settings(environment, DATA=str(cluster.folder / "intake"))
    platform = await open_platform(settings, [*cluster.services], role=Role.GATEWAY)
    await platform.start()
    try:
        yield _Accept(platform.service)
    finally:
        await platform.stop()


async def _all_at_once(accept: _Accept, names: Sequence[str], *, at_once: int = 200) -> None:
    for first in range(0, len(names), at_once):
        await asyncio.gather(*map(accept, names[first : first + at_once]))


async def _drop_by_drop(accept: _Accept, names: Sequence[str]) -> None:
    for name in names:
        await accept(name)
        await asyncio.sleep(0.15)


async def _supervise(cluster: Cluster, over: asyncio.Event) -> int:
    """Starts what has ended until it is over; tells how many connectors that were."""
    await cluster.raise_the_dead()
    raised = 0
    while not over.is_set():
        raised += await cluster.raise_the_dead(CONNECTOR)
        await cluster.raise_the_dead(WORKER)
        await asyncio.sleep(0.2)
    return raised


async def _kill_workers(cluster: Cluster, every: float, enough: asyncio.Event) -> int:
    """Kills one after the other until it is enough; tells how many that were."""
    killed = 0
    while True:
        with suppress(TimeoutError):
            await asyncio.wait_for(enough.wait(), every)
        if enough.is_set():
            return killed
        await cluster.of(WORKER)[killed % len(cluster.of(WORKER))].instance.kill()
        killed += 1


def _compare(
    cluster: Cluster, told: Told, names: Sequence[str], notes: Path
) -> dict[str, list[float]]:
    """Everybody's job is done once; poison is a person's, after a few tries. The others' waits."""
    waits: dict[str, list[float]] = {"innocent": [], "alone": [], "among": []}
    owners = {one: (state.get("owner") or {}) for one, state, _ in ledgers.owners(cluster.database)}
    for conversation, events in ledgers.conversations(cluster.database).items():
        message = next(e for e in events if e.kind == "message_received")
        name = str(message.data["client_id"])
        known = [e for e in events if e.kind == "contact_known"]
        if _is_poison(name):
            _compare_poison(told, name, events, owners[conversation].get("kind"))
        elif len(known) != 1 or not known[0].data["facts"]["known"]:
            told.lost += not known
            told.doubled += max(0, len(known) - 1)
            told.wrong.append(f"{name} was done {len(known)} times")
        else:
            wait = (known[0].at - message.at).total_seconds()
            waits[name.partition("-")[0]].append(wait)
    done, wanted = sum(map(len, waits.values())), sum(not _is_poison(name) for name in names)
    if done != wanted:
        told.wrong.append(f"{done} of {wanted} jobs were done")
    begun = Counter(name for name in notes.read_text().split() if _is_poison(name))
    told.figures |= {
        "jobs done": done,
        "times poison was begun, at most": max(begun.values()),
    }
    return waits


def _compare_poison(told: Told, name: str, events: Sequence[Event], owner: str | None) -> None:
    if owner != "queue" or any(e.kind == "contact_known" for e in events):
        told.wrong.append(f"{name} is not with a person")
    tries = [e.data["attempts"] for e in events if e.kind == "effect_failed"]
    if len(tries) != 1 or tries[0] > TRIES:
        told.wrong.append(f"{name} was given up after {tries} tries")


def _compare_waits(told: Told, waits: Mapping[str, Sequence[float]], most: float) -> None:
    alone, among = max(waits["alone"]), max(waits["among"])
    if among - alone > most:
        told.wrong.append(f"poison delayed another by {among - alone:.1f} s")
    told.figures |= {
        "longest wait alone": round(alone, 2),
        "longest wait among poison": round(among, 2),
    }
