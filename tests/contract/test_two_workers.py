"""What holds when two processes take on the same work, or what belongs together, at one moment.

Two may have the same work when one of them was thought to be gone: its leases are freed then,
although it goes on.
"""

import asyncio
from collections.abc import AsyncIterator, Awaitable
from dataclasses import replace
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from pydantic import BaseModel
from sqlalchemy import Connection
from starlette.responses import JSONResponse

from answerable.api.idempotency import IN_FLIGHT, Once
from answerable.channels.email.store import (
    MailState,
    NewRawMail,
    add_raw_mail,
    claim_identity,
    claim_mail,
    finish_mail,
    free_mails,
    postpone_mail,
    raw_mail,
    replace_ciphertext,
)
from answerable.contacts.book import ContactBook, Newcomer
from answerable.contacts.records import keep_records, read_records
from answerable.contacts.store import Lookup
from answerable.desk.case_store import (
    MirroredCase,
    News,
    case_told,
    claim_case,
    due_cases,
    note_news,
)
from answerable.kit.database import Database, Unit
from answerable.kit.errors import Conflict, StoreUnavailable
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.kit.testing import SettableClock
from answerable.ledger.append import Appender
from answerable.ledger.event import Lease, NewEffect, NewEvent
from answerable.ledger.outbox import claim_named, expire_leases, put_off_effect, retry_effect
from answerable.ledger.tables import effect
from answerable.privacy.keys import MasterKey
from answerable.privacy.record import Record
from answerable.privacy.rotation import rewrap
from answerable.privacy.store import vault_key, vault_value
from answerable.privacy.vault import Vault
from answerable.processes.erasure import erase_stored
from answerable.processes.row_changes import begin_chain, last_link
from tests.support.rivals import one_before_the_other
from tests.support.stores import open_store

SHOP = TenantId("corner-shop")
CLOCK = SettableClock()
MASTER = MasterKey(b"k" * 32)


@pytest.fixture(params=["sqlite", "postgresql"])
async def two(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[list[Database]]:
    postgres = request.param == "postgresql"
    databases = [open_store(tmp_path / "one.db", postgres=postgres) for _ in range(2)]
    yield databases
    for database in databases:
        await database.close()


def vault() -> Vault:
    """As one of several processes has it."""
    return Vault(MASTER, clock=CLOCK, exclusive=False)


def stored_mail(mail_id: str, inbox: str = "help") -> NewRawMail:
    return NewRawMail(
        id=mail_id, tenant=SHOP, inbox=inbox, source="smtp", digest=f"digest of {mail_id}",
        size_bytes=1, received_at=CLOCK.now(), wrapped_key=b"key", ciphertext=b"original",
    )  # fmt: skip


async def test_a_mail_to_two_inboxes_is_one_message(two: list[Database]) -> None:
    first, second = stored_mail("raw_1", "help"), stored_mail("raw_2", "cards")
    for mail in (first, second):
        await two[0].write(lambda tx, mail=mail: add_raw_mail(tx, mail))  # type: ignore[misc]

    def reads(mail: NewRawMail) -> Unit[tuple[str, str | None]]:
        return lambda tx: claim_identity(
            tx, tenant=SHOP, inbox=mail.inbox, mail_id=mail.id, external_id="<1@customer>"
        )

    found = await one_before_the_other(
        two[0], reads(first), lambda: two[1].write(reads(second), tenant=SHOP), tenant=SHOP
    )

    assert found == (("<1@customer>", None), ("<1@customer>", "raw_1"))


async def test_who_is_overtaken_while_it_reads_a_mail_leaves_it_to_the_other(
    two: list[Database],
) -> None:
    now, later = CLOCK.now(), CLOCK.now() + timedelta(minutes=5)

    def state(tx: Connection) -> Any:
        columns = raw_mail.c.state, raw_mail.c.holder, raw_mail.c.due_at, raw_mail.c.ciphertext
        return tuple(tx.execute(sa.select(*columns)).one())

    def claim(tx: Connection, holder: str) -> None:
        assert claim_mail(tx, "raw_1", lease=Lease(holder=holder, until=later))

    def replace(tx: Connection, holder: str) -> bool:
        return replace_ciphertext(
            tx, "raw_1", holder=holder, wrapped_key=b"key", ciphertext=holder.encode()
        )

    def finish(tx: Connection, holder: str, state: MailState) -> None:
        finish_mail(tx, "raw_1", holder=holder, state=state, note=None)

    await two[0].write(lambda tx: add_raw_mail(tx, stored_mail("raw_1")))
    await two[0].write(lambda tx: claim(tx, "slow"))
    await two[1].write(lambda tx: free_mails(tx, now=now, gone=["slow"]))
    await two[1].write(lambda tx: claim(tx, "quick"))

    assert await two[1].write(lambda tx: replace(tx, "quick"))
    assert not await two[0].write(lambda tx: replace(tx, "slow"))
    await two[0].write(lambda tx: postpone_mail(tx, "raw_1", holder="slow", due_at=now))
    assert await two[0].read(state) == ("stored", "quick", later, b"quick")

    await two[1].write(lambda tx: finish(tx, "quick", MailState.PARSED))
    await two[0].write(lambda tx: finish(tx, "slow", MailState.QUARANTINED))
    assert await two[0].read(state) == ("parsed", None, later, b"quick")


async def known_contact(database: Database) -> ContactId:
    book = ContactBook(vault(), Lookup(MASTER.derive(b"l")))
    anna = Newcomer(tenant=SHOP, kind="customer", address="C-1", name=None, at=CLOCK.now())
    made = await database.write(lambda tx: book.make_many(tx, {"anna": anna}), tenant=SHOP)
    return made["anna"]


def keeps(contact: ContactId, *phones: str) -> Unit[None]:
    return lambda tx: keep_records(tx, vault(), SHOP, {contact: Record(phones=phones)})


async def values_with_text(database: Database) -> int:
    there = sa.func.length(vault_value.c.sealed) > 0
    count = sa.select(sa.func.count()).select_from(vault_value).where(there)
    return await database.read(lambda tx: tx.execute(count).scalar_one(), tenant=SHOP)


async def test_what_two_processes_find_of_one_contact_is_kept_once(two: list[Database]) -> None:
    anna = await known_contact(two[0])

    await one_before_the_other(
        two[0],
        keeps(anna, "+4932221234567"),
        lambda: two[1].write(keeps(anna, "+4932227654321"), tenant=SHOP),
        tenant=SHOP,
    )

    known = await two[0].read(lambda tx: read_records(tx, vault(), SHOP, [anna]), tenant=SHOP)
    assert known[anna].phones == ("+4932227654321",)
    assert await values_with_text(two[0]) == 2  # the profile, and the record


async def test_what_is_found_of_a_contact_while_they_are_erased_is_not_kept(
    two: list[Database],
) -> None:
    anna = await known_contact(two[0])

    await one_before_the_other(
        two[0],
        lambda tx: erase_stored(tx, vault(), CLOCK, tenant=SHOP, contact_id=anna),
        lambda: two[1].write(keeps(anna, "+4932221234567"), tenant=SHOP),
        tenant=SHOP,
    )

    assert await values_with_text(two[0]) == 0


async def test_a_key_that_is_destroyed_while_keys_are_wrapped_anew_stays_so(
    two: list[Database],
) -> None:
    anna, new = await known_contact(two[0]), MasterKey(b"n" * 32)

    await one_before_the_other(
        two[0],
        lambda tx: vault().erase(tx, tenant=SHOP, contact_id=anna),
        lambda: two[1].write(lambda tx: rewrap(tx, MASTER, new)),
    )

    key = sa.select(vault_key.c.wrapped_key)
    assert await two[0].read(lambda tx: tx.execute(key).scalar_one()) is None


async def test_of_two_who_begin_a_chain_of_backups_the_last_one_counts(
    two: list[Database],
) -> None:
    await two[0].write(begin_chain)

    _, last = await one_before_the_other(two[0], begin_chain, lambda: two[1].write(begin_chain))

    assert await two[0].read(last_link) == last


async def test_who_told_a_case_too_late_changes_nothing_of_what_the_next_one_does(
    two: list[Database],
) -> None:
    talk, now, gather = ConversationId("cnv_1"), CLOCK.now(), timedelta(seconds=2)
    lease = timedelta(minutes=2)

    async def news(seq: int) -> None:
        one = News(conversation=talk, seq=seq, first_at=now)
        await two[0].write(lambda tx: note_news(tx, SHOP, [one], due_at=now, opens=True))

    async def case(at: datetime) -> MirroredCase:
        return (await two[0].read(lambda tx: due_cases(tx, SHOP, at, limit=1)))[0]

    async def claims(database: Database, upto: int, at: datetime) -> MirroredCase:
        found = await case(at)
        until = at + lease
        assert await database.write(
            lambda tx: claim_case(tx, found, sent_seq=upto, writes=[], until=until)
        )
        return replace(found, due_at=until)

    async def tells(database: Database, told: MirroredCase, upto: int) -> None:
        await database.write(lambda tx: case_told(tx, told, upto=upto, at=now, gather=gather))

    await news(1)
    slow = await claims(two[0], 1, now)
    await news(2)
    later = now + lease
    quick = await claims(two[1], 2, later)

    await tells(two[0], slow, 1)
    there = await case(later + lease)
    assert (there.sent_seq, there.due_at) == (2, quick.due_at)
    await tells(two[1], quick, 2)
    await tells(two[0], slow, 1)

    assert await two[0].read(lambda tx: due_cases(tx, SHOP, later + lease, limit=1)) == []


async def test_what_was_told_before_it_was_noted_is_no_news(two: list[Database]) -> None:
    talk, now = ConversationId("cnv_1"), CLOCK.now()

    async def news(seq: int) -> list[MirroredCase]:
        one = News(conversation=talk, seq=seq, first_at=now)
        await two[0].write(lambda tx: note_news(tx, SHOP, [one], due_at=now, opens=True))
        return await two[0].read(lambda tx: due_cases(tx, SHOP, now, limit=1))

    [case] = await news(1)
    await two[1].write(lambda tx: case_told(tx, case, upto=3, at=now, gather=timedelta()))

    assert await news(2) == []
    assert await news(3) == []
    [case] = await news(4)
    assert (case.done_seq, case.head_seq) == (3, 4)


@pytest.mark.parametrize("unanswered", [False, True])
async def test_an_attempt_of_one_counted_gone_leaves_the_next_one_what_it_has_taken(
    two: list[Database], unanswered: bool
) -> None:
    slow, quick = (
        Lease(holder=f"prc_{name}", until=CLOCK.now() + timedelta(minutes=1))
        for name in ("slow", "quick")
    )

    def plan(tx: Connection) -> str:
        stream, appender = ConversationId("cnv_1"), Appender(tx)
        appender.open_stream(stream, SHOP)
        opened = appender.append(stream, NewEvent(kind="conversation_opened"), at=CLOCK.now())
        needed = [NewEffect(kind="deliver", payload={})]
        [made] = appender.schedule(opened, needed, lease=slow, takes=lambda _kind: True)
        appender.flush()
        return made.key

    def fails(tx: Connection, holder: str) -> None:
        at = CLOCK.now()
        if unanswered:
            put_off_effect(tx, key, holder, at, "away", unanswered_since=at)
        else:
            retry_effect(tx, key, holder, at, "an error")

    def lease_of(tx: Connection) -> tuple[str | None, int]:
        held = tx.execute(sa.select(effect.c.holder, effect.c.missing_ends)).one()
        return held.holder, held.missing_ends

    key = await two[0].write(plan)
    await two[1].write(lambda tx: expire_leases(tx, CLOCK.now(), [slow.holder]))
    claim = partial(claim_named, keys=[key], now=CLOCK.now(), lease=quick, suspects=True)
    assert len(await two[1].write(claim)) == 1

    await two[0].write(lambda tx: fails(tx, slow.holder))
    assert await two[0].read(lease_of) == (quick.holder, 1)
    await two[1].write(lambda tx: fails(tx, quick.holder))
    assert await two[0].read(lease_of) == (None, 0)


class Answer(BaseModel):
    number: int


@pytest.mark.parametrize("fails", [True, False])
async def test_a_request_that_took_too_long_leaves_its_key_to_who_carries_it_out_now(
    two: list[Database], fails: bool
) -> None:
    clock = SettableClock()
    begun: asyncio.Queue[int] = asyncio.Queue()
    may_end = {number: asyncio.Event() for number in (1, 2)}

    async def work(number: int) -> Answer:
        begun.put_nowait(number)
        await may_end[number].wait()
        if fails and number == 1:
            raise StoreUnavailable("away", "not now", retry_after=timedelta(seconds=1))
        return Answer(number=number)

    def asks(database: Database, number: int) -> Awaitable[JSONResponse]:
        once = Once(database, clock, tenant=SHOP, lookup="key", fingerprint="the same request")
        return once.run(lambda: work(number))

    slow = asyncio.ensure_future(asks(two[0], 1))
    assert await begun.get() == 1
    clock.advance(IN_FLIGHT)
    quick = asyncio.ensure_future(asks(two[1], 2))
    assert await begun.get() == 2
    may_end[1].set()
    await asyncio.wait([slow])

    with pytest.raises(Conflict, match="being carried out"):
        await asks(two[0], 3)
    may_end[2].set()
    assert [one.body for one in (await quick, await asks(two[0], 4))] == [b'{"number":2}'] * 2
    assert (slow.exception() is not None) is fails
