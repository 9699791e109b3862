"""privacy.store: none. After a conversation nothing of the customer is anywhere but in the CRM."""

import asyncio
import itertools
import logging
import os
from collections.abc import AsyncIterator, Callable, Iterator
from dataclasses import dataclass, field
from datetime import timedelta
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from joserfc.jwk import RSAKey
from redis import Redis

from answerable.channels.email.intake import MailIntake, Origin
from answerable.channels.email.keys_apart import MailKeys
from answerable.channels.email.reader import MailReader
from answerable.channels.email.reply_token import ReplyTokens
from answerable.channels.email.seal import MailSeal
from answerable.channels.email.store import raw_mail
from answerable.connectors.crm.connector import Salesforce
from answerable.connectors.crm.mapping import CrmMapping
from answerable.connectors.crm.rest import Rest, judge_of
from answerable.connectors.crm.session import Credentials, Session
from answerable.connectors.http import Ambassador
from answerable.contacts.store import contact
from answerable.definition.terms import Proof
from answerable.desk.summary_store import conversation as summary
from answerable.flow.acts import AgentAct, Close, Reply, TakeOver
from answerable.flow.message import Accepted, InboundMessage, Sender
from answerable.kit.errors import StoreUnavailable
from answerable.kit.ids import ConversationId
from answerable.kit.redis_volatile import RedisVolatile
from answerable.kit.testing import SettableClock
from answerable.kit.volatile import MemoryVolatile, Volatile
from answerable.ledger.reading import read_events
from answerable.privacy.keys import MasterKey
from answerable.privacy.vault import Erased
from answerable.processes.case_mirror import GATHER, Mirroring
from answerable.processes.following import Follower
from answerable.processes.forgetting import MAILS_EVERY, SHRED_AFTER_ON_SERVER
from answerable.processes.mail import mail_inboxes
from answerable.processes.mirroring import case_lookup_of, mirroring_of
from answerable.processes.search_index import search_index
from answerable.processes.settings import Settings
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.settings import Settings as SandboxSettings
from answerable_sandbox.world import build_world
from tests.support.chaos import until
from tests.support.needs import needs_redis
from tests.support.rivals import one_before_the_other
from tests.support.server_traces import ServerTraces, watch_server
from tests.support.service import OTHER as OTHER_SHOP
from tests.support.service import SHOP, House, open_house
from tests.support.stores import on_postgres, postgres_url
from tests.support.traces import files_of, rows_of, traces

NAME, MAIL = "Wilhelmina Oberquast", "wilhelmina@oberquast-family.example"
IBAN, SPACED = "DE89370400440532013000", "DE89 3704 0044 0532 0130 00"
STREET, PHONE, CUSTOMER = "Ginsterpfad 77b", "+49 171 4455667", "C-778899-oberquast"
OTHER, PARCEL = "C-665544-oberquast", "P-1234"
PHRASE, ANSWER = "the amber xylophone", "your violet accordion"
SECRETS = [NAME, MAIL, IBAN, SPACED, STREET, PHONE, CUSTOMER, PHRASE, ANSWER, "berquast", PARCEL]
SAID = f"I am {NAME}. A refund for {PHRASE} to {SPACED}, please. I moved to {STREET}, call {PHONE}."
CLIENT, USER = SandboxSettings().crm_client_id, SandboxSettings().crm_username
_count = itertools.count()


@cache
def key() -> RSAKey:
    return RSAKey.generate_key(2048, private=True)


@dataclass
class Passing:
    """A house that keeps nothing, with the sandbox's CRM and a mailbox beside it."""

    house: House
    sandbox: Sandbox
    crm: Salesforce
    volatile: Volatile
    folder: Path
    reader: MailReader = field(default_factory=MailReader)
    server: ServerTraces | None = None

    def __post_init__(self) -> None:
        service, master = self.house.service, MasterKey(b"k" * 32)
        connectors = {(SHOP, "crm"): self.crm}
        self.house.api.case_texts = case_lookup_of(service, connectors)
        keys = None
        if not service.database.exclusive:
            keys = MailKeys(volatile=self.volatile, lasts=service.definitions.forget_after)
        inboxes = mail_inboxes(service.definitions, Settings(), instance="house")
        self.inbox = inboxes[SHOP, "mail"]
        self.mails = MailIntake(
            database=service.database,
            seal=MailSeal(master),
            reader=self.reader,
            tokens=ReplyTokens(master.derive(b"reply-token")),
            accept=service.accept,
            clock=self.house.clock,
            inboxes=inboxes,
            membership=service.membership,
            keys=keys,
        )
        mirroring = mirroring_of(service, connectors, self._follower, self.mails.read_again, keys)
        assert mirroring is not None
        self.mirroring: Mirroring = mirroring

    def _follower(self, consumer: Any, tenants: Any) -> Follower:
        service = self.house.service
        return Follower(
            consumer,
            database=service.database,
            live=service.live,
            tenants=lambda: tenants,
            leads=lambda: True,
            now=self.house.clock.now,
        )

    def message(
        self, text: str, *, by: str = CUSTOMER, proof: Proof = Proof.ANONYMOUS
    ) -> InboundMessage:
        return InboundMessage(
            tenant=SHOP,
            inbox="chat",
            channel="chat",
            external_id=f"chat-{next(_count)}",
            text=text,
            sender=Sender(kind="customer", address=by, name=NAME),
            proof=proof,
            at=self.house.clock.now(),
        )

    async def chats(self, text: str, **more: Any) -> ConversationId:
        accepted = await self.house.service.accept(self.message(text, **more))
        await self.house.service.settle()
        return accepted.conversation

    async def mails_in(self, text: str) -> ConversationId:
        raw = (
            f"From: {NAME} <{MAIL}>\r\nTo: help@shop.example\r\nSubject: About {PHRASE}\r\n"
            f"Message-ID: <{next(_count)}@oberquast-family.example>\r\n\r\n{text}\r\n"
        ).encode()
        accepted = await self.mails.take_in(raw, self.inbox, Origin(source="smtp"))
        assert accepted is not None
        await self.house.service.settle()
        return accepted.conversation

    async def acts(self, act: type[AgentAct], conversation: ConversationId, **more: Any) -> None:
        agent = self.house.people["agent"]
        named = {"tenant": SHOP, "conversation": conversation, "agent": agent.id}
        await self.house.service.act(act(**named, agent_name=agent.name, **more))
        await self.house.service.settle()

    async def is_answered(self, conversation: ConversationId, text: str) -> None:
        await self.acts(TakeOver, conversation)
        await self.acts(Reply, conversation, text=text, version=10**6)

    async def is_answered_and_closed(self, conversation: ConversationId) -> None:
        await self.is_answered(conversation, f"Dear {NAME}, {ANSWER} goes to {STREET}.")
        await self.acts(Close, conversation)

    async def tells_the_crm(self) -> None:
        await self.mirroring.follower.hand_on()
        self.house.clock.advance(GATHER)
        while await self.mirroring.mirror.write_due():
            pass

    async def forgets(self) -> int:
        assert self.mirroring.closings is not None
        assert self.mirroring.forgetting is not None
        self.house.clock.advance(MAILS_EVERY)
        await self.mirroring.closings.hand_on()
        await self.mirroring.forgetting.forget_mails()
        return await self.mirroring.forgetting.forget_closed()

    async def loses(self, conversation: ConversationId) -> None:
        """What is nowhere on disk is gone, as when the only process was killed."""
        contact = await self.house.service.database.read(
            lambda tx: tx.scalars(
                sa.select(summary.c.contact_id).where(summary.c.id == conversation)
            ).one()
        )
        for group in (f"{SHOP}/{contact}", f"{SHOP}/{conversation}"):
            self.volatile.remove(group, list(self.volatile.all_of(group)))

    async def sealed_mails(self) -> list[bytes]:
        """How each mail's key and content begin, as they are stored. Of a server's only the keys,
        which are not there: its pages hold sealed content for as long as they like."""
        query = sa.select(raw_mail.c.wrapped_key, raw_mail.c.ciphertext)
        if on_postgres():
            query = sa.select(raw_mail.c.wrapped_key)
        rows = await self.house.service.database.read(lambda tx: tx.execute(query).all())
        return [one[:48] for row in rows for one in row if one]

    def sealed_values(self) -> list[bytes]:
        """How each value ends, as it is in memory or in Redis."""
        return [
            value[-32:] for group in left_in(self.volatile).values() for value in group.values()
        ]

    async def originals(self) -> int:
        """Mails of which the content is here."""
        count = sa.select(sa.func.count()).where(raw_mail.c.ciphertext.is_not(None))
        return await self.house.service.database.read(lambda tx: tx.scalars(count).one())

    async def shreds(self) -> None:
        assert self.mirroring.forgetting is not None
        self.house.clock.advance(SHRED_AFTER_ON_SERVER)
        await self.mirroring.forgetting.shred_if_due()

    async def reads(self, conversation: ConversationId) -> str:
        """What the desk shows an agent."""
        client = await self.house.signed_in()
        response = await client.get(f"/v1/desk/conversations/{conversation}/messages")
        await client.aclose()
        assert response.status_code == 200, response.text
        return "\n".join(one["text"] for one in response.json()["items"])

    async def knows(self, conversation: ConversationId) -> str | None:
        """The name of the conversation's contact, if it is known."""
        house = self.house.service

        def profile(tx: sa.Connection) -> str | None:
            query = sa.select(contact.c.profile_ref).join(
                summary, summary.c.contact_id == contact.c.id
            )
            reference = tx.scalars(query.where(summary.c.id == conversation)).one()
            found = house.vault.get(tx, tenant=SHOP, id=reference)
            return None if isinstance(found, Erased) else str(found["name"])

        return await house.database.read(profile)

    async def kinds(self, conversation: ConversationId) -> list[str]:
        events = await self.house.service.database.read(
            lambda tx: read_events(tx, conversation, after=0, limit=100)
        )
        return [one.kind for one in events]

    def stands_in_the_crm(self) -> str:
        records = self.sandbox.world.crm.records
        return "\n".join(
            str(value)
            for name in ("Case", "CaseComment")
            for record in records[name].values()
            for value in record.values()
        )

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Wherever something may have been left."""
        if on_postgres():
            yield from rows_of(postgres_url(self.folder / "house.db"))
        if self.server is not None:
            yield from self.server.places()
        yield from files_of(self.folder)


Open = Callable[[], Any]


@pytest.fixture(params=["memory", "redis"])
def volatile(request: pytest.FixtureRequest, clock: SettableClock) -> Iterator[Volatile]:
    if request.param == "memory":
        yield MemoryVolatile(clock)
        return
    kept = RedisVolatile(
        needs_redis(), prefix=f"test-{os.getpid()}-{next(_count)}:vault", process="test"
    )
    yield kept
    with Redis.from_url(needs_redis()) as redis:
        for name in redis.scan_iter(f"{kept.prefix}:*"):
            redis.delete(name)
    kept.close()


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def passing(
    tmp_path: Path, volatile: Volatile, clock: SettableClock
) -> AsyncIterator[Passing]:
    folder = tmp_path / "data"
    folder.mkdir()
    server = watch_server(postgres_url(folder / "house.db")) if on_postgres() else None
    house = await open_house(
        folder / "house.db",
        integrations="  crm: {type: salesforce, clientId: c, username: u}\n",
        privacy="{store: none}",
        volatile=volatile,
        clock=clock,
    )
    settings = SandboxSettings(crm_public_key=key().as_pem(private=False).decode())
    async with Sandbox(build_world(settings, clock=clock.now)) as sandbox:
        ambassador = Ambassador(name="crm", base_url=f"{sandbox.url}/crm", judge=judge_of("crm"))
        credentials = Credentials(
            client=CLIENT, username=USER, audience="https://login.salesforce.com", key=key()
        )
        session = Session(ambassador, credentials, now=clock.now)
        rest = Rest(ambassador, session, version="v61.0", share=0.9)
        crm = Salesforce(rest, CrmMapping())
        passing = Passing(
            house=house, sandbox=sandbox, crm=crm, volatile=volatile, folder=folder, server=server
        )
        yield passing
        await passing.reader.close()
        await crm.close()
    await house.close()


def left_in(volatile: Volatile) -> dict[str, Any]:
    """All that is in memory, or in Redis, of this test."""
    if isinstance(volatile, MemoryVolatile):
        return {name: volatile.all_of(name) for name in volatile.names()}
    assert isinstance(volatile, RedisVolatile)
    with Redis.from_url(needs_redis()) as redis:
        return {name: redis.hgetall(name) for name in redis.scan_iter(f"{volatile.prefix}:*")}


async def test_after_its_end_a_conversation_is_in_the_crm_and_nowhere_else(
    passing: Passing, capsys: pytest.CaptureFixture[str], caplog: pytest.LogCaptureFixture
) -> None:
    caplog.set_level(logging.DEBUG)
    chat, mail = await passing.chats(SAID), await passing.mails_in(SAID)
    assert await passing.chats(f"And once more: {IBAN}.") == chat
    order = await passing.chats("Where is my parcel?", by=OTHER)
    assert await passing.chats(f"It is {PARCEL}, for {PHRASE}.", by=OTHER) == order
    assert "looked_up" in await passing.kinds(order)
    assert PHRASE in await passing.reads(chat)
    assert IBAN not in await passing.reads(chat)  # masked, as ever

    mails, values = await passing.sealed_mails(), passing.sealed_values()
    found = b"".join(content for _, content in passing.places())
    assert all(one in found for one in mails)  # until the CRM has their text
    assert values
    assert not any(one in found for one in values)  # at no time

    await passing.is_answered_and_closed(chat)
    await passing.is_answered_and_closed(mail)
    await passing.is_answered_and_closed(order)
    await passing.tells_the_crm()
    assert await passing.forgets() == 3
    await passing.shreds()

    assert left_in(passing.volatile) == {}
    places = list(passing.places())
    found = b"".join(content for _, content in places)
    assert not any(one in found for one in (*mails, *values))
    if passing.server is not None:  # where the conversation's id is, what was said would be too
        seen = {one.partition(":")[0].partition("/")[0] for one in traces([chat], places)}
        assert {"base", "pg_wal", "server log"} <= seen
    told = capsys.readouterr()
    logs = [("logs", (told.out + told.err + caplog.text).encode())]
    assert traces(SECRETS, [*places, *logs], cut=True) == []
    whole = passing.stands_in_the_crm()
    assert [one for one in (SAID, IBAN, MAIL, CUSTOMER, NAME, ANSWER) if one not in whole] == []


def test_the_search_for_traces_finds_every_form(tmp_path: Path) -> None:
    import base64

    (tmp_path / "a").write_bytes(b"\0\0" + NAME.encode() + b"\0")
    (tmp_path / "b").write_bytes(base64.b64encode(b"12345" + IBAN.encode() + b"678"))
    (tmp_path / "c").write_bytes(MAIL.encode().hex().encode())

    found = traces([NAME, IBAN, MAIL, PHRASE], files_of(tmp_path))

    assert found == [f"a: {NAME}", f"b: {IBAN}", f"c: {MAIL}"]


async def test_the_desk_reads_what_was_said_from_the_crm(passing: Passing) -> None:
    mail = await passing.mails_in(SAID)
    await passing.is_answered_and_closed(mail)
    before = await passing.reads(mail)
    await passing.tells_the_crm()
    await passing.forgets()

    after = await passing.reads(mail)

    assert PHRASE in after
    assert ANSWER in after
    assert IBAN not in after.replace(" ", "")
    assert len(after.splitlines()) == len(before.splitlines())


async def test_the_inbox_shows_no_text_that_was_forgotten_and_the_search_finds_none(
    passing: Passing,
) -> None:
    mail = await passing.mails_in(SAID)
    client = await passing.house.signed_in()
    indexer = passing._follower(
        search_index(
            passing.house.service.database,
            passing.house.service.vault,
            passing.house.service.contacts.lookup,
        ),
        [SHOP],
    )

    async def closed() -> str:
        page = await client.get("/v1/desk/conversations", params={"view": "closed"})
        assert page.status_code == 200, page.text
        return page.text

    async def found(words: str) -> list[str]:
        page = await client.post("/v1/desk/search", json={"query": words})
        assert page.status_code == 200, page.text
        return [one["conversation"]["id"] for one in page.json()["items"]]

    await indexer.hand_on()
    assert await found("xylophone") == []
    assert await found(MAIL) == [mail]  # by the keyed hash
    await passing.is_answered_and_closed(mail)
    assert "accordion" in await closed()

    await passing.tells_the_crm()
    await passing.forgets()

    assert "accordion" not in await closed()
    await client.aclose()


async def test_while_the_crm_is_away_nothing_is_forgotten_and_agents_are_told_where_to_look(
    passing: Passing,
) -> None:
    chat = await passing.chats(SAID)
    await passing.is_answered_and_closed(chat)

    assert await passing.forgets() == 0
    assert PHRASE in await passing.reads(chat)

    await passing.tells_the_crm()
    assert await passing.forgets() == 1
    await passing.sandbox.__aexit__(None, None, None)
    assert "see the case in the CRM" in await passing.reads(chat)


async def test_who_writes_again_after_the_end_is_the_same_contact_and_can_be_answered(
    passing: Passing,
) -> None:
    first = await passing.mails_in(SAID)
    await passing.is_answered_and_closed(first)
    await passing.tells_the_crm()
    await passing.forgets()

    second = await passing.mails_in(f"Another refund for {PHRASE}.")
    await passing.is_answered(second, "Of course.")

    assert "reply_delivered" in await passing.kinds(second)
    assert PHRASE in await passing.reads(second)


async def test_one_conversation_s_end_leaves_the_contact_s_other_one(passing: Passing) -> None:
    first, second = await passing.mails_in(SAID), await passing.mails_in(f"Also {PHRASE}.")
    assert first != second
    await passing.is_answered_and_closed(first)
    await passing.tells_the_crm()
    await passing.forgets()

    await passing.is_answered(second, "We look into it.")

    assert "reply_delivered" in await passing.kinds(second)


async def test_who_begins_anew_while_the_last_conversation_is_forgotten_can_be_answered(
    passing: Passing,
) -> None:
    first = await passing.chats(SAID)
    await passing.is_answered_and_closed(first)
    await passing.tells_the_crm()
    service, message = passing.house.service, passing.message(f"Also {PHRASE}.")

    [(accepted, _)], forgotten = await one_before_the_other(
        service.database,
        lambda tx: service._intake.accept_many(tx, [message]),
        passing.forgets,
    )

    assert forgotten == 1
    assert accepted is not None
    assert accepted.conversation != first
    assert await passing.knows(accepted.conversation) == NAME


async def test_a_reply_whose_receiver_was_lost_becomes_work_for_a_person(passing: Passing) -> None:
    mail = await passing.mails_in(SAID)
    await passing.acts(TakeOver, mail)
    await passing.tells_the_crm()
    await passing.loses(mail)

    await passing.acts(Reply, mail, text="Are you still there?", version=10**6)

    kinds = await passing.kinds(mail)
    assert "reply_failed" in kinds
    assert PHRASE in await passing.reads(mail)  # from the CRM


async def test_a_step_that_needs_what_was_lost_becomes_work_for_a_person_at_once(
    passing: Passing,
) -> None:
    chat = await passing.chats("later", proof=Proof.SIGNED_IN)
    await passing.loses(chat)
    passing.house.clock.advance(timedelta(hours=2))

    await passing.house.service.settle()

    kinds = await passing.kinds(chat)
    assert "handed_off" in kinds
    # The second is of the sentence that tells the customer so.
    assert kinds.count("effect_failed") == 2


async def test_a_mail_lost_with_its_process_is_told_to_the_crm_from_the_original(
    passing: Passing,
) -> None:
    mail = await passing.mails_in(SAID)
    await passing.loses(mail)
    assert await passing.originals() == 1

    await passing.tells_the_crm()
    await passing.forgets()

    whole = passing.stands_in_the_crm()
    assert [one for one in (SAID, MAIL, NAME) if one not in whole] == []
    assert PHRASE in await passing.reads(mail)
    assert await passing.originals() == 0


async def test_an_original_stays_until_the_crm_has_its_text_and_a_copy_goes_at_once(
    passing: Passing,
) -> None:
    raw = (
        f"From: {MAIL}\r\nTo: help@shop.example\r\nSubject: x\r\n"
        f"Message-ID: <1@x>\r\n\r\n{SAID}\r\n"
    ).encode()
    for head in (b"Delivered-To: help@shop.example\r\n", b"Delivered-To: help+1@shop.example\r\n"):
        await passing.mails.take_in(head + raw, passing.inbox, Origin(source="smtp"))
    await passing.house.service.settle()
    assert await passing.originals() == 2

    await passing.forgets()
    assert await passing.originals() == 1

    await passing.tells_the_crm()
    await passing.forgets()
    assert await passing.originals() == 0


async def test_a_text_of_any_length_and_writing_comes_back_whole(passing: Passing) -> None:
    told = "".join(f"Line {number}: ünïcödé 漢字 🙂 for {PHRASE}\n\n" for number in range(200))
    mail = await passing.mails_in(told)
    await passing.is_answered_and_closed(mail)
    before = await passing.reads(mail)
    await passing.tells_the_crm()
    await passing.forgets()

    assert await passing.reads(mail) == before


async def test_who_leads_next_forgets_what_was_closed_before(passing: Passing) -> None:
    chat = await passing.chats(SAID)
    await passing.is_answered_and_closed(chat)
    await passing.tells_the_crm()
    assert passing.mirroring.closings is not None
    await passing.mirroring.closings.hand_on()  # and it ends before it forgets

    passing.__post_init__()
    assert passing.mirroring.forgetting is not None
    await passing.mirroring.forgetting.find_closed()

    assert await passing.forgets() == 1
    assert left_in(passing.volatile) == {}


async def test_what_nobody_closes_goes_by_itself(passing: Passing) -> None:
    if not isinstance(passing.volatile, MemoryVolatile):
        pytest.skip("left out: Redis has a clock of its own; that it has a limit is a contract")
    await passing.chats(SAID)
    passing.house.clock.advance(timedelta(hours=24))

    assert left_in(passing.volatile) == {}


async def test_an_original_that_nobody_could_read_goes_with_its_conversation(
    passing: Passing,
) -> None:
    accepted = await passing.mails.take_in(b"\x00" * 40, passing.inbox, Origin(source="smtp"))
    assert accepted is not None
    await passing.house.service.settle()
    assert await passing.originals() == 1

    await passing.acts(TakeOver, accepted.conversation)
    await passing.acts(Close, accepted.conversation)
    await passing.tells_the_crm()
    await passing.forgets()

    assert await passing.originals() == 0


async def test_a_stop_tells_the_crm_what_it_does_not_know_yet(passing: Passing) -> None:
    await passing.chats(SAID)

    await asyncio.wait_for(passing.mirroring.finish(), 10)

    assert PHRASE in passing.stands_in_the_crm()


async def test_while_it_runs_it_tells_and_forgets_by_itself(passing: Passing) -> None:
    running = asyncio.create_task(passing.mirroring.run())
    mail = await passing.mails_in(SAID)
    await passing.is_answered_and_closed(mail)

    def is_forgotten() -> bool:
        passing.house.clock.advance(GATHER)
        return not left_in(passing.volatile)

    await until(is_forgotten, within=20)
    running.cancel()
    await asyncio.gather(running, return_exceptions=True)
    await passing.house.service.database.settle()  # what it had begun

    assert PHRASE in passing.stands_in_the_crm()
    assert await passing.originals() == 0


async def test_while_redis_is_away_these_messages_are_refused_and_others_are_not(
    tmp_path: Path, clock: SettableClock
) -> None:
    away = RedisVolatile("redis://127.0.0.1:1", prefix="away", process="test")
    house = await open_house(
        tmp_path / "house.db",
        integrations="  crm: {type: salesforce, clientId: c, username: u}\n",
        privacy="{store: none}",
        volatile=away,
        clock=clock,
    )

    ours, theirs = await asyncio.gather(
        house.says(SAID, settle=False),
        house.says(SAID, tenant=OTHER_SHOP, settle=False),
        return_exceptions=True,
    )

    assert isinstance(ours, StoreUnavailable)  # and so it is sent again
    assert isinstance(theirs, Accepted)
    count = sa.select(sa.func.count()).where(summary.c.tenant == SHOP)
    assert await house.service.database.read(lambda tx: tx.scalars(count).one()) == 0
    await house.close()
    away.close()
