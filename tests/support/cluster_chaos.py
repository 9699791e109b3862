"""A cluster under load and under fire: what is done to it, and what must be true afterwards."""

import asyncio
import random
import time
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import aiosmtplib

from tests.support import ledgers
from tests.support.chaos import KEY, Told, compare, texts, until
from tests.support.cluster import GATEWAY, Cluster, Member, Servers, running
from tests.support.letters import letter
from tests.support.mail_chaos import doubled
from tests.support.processes import BANK, Zygote
from tests.support.talkers import Talker, open_session


@dataclass(frozen=True)
class Strike:
    """One fault. ended: when nothing stood in the way any more."""

    kind: str
    ended: datetime


@dataclass
class Fire:
    """What a fault needs to know. over: everything has been said and acknowledged."""

    cluster: Cluster
    random: random.Random
    talkers: list[Talker]
    strikes: list[Strike] = field(default_factory=list)
    wrong: list[str] = field(default_factory=list)

    @property
    def over(self) -> bool:
        return all(talker.is_done for talker in self.talkers)

    @property
    def acknowledged(self) -> int:
        return sum(len(talker.acknowledged) for talker in self.talkers)

    @asynccontextmanager
    async def fault(self, kind: str) -> AsyncIterator[None]:
        """While it lasts, something is broken."""
        yield
        self.strikes.append(Strike(kind, datetime.now(UTC)))

    async def pause(self, seconds: float) -> None:
        """So long, at random a little more or less, or until it is over."""
        end = time.monotonic() + seconds * self.random.uniform(0.7, 1.3)
        # Many talkers make it over, none of whom knows that it was the last.
        while not self.over and time.monotonic() < end:  # noqa: ASYNC110
            await asyncio.sleep(0.05)

    async def one_more(self) -> None:
        """Until another message was acknowledged, or it is over."""
        before = self.acknowledged
        await until(lambda: self.over or self.acknowledged > before)


Faults = Callable[[Fire], Awaitable[None]]


@dataclass(frozen=True, kw_only=True)
class Load:
    """customers: each says so many messages, one every pace seconds. mails: besides."""

    customers: int
    each: int
    mails: int
    pace: float = 0.4

    @property
    def messages(self) -> int:
        return self.customers * self.each + self.mails


async def under_fire(
    folder: Path,
    zygote: Zygote,
    servers: Servers,
    faults: Faults,
    load: Load,
    *,
    seed: int,
    limit: float,
    least: int = 1,
    is_timed: bool = True,
    services: Sequence[Path] = (BANK,),
    workers: int = 3,
    prepare: Callable[[Cluster], None] = lambda _: None,
) -> Told:
    """Customers talk and write mails while faults are injected; then everything is compared.

    prepare: what the outside world is told before anybody talks.
    least: faults, or the scene does not count. is_timed: the times in the ledger can be trusted.
    """
    told = Told(store="PostgreSQL")
    began = time.monotonic()
    async with (
        asyncio.timeout(limit),
        running(folder, zygote, servers, services=services, workers=workers) as cluster,
    ):
        prepare(cluster)
        talkers = await _talkers(cluster, load, seed)
        fire = Fire(cluster, random.Random(seed), talkers)
        mails = await _burn(fire, faults, load)
        await compare(talkers, told)
        await cluster.settle(told, within=60 + load.messages / 5)
        cluster.check(told)
        check_mails(cluster, mails, told)
        told.wrong += fire.wrong + doubled(cluster.sandbox.world)
    told.messages += load.mails
    _tell(told, fire, is_timed)
    if sum(told.faults.values()) < least:
        told.wrong.append(f"the talk was over after {told.faults}")
    told.figures["seconds"] = round(time.monotonic() - began, 1)
    return told


def _tell(told: Told, fire: Fire, is_timed: bool) -> None:
    """What was done, and how long it was felt."""
    cluster = fire.cluster
    told.faults = dict(Counter(strike.kind for strike in fire.strikes)) | answers_lost(cluster)
    if is_timed:
        waits = _waits(cluster)
        told.recovery = recovery(fire.strikes, waits)
        told.figures["longest from received to understood"] = _longest(w[1] - w[0] for w in waits)
    told.figures |= {
        "longest until acknowledged": round(max(max(t.waits.values()) for t in fire.talkers), 2),
        "processes": len(cluster.members),
    }


async def _burn(fire: Fire, faults: Faults, load: Load) -> list[str]:
    """Until everything has been said; then all is mended. The addresses that wrote mails."""
    cluster = fire.cluster
    async with asyncio.TaskGroup() as acts:
        for talker in fire.talkers:
            acts.create_task(talker.talk())
        posting = acts.create_task(post_letters(cluster, load.mails))
        acts.create_task(_strike(faults, fire))
    cluster.heal()
    await asyncio.to_thread(cluster.servers.mend)
    await cluster.raise_the_dead()
    await asyncio.gather(*(member.instance.ready() for member in cluster.members))
    return posting.result()


async def _strike(faults: Faults, fire: Fire) -> None:
    """Once everybody has been heard: a fault before the load is none under load."""
    await until(lambda: all(talker.acknowledged for talker in fire.talkers))
    await faults(fire)


async def _talkers(cluster: Cluster, load: Load, seed: int) -> list[Talker]:
    random_ = random.Random(seed)
    gateways = cluster.of(GATEWAY)
    return [
        Talker(
            name=f"customer {number}",
            url=cluster.next_chat(number),
            session=await open_session(gateways[number % len(gateways)].instance.http, KEY),
            texts=texts(str(number), load.each, random_),
            pace=load.pace,
        )
        for number in range(load.customers)
    ]


async def post_letters(cluster: Cluster, count: int, *, pause: float = 0.2) -> list[str]:
    """As a mail server does: to whichever gateway takes it. Their senders' addresses."""
    sent = []
    gateways = cluster.of(GATEWAY)
    for number in range(count):
        address, tries = f"m{number}@example.com", number
        while not await _post(letter(address), gateways[tries % len(gateways)]):
            tries += 1
            await asyncio.sleep(pause)
        sent.append(address)
        await asyncio.sleep(pause)
    return sent


async def _post(mail: Any, gateway: Member) -> bool:
    try:
        await aiosmtplib.send(
            mail, sender="bounces@customers.example", recipients=[str(mail["To"])],
            hostname="127.0.0.1", port=gateway.mail_port, start_tls=False, timeout=20,
            local_hostname="customers.example",
        )  # fmt: skip
    except (OSError, aiosmtplib.SMTPException):
        return False
    return True


def check_mails(cluster: Cluster, sent: Sequence[str], told: Told) -> None:
    """Every mail is one message; it was answered, or it is a person's task."""
    found = [
        (name, events)
        for name, events in ledgers.conversations(cluster.database).items()
        if events[0].data.get("channel") == "email"
    ]
    messages = sum(ledgers.kinds(events)["message_received"] for _, events in found)
    if messages != len(sent):
        told.lost += max(0, len(sent) - messages)
        told.doubled += max(0, messages - len(sent))
        told.wrong.append(f"{len(sent)} mails came in, and {messages} are messages")
    owners = {name: state for name, state, _ in ledgers.owners(cluster.database)}
    for name, events in found:
        answers = ledgers.kinds(events)["reply_written"]
        if not answers and owners[name].get("owner", {}).get("kind") != "queue":
            told.wrong.append(f"mail {name} was neither answered nor given to a person")
    answered = Counter(
        mail.recipients[0] for mail in {
            mail.headers["Message-ID"]: mail for mail in cluster.sandbox.world.mail.mails()
        }.values() if "Am Kai 9" in mail.text
    )  # fmt: skip
    for address, times in answered.items():
        if times > 1:
            told.doubled += times - 1
            told.wrong.append(f"{address} was answered {times} times")
    told.figures["mails answered"] = len(answered)


def answers_lost(cluster: Cluster) -> dict[str, int]:
    """Of the systems outside: what they had done before, by system."""
    journal = cluster.sandbox.world.journal
    return dict(Counter(f"{e.system}'s answer lost" for e in journal.entries(kind="fault")))


def _waits(cluster: Cluster) -> list[tuple[datetime, datetime]]:
    """When each message was received, and when it was understood."""
    waits = []
    for events in ledgers.conversations(cluster.database).values():
        at = {event.seq: event.at for event in events}
        waits += [
            (at[event.data["of"]], event.at) for event in events if event.kind == "understood"
        ]
    return sorted(waits)


def recovery(strikes: Sequence[Strike], waits: Sequence[tuple[datetime, datetime]]) -> list[float]:
    """Seconds from each fault until a message that came after it was understood."""
    found = []
    for strike in strikes:
        done = [understood for received, understood in waits if received >= strike.ended]
        if done:
            found.append(round((min(done) - strike.ended).total_seconds(), 2))
    return found


def _longest(waits: Any) -> float:
    return round(max((wait.total_seconds() for wait in waits), default=0.0), 2)


def at_once(*faults: Faults) -> Faults:
    """Each goes on by itself."""

    async def all_of_them(fire: Fire) -> None:
        async with asyncio.TaskGroup() as acts:
            for fault in faults:
                acts.create_task(_await(fault(fire)))

    return all_of_them


async def _await(what: Awaitable[None]) -> None:
    await what


def by_turns(*faults: Faults) -> Faults:
    """One after the other."""

    async def all_of_them(fire: Fire) -> None:
        for fault in faults:
            await fault(fire)

    return all_of_them
