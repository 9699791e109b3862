"""What holds when two processes write one store at the same moment, on both stores."""

import asyncio
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy import Connection

from answerable.api.idempotency import Once
from answerable.contacts.book import ContactBook
from answerable.contacts.store import Lookup, contact
from answerable.desk.case_store import News, case_told, due_cases, note_news
from answerable.desk.summary_store import conversation
from answerable.flow.accept import Intake
from answerable.flow.advance import Advancer
from answerable.flow.definitions import Definitions
from answerable.flow.message import Accepted, InboundMessage, Sender
from answerable.flow.work import Work
from answerable.kit.database import Database
from answerable.kit.errors import Conflict
from answerable.kit.ids import ContactId, ConversationId, TenantId, new_id
from answerable.kit.testing import SettableClock
from answerable.ledger.administration import record_administration
from answerable.ledger.append import Appender
from answerable.ledger.event import Event, Lease, NewEffect, NewEvent
from answerable.ledger.outbox import finish_effects
from answerable.ledger.reading import last_position, read_feed
from answerable.playbooks.library import built_in_actions
from answerable.privacy.keys import MasterKey
from answerable.privacy.store import handle
from answerable.privacy.vault import Erased, Vault
from answerable.processes.chain_check import check_chains
from answerable.processes.erasure import erase_contact
from tests.support.rivals import one_before_the_other, somebody_waits
from tests.support.stores import open_store

SHOP, OTHER = TenantId("corner-shop"), TenantId("other-shop")
CLOCK = SettableClock()
IBANS = (
    "DE89 3704 0044 0532 0130 00",
    "GB29 NWBK 6016 1331 9268 19",
    "FR14 2004 1010 0505 0001 3M02 606",
    "NL91 ABNA 0417 1643 00",
    "AT61 1904 3002 3457 3201",
    "CH93 0076 2011 6238 5295 7",
)


@dataclass
class Process:
    """As much of a gateway or worker as writes to the store."""

    database: Database
    vault: Vault
    intake: Intake

    @classmethod
    def on(cls, database: Database) -> "Process":
        master = MasterKey(b"k" * 32)
        # Not exclusive on SQLite either, where there are two of us in these stories.
        vault = Vault(master, clock=CLOCK, exclusive=False)
        contacts = ContactBook(vault, Lookup(master.derive(b"l")))
        actions = built_in_actions()
        work = Work(holder="prc_gateway", advances=False)
        advancer = Advancer(Definitions(actions), actions, CLOCK.now, work)
        return cls(database, vault, Intake(vault, contacts, advancer))

    async def takes(self, text: str, *, by: str = "vis_anna", id: str = "") -> Accepted:
        message = said(text, by=by, id=id)
        accepted, _ = await self.database.write_batched(self.intake.accept_many, message)
        return accepted


def said(text: str, *, by: str = "vis_anna", id: str = "", inbox: str = "chat") -> InboundMessage:
    return InboundMessage(
        tenant=SHOP, inbox=inbox, channel="chat", external_id=id or new_id("msg"), text=text,
        sender=Sender(kind="visitor", address=by), at=CLOCK.now(),
    )  # fmt: skip


@pytest.fixture(params=["sqlite", "postgresql"])
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[Process]]:
    postgres = request.param == "postgresql"
    processes = [Process.on(open_store(tmp_path / "one.db", postgres=postgres)) for _ in range(2)]
    yield processes
    for process in processes:
        await process.database.close()


def noting(tenant: TenantId, number: int):  # type: ignore[no-untyped-def]
    """A unit that opens a stream of its own and appends to it."""

    def unit(tx: Connection) -> None:
        stream = ConversationId(new_id("cnv"))
        appender = Appender(tx)
        appender.open_stream(stream, tenant)
        for kind in ("conversation_opened", "message_received"):
            appender.append(stream, NewEvent(kind=kind, data={"n": number}), at=CLOCK.now())
        appender.flush()

    return unit


async def test_a_reader_of_the_feed_skips_no_position_that_commits_late(
    two: list[Process],
) -> None:
    seen: list[Event] = []
    done = asyncio.Event()

    async def follow() -> None:
        last_look = False
        while not last_look:
            last_look = done.is_set()
            seen.extend(await two[0].database.read(further))

    def further(tx: Connection) -> list[Event]:
        after = seen[-1].position if seen else 0
        return read_feed(tx, SHOP, after=after or 0)

    async def write(process: Process, begin: int) -> None:
        for start in range(begin, begin + 100, 10):
            numbers = range(start, start + 10)
            await asyncio.gather(
                *(process.database.write(noting(SHOP if n % 3 else OTHER, n)) for n in numbers)
            )

    follower = asyncio.create_task(follow())
    await asyncio.gather(write(two[0], 0), write(two[1], 100))
    done.set()
    await follower

    wanted = sorted(n for n in range(200) if n % 3)
    assert sorted(e.data["n"] for e in seen) == sorted(wanted * 2)
    positions = [e.position for e in seen]
    assert all(a is not None and b is not None and a < b for a, b in pairwise(positions))


async def test_an_event_of_one_tenant_waits_for_none_of_another(two: list[Process]) -> None:
    """While one process holds its tenant's feed, another tenant's goes on."""
    if two[0].database.exclusive:
        return  # SQLite has one writer
    entered, leave = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slow(tx: Connection) -> None:
        noting(SHOP, 1)(tx)
        loop.call_soon_threadsafe(entered.set)
        asyncio.run_coroutine_threadsafe(leave.wait(), loop).result(20)

    holding = asyncio.create_task(two[0].database.write(slow))
    await entered.wait()
    await two[1].database.write(noting(OTHER, 2))
    late = asyncio.create_task(two[1].database.write(noting(SHOP, 3)))
    assert await two[1].database.read(lambda tx: last_position(tx, SHOP)) == 0
    leave.set()
    await asyncio.gather(holding, late)
    feed = await two[1].database.read(lambda tx: read_feed(tx, SHOP, after=0))
    assert [e.data["n"] for e in feed] == [1, 1, 3, 3]


async def test_news_of_a_conversation_while_its_case_is_told_is_told_next(
    two: list[Process],
) -> None:
    stream = ConversationId(new_id("cnv"))
    later = CLOCK.now() + timedelta(seconds=2)

    def news(seq: int) -> Callable[[Connection], None]:
        one = News(conversation=stream, seq=seq, first_at=CLOCK.now())
        return lambda tx: note_news(tx, SHOP, [one], due_at=CLOCK.now(), opens=True)

    await two[0].database.write(news(1), tenant=SHOP)
    [case] = await two[1].database.read(
        lambda tx: due_cases(tx, SHOP, CLOCK.now(), limit=1), tenant=SHOP
    )
    noted, telling = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(tx: Connection) -> None:
        news(2)(tx)
        loop.call_soon_threadsafe(noted.set)
        asyncio.run_coroutine_threadsafe(telling.wait(), loop).result(20)

    noting_news = asyncio.create_task(two[0].database.write(slowly, tenant=SHOP))
    await noted.wait()
    told = asyncio.create_task(
        two[1].database.write(
            lambda tx: case_told(tx, case, upto=1, at=CLOCK.now(), gather=timedelta(seconds=2)),
            tenant=SHOP,
        )
    )
    await somebody_waits(two[1].database)
    telling.set()
    await asyncio.gather(noting_news, told)

    due = await two[0].database.read(lambda tx: due_cases(tx, SHOP, later, limit=1), tenant=SHOP)
    assert [(one.done_seq, one.head_seq) for one in due] == [(1, 2)]


async def test_of_two_outcomes_of_an_effect_one_counts(two: list[Process]) -> None:
    lease = Lease(holder="prc_nobody", until=CLOCK.now() + timedelta(minutes=1))

    def plan(tx: Connection) -> list[str]:
        stream = ConversationId(new_id("cnv"))
        appender = Appender(tx)
        appender.open_stream(stream, SHOP)
        opened = appender.append(stream, NewEvent(kind="conversation_opened"), at=CLOCK.now())
        effects = [NewEffect(kind="understand", payload={}) for _ in range(20)]
        made = appender.schedule(opened, effects, lease=lease, takes=lambda _kind: True)
        appender.flush()
        return [effect.key for effect in made]

    keys = await two[0].database.write(plan)
    chosen = [keys[:15], keys[5:], list(reversed(keys)), keys]
    counted = await asyncio.gather(
        *(
            two[n % 2].database.write(lambda tx, some=some: finish_effects(tx, some))  # type: ignore[misc]
            for n, some in enumerate(chosen)
        )
    )
    assert sorted(key for found in counted for key in found) == sorted(keys)


async def test_one_person_at_two_gateways_has_one_contact_and_one_open_conversation(
    two: list[Process],
) -> None:
    people = [f"vis_{n}" for n in range(5)]
    for _round in range(4):
        accepted = await asyncio.gather(
            *(process.takes("hello", by=person) for person in people for process in two * 2)
        )
        of = {person: accepted[4 * n : 4 * n + 4] for n, person in enumerate(people)}
        assert all(len({one.conversation for one in same}) == 1 for same in of.values())

    contacts = await two[0].database.read(
        lambda tx: tx.scalar(sa.select(sa.func.count()).select_from(contact))
    )
    assert contacts == len(people)
    assert await two[0].database.read(check_chains) == []


async def test_one_message_at_two_gateways_is_taken_once(two: list[Process]) -> None:
    accepted = await asyncio.gather(
        *(process.takes("hello", id=f"m{n}") for n in range(10) for process in two)
    )
    assert sorted(one.duplicate for one in accepted) == [False] * 10 + [True] * 10
    for first, second in zip(accepted[::2], accepted[1::2], strict=True):
        assert (first.conversation, first.seq) == (second.conversation, second.seq)


async def test_handles_are_numbered_as_by_one(two: list[Process]) -> None:
    await two[0].takes("hello")
    await asyncio.gather(
        *(process.takes(f"My account is {iban}.") for iban in IBANS for process in two)
    )
    rows = await two[0].database.read(
        lambda tx: tx.execute(sa.select(handle.c.type, handle.c.number)).all()
    )
    assert sorted(rows) == [("iban", n) for n in range(1, len(IBANS) + 1)]


class Answer(BaseModel):
    number: int


async def test_an_idempotency_key_is_claimed_by_one(two: list[Process]) -> None:
    carried_out: list[int] = []

    async def ask(process: Process, number: int, key: str) -> Any:
        async def work() -> Answer:
            carried_out.append(number)
            return Answer(number=number)

        once = Once(
            process.database, CLOCK, tenant=SHOP, lookup=key, fingerprint="the same request"
        )
        try:
            return (await once.run(work)).body
        except Conflict as error:
            return error.code

    for round_ in range(10):
        answers = await asyncio.gather(
            *(ask(process, n, f"key {round_}") for n, process in enumerate(two * 2))
        )
        assert len(carried_out) == round_ + 1
        told = {answer for answer in answers if answer != "request_in_flight"}
        assert len(told) == 1


async def test_what_is_written_while_its_contact_is_erased_can_never_be_read(
    two: list[Process],
) -> None:
    """Neither kept readable, nor left behind as something that looks damaged."""
    writer, eraser = two
    person = ContactId("con_anna")

    def put(tx: Connection) -> str:
        return writer.vault.put(
            tx, tenant=SHOP, contact_id=person, conversation_id=ConversationId("cnv_1"),
            value={"text": "secret"},
        ).id  # fmt: skip

    def erase(tx: Connection) -> None:
        eraser.vault.erase(tx, tenant=SHOP, contact_id=person)

    ids = [await writer.database.write(put)]
    for _round in range(10):
        erasing = asyncio.create_task(eraser.database.write(erase))
        ids += await asyncio.gather(*(writer.database.write(put) for _ in range(4)))
        await erasing
    ids.append(await writer.database.write(put))

    found = await eraser.database.read(lambda tx: eraser.vault.get_many(tx, tenant=SHOP, ids=ids))
    assert found[ids[-1]] == {"text": "secret"}
    assert isinstance(found[ids[0]], Erased)
    await eraser.database.write(erase)
    found = await eraser.database.read(lambda tx: eraser.vault.get_many(tx, tenant=SHOP, ids=ids))
    assert all(isinstance(value, Erased) for value in found.values())


async def test_a_conversation_that_begins_while_its_contact_is_erased_is_erased_too(
    two: list[Process],
) -> None:
    writer, eraser = two
    await writer.takes("hello")
    elsewhere = said("hello again", inbox="app")
    person = await eraser.database.read(lambda tx: tx.scalars(sa.select(contact.c.id)).one())

    [(accepted, _)], erased = await one_before_the_other(
        writer.database,
        lambda tx: writer.intake.accept_many(tx, [elsewhere]),
        lambda: erase_contact(
            eraser.database, eraser.vault, CLOCK, tenant=SHOP, contact_id=ContactId(person),
            by="system",
        ),
    )  # fmt: skip

    assert accepted is not None
    assert erased.conversations == 2


async def test_the_administration_of_a_tenant_is_one_chain(two: list[Process]) -> None:
    def note(tx: Connection) -> None:
        record_administration(tx, SHOP, NewEvent(kind="export_downloaded", data={}), at=CLOCK.now())

    await asyncio.gather(*(process.database.write(note) for process in two * 10))

    rows = await two[0].database.read(lambda tx: read_feed(tx, SHOP, after=0))
    assert [event.seq for event in rows] == list(range(1, 21))
    assert await two[0].database.read(check_chains) == []


async def test_the_open_conversation_is_the_only_one(two: list[Process]) -> None:
    await asyncio.gather(*(process.takes("hello") for process in two * 20))
    rows = await two[0].database.read(lambda tx: tx.execute(sa.select(conversation.c.id)).all())
    assert len(rows) == 1
