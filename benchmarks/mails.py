"""Mail: taken in and understood, sent, and what a large one costs in memory."""

import asyncio
import itertools
import random
import smtplib
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from email.message import EmailMessage
from email.policy import SMTP
from pathlib import Path

import psutil  # type: ignore[import-untyped]
import sqlalchemy as sa

from answerable.channels.email.intake import Origin
from answerable.flow.acts import Reply
from answerable.flow.message import Delivered, InboundMessage, OutboundReply, Sender
from answerable.flow.service import Service
from answerable.kit.clock import SystemClock
from answerable.kit.ids import ConversationId
from answerable.ledger.tables import effect, event
from answerable.processes.platform import Platform
from answerable.processes.settings import Settings
from answerable.processes.wiring import open_platform
from benchmarks.letters import sentences
from benchmarks.measure import Figures, Run, compared, grown
from benchmarks.places import Place
from benchmarks.programs import answers_on, running, served
from benchmarks.stores import SAM, TENANT, bench_service, give, place_of
from benchmarks.yardsticks.mail import parsed, sent
from tests.support.processes import BANK, free_port

BOX = "support-mail"
ADDRESS = "support@northwind.example"
SIZES = (1_000_000, 10_000_000)  # bytes of an attachment
FILLING = 6  # large mails
WORDS = (
    "I want to complain about how I was treated at the counter, and I expect an answer in writing.",
    "The adviser was rude to me, did not look at the papers I had brought, and sent me away.",
    "This is the third time that this has happened in a year, and I am thinking of leaving.",
    "I have been with the bank for many years, and nobody has ever spoken to me in this manner.",
)
_numbers = itertools.count(1)


def letter(size_bytes: int = 3000) -> bytes:
    """A complaint of about this size, unlike any other; people answer it, not the assistant."""
    number = next(_numbers)
    random_ = random.Random(number)
    mail = EmailMessage()
    mail["From"] = f"Anna Example <anna{number}@customers.example>"
    mail["To"] = ADDRESS
    mail["Subject"] = f"Complaint about the branch in Hamburg, number {number}"
    mail["Message-ID"] = f"<{number}.{random_.getrandbits(64)}@customers.example>"
    mail["Received"] = "from mx.customers.example by mail.northwind.example; Mon, 2 Mar 2026"
    lines, more = [f"Dear Sir or Madam, this is letter {number}."], sentences(random_)
    while sum(map(len, lines)) < size_bytes - 600:
        lines.append(next(more))
    mail.set_content("\n".join(lines))
    return mail.as_bytes(policy=SMTP)


class Nobody:
    """Delivers nothing, and says it has."""

    async def deliver(self, reply: OutboundReply) -> Delivered:
        return Delivered()


@asynccontextmanager
async def mail_platform(place: Place) -> AsyncIterator[Platform]:
    """The whole platform with its models, working, without its listening sockets."""
    nobody = {(TENANT, BOX): Nobody(), (TENANT, "website-chat"): Nobody()}
    platform = await open_platform(place.read_settings(), [BANK], deliverers=nobody)
    await platform.start()
    try:
        yield platform
    finally:
        await platform.stop()


async def _count(service: Service, kind: str) -> int:
    query = sa.select(sa.func.count()).where(event.c.kind == kind)
    return await service.database.read(lambda tx: int(tx.scalar(query) or 0))


async def _counted(service: Service, kind: str, number: int, *, within: float = 300) -> None:
    """Until the ledger holds so many events of a kind."""
    async with asyncio.timeout(within):
        while await _count(service, kind) < number:  # noqa: ASYNC110  (nothing tells)
            await asyncio.sleep(0.01)


async def taken_in(run: Run) -> Figures:
    """From the mail's bytes to a conversation whose message was understood, by the real model."""
    number = run.pick(60, 300)
    bare, ours = [], []
    async with place_of(run.store) as place, mail_platform(place) as platform:
        inbox = platform.inboxes[TENANT, BOX]
        for turn in range(run.rounds):
            mails = [letter() for _ in range(number)]
            bare.append(await asyncio.to_thread(parsed, mails, seconds=run.seconds / 2))
            began = time.perf_counter()
            for raw in mails:
                await platform.mail.intake.store(raw, inbox, Origin(source="smtp"))
            await _counted(platform.service, "understood", (turn + 1) * number)
            ours.append(number / (time.perf_counter() - began))
    return compared(bare, ours, what="mails/s understood", beside="stdlib parse/s")


async def sent_out(run: Run) -> Figures:
    """Replies that wait to be sent: claimed, composed, taken by the server, and an event each."""
    number = run.pick(300, 1000)
    bare, ours = [], []
    port = free_port()
    async with place_of(run.store) as place, running("smtp_sink", str(port)):
        await answers_on(port)
        more = {"SMTP_URL": f"smtp+plain://127.0.0.1:{port}"}
        settings = Place(place.folder, place.url, more).read_settings()
        raw = letter()
        writer = bench_service(place, leaves=frozenset({"deliver"}))
        places = await _written(writer, number)
        for _ in range(run.rounds):
            bare.append(await asyncio.to_thread(sent, raw, port, seconds=run.seconds))
            places = await _answered(writer, places)
            ours.append(number / await _seconds_to_send(settings, number))
        await writer.stop()
        await writer.database.close()
    return compared(bare, ours, what="mails/s", beside="smtplib, one connection, mails/s")


async def _seconds_to_send(settings: Settings, number: int) -> float:
    """Until nothing waits for a process that has just started."""
    waiting = sa.select(sa.func.count()).where(effect.c.kind == "deliver")
    platform = await open_platform(settings, [BANK])
    service = platform.service
    assert await service.database.read(lambda tx: tx.scalar(waiting)) == number
    began = time.perf_counter()
    loops = asyncio.create_task(service.run())
    try:
        # What is committed is asked for: the service tells nobody when its outbox is empty.
        while await service.database.read(lambda tx: tx.scalar(waiting)):  # noqa: ASYNC110  (nothing tells)
            await asyncio.sleep(0.02)
        return time.perf_counter() - began
    finally:
        loops.cancel()
        await asyncio.wait([loops])
        await platform.close()


async def _written(service: Service, number: int) -> dict[ConversationId, int]:
    """Conversations by mail that an agent has, each with the seq of its last message."""
    accepted = [
        await service.accept(
            InboundMessage(
                tenant=TENANT,
                inbox=BOX,
                channel="email",
                external_id=f"mail-{one}",
                text="\n".join(WORDS),
                sender=Sender(kind="email", address=f"anna{one}@customers.example"),
                at=SystemClock().now(),
            )
        )
        for one in range(number)
    ]
    ids = [one.conversation for one in accepted]
    await service.database.write(lambda tx: give(tx, service._advancer, ids))
    await service.performer.settle()
    return dict.fromkeys(ids, 10**6)


async def _answered(
    service: Service, places: dict[ConversationId, int]
) -> dict[ConversationId, int]:
    text = "Dear Ms Example,\n\n" + "\n".join(WORDS * 8)

    async def answer(one: ConversationId, version: int) -> tuple[ConversationId, int]:
        act = Reply(
            tenant=TENANT, conversation=one, agent=SAM, agent_name="Sam", text=text, version=version
        )
        return one, (await service.act(act)).seq

    return dict(await asyncio.gather(*(answer(*place) for place in places.items())))


async def attachments(run: Run) -> Figures:
    """Peak memory of a service and its children while they take in a mail of this size."""
    peaks: dict[int, list[float]] = {size: [] for size in SIZES}
    port = free_port()
    more = {"SMTP_IN": f"127.0.0.1:{port}"}
    async with place_of(run.store, more=more) as place, served(place, core=None) as instance:
        for _ in range(5):
            await _post(letter(), port)
        # The store's caches have a bound, which a few large mails fill as many small ones do. Until
        # then each mail would be charged with the cache that it leaves behind.
        for _ in range(FILLING):
            await _peak(instance.life.pid, port, max(SIZES))
        for _ in range(run.pick(1, 3)):
            for size in SIZES:
                peaks[size].append(await _peak(instance.life.pid, port, size))
    return grown(peaks, what="peak memory, MB")


async def _peak(pid: int, port: int, size: int) -> float:
    mail = EmailMessage()
    mail["From"], mail["To"], mail["Subject"] = "a@customers.example", ADDRESS, f"A photo {size}"
    mail["Message-ID"] = f"<photo{next(_numbers)}@customers.example>"
    mail.set_content("As you asked.")
    data = random.Random(next(_numbers)).randbytes(size)
    mail.add_attachment(data, maintype="image", subtype="png", filename="photo.png")
    for one in _family(pid):
        _forget_peak(one)
    await _post(mail.as_bytes(policy=SMTP), port)
    await asyncio.sleep(1 + size / 5e6)
    return sum(map(_high_water, _family(pid)))


def _family(pid: int) -> list[psutil.Process]:
    return [psutil.Process(pid), *psutil.Process(pid).children(recursive=True)]


def _forget_peak(process: psutil.Process) -> None:
    """From now on it is counted anew."""
    Path(f"/proc/{process.pid}/clear_refs").write_text("5", encoding="ascii")


def _high_water(process: psutil.Process) -> float:
    for line in Path(f"/proc/{process.pid}/status").read_text().splitlines():
        if line.startswith("VmHWM:"):
            return int(line.split()[1]) / 1024
    return 0.0


async def _post(raw: bytes, port: int) -> None:
    def post() -> None:
        with smtplib.SMTP("127.0.0.1", port, timeout=60) as server:
            server.sendmail("a@customers.example", [ADDRESS], raw)

    await asyncio.to_thread(post)
