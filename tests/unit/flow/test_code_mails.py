"""A code by e-mail is sent once, to the back office's mailbox, whoever dies when."""

from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from answerable.contacts.book import ContactBook, Newcomer
from answerable.contacts.one_time_codes import LASTS, Codes, Standing, StoredCode, Verdict
from answerable.contacts.one_time_codes_store import find_code, save_standing
from answerable.contacts.store import Lookup
from answerable.definition.load import load_definition
from answerable.definition.schema import ServiceDefinition
from answerable.flow.code_mails import CodeMails
from answerable.flow.definitions import Definitions
from answerable.flow.message import Delivered, OutboundReply
from answerable.flow.ports import ChangeOrder, Connector, Finding, Holder, Question
from answerable.flow.work import CONNECTOR_EFFECTS
from answerable.kit.database import Database
from answerable.kit.errors import AnswerableError, ConnectorRefused
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.kit.testing import SettableClock
from answerable.ledger.event import Effect
from answerable.playbooks.library import built_in_actions
from answerable.privacy.keys import MasterKey
from answerable.privacy.vault import Vault
from answerable.processes.roles import Role
from tests.support.rivals import Slow
from tests.support.stores import open_store

BANK, TALK = TenantId("bank"), ConversationId("cnv_1")
COMMITMENT = "c" * 64
CODES = Codes(b"c" * 32)
SOURCE = """
service: bank
brand: {name: Bank}
channels: [{type: email, name: mail, address: help@bank.example}]
templates: {code: '{{ code }} confirms {{ change.marketing }}', late: '{{ gone }}', about: For you}
"""


class Died(Exception):
    """The process ended here."""


@dataclass
class BackOffice:
    """Knows Anna by her customer id. asked: the fields it was asked for, in turn."""

    email: str | None = "Anna@Example.com"
    asked: list[tuple[str, ...]] = field(default_factory=list)

    async def holder(
        self, subject: tuple[str, str], *, fields: Sequence[str], key: str
    ) -> Holder | None:
        self.asked.append(tuple(fields))
        if self.email is None:
            return None
        return Holder(customer="C-1", phone=None, values={"email": self.email})

    async def submit_change(self, order: ChangeOrder, *, key: str) -> str:
        raise AssertionError("not here")

    async def decide_change(self, request: str, **more: Any) -> None:
        raise AssertionError("not here")

    async def read(self, question: Question) -> Finding:
        raise AssertionError("not here")

    async def contact_facts(self, subject: tuple[str, str]) -> Mapping[str, Any]:
        return {}


@dataclass
class Dying:
    """A database whose process dies at a write, before or after it is on disk."""

    database: Database
    after: bool

    async def write(self, work: Callable[[Connection], Any], **more: Any) -> Any:
        if self.after:
            await self.database.write(work, **more)
        raise Died

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)


@dataclass
class Desk:
    """What codes by e-mail need, without the rest of the platform. sent: what left."""

    database: Database
    clock: SettableClock
    vault: Vault
    contacts: ContactBook
    contact: ContactId
    definitions: Definitions
    definition: ServiceDefinition
    bank: BackOffice = field(default_factory=BackOffice)
    sent: list[OutboundReply] = field(default_factory=list)

    async def deliver(self, reply: OutboundReply) -> Delivered:
        self.sent.append(reply)
        return Delivered(message_id="<1@bank.example>")

    def mails(self, database: Any = None) -> CodeMails:
        return CodeMails(
            database=database or self.database, vault=self.vault, contacts=self.contacts,
            definitions=self.definitions, connectors={(BANK, "core"): cast(Connector, self.bank)},
            deliverers={(BANK, "mail"): self}, codes=CODES, clock=self.clock,
        )  # fmt: skip

    def effect(self, kind: str, **payload: Any) -> Effect:
        data = {"change": "chg_1", "code": "cod_1", "contact": self.contact, **payload}
        return Effect(
            key=f"{TALK}:1:{kind}", tenant=BANK, stream=TALK, seq=1, kind=kind, payload=data,
            due_at=self.clock.now(),
        )  # fmt: skip

    async def addressed(self) -> Effect:
        """From the wish for a code to the effect that mails it, as the recorder leaves it."""
        asked = self.effect("address_code", connector="core", commitment=COMMITMENT)
        outcome = await self.mails().address_code(asked)
        assert outcome.kind == "code_addressed", outcome
        [sealed] = outcome.sealed
        address = await self.keep(sealed.value)
        entered = await self.keep({"kind": "marketing-consent", "fields": {"marketing": "yes"}})
        return self.effect(
            "mail_code", address=address, payload=entered, inbox="mail", template="code",
            definition=self.definition.hash, language="en",
        )  # fmt: skip

    async def keep(self, value: Mapping[str, Any]) -> str:
        kept = await self.database.write(
            lambda tx: self.vault.put(
                tx, tenant=BANK, contact_id=self.contact, conversation_id=TALK, value=value
            )
        )
        return kept.id

    async def code(self) -> StoredCode:
        found = await self.database.read(lambda tx: find_code(tx, BANK, "cod_1"))
        assert found is not None
        return found

    async def verdict(self, digits: str) -> Verdict:
        code = await self.code()
        now, clean = self.clock.now(), Standing()
        return CODES.judge(code, digits, wanted=code.bound, standing=clean, now=now)


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database, clock = open_store(tmp_path / "codes.db"), SettableClock()
    vault = Vault(MasterKey(b"k" * 32), clock=clock)
    contacts = ContactBook(vault, Lookup(b"l" * 32))
    anna = Newcomer(tenant=BANK, kind="customer", address="C-1", name=None, at=clock.now())
    made = await database.write(lambda tx: contacts.make_many(tx, {"anna": anna}))
    definitions = Definitions(built_in_actions())
    definition = load_definition("bank.yaml", SOURCE.encode()).definition
    assert definition is not None
    definitions.add(definition)
    await database.write(
        lambda tx: definitions.activate(
            tx, definition, name="bank.yaml", source=SOURCE.encode(), at=clock.now()
        )
    )
    yield Desk(database, clock, vault, contacts, made["anna"], definitions, definition)
    await database.close()


async def test_the_digits_that_leave_are_the_ones_that_are_right(desk: Desk) -> None:
    effect = await desk.addressed()
    assert desk.bank.asked == [("email",)]
    assert await desk.verdict("000000") is Verdict.WRONG

    outcome = await desk.mails().mail_code(effect)

    assert (outcome.kind, outcome.data["by"]) == ("code_sent", "email")
    [mail] = desk.sent
    digits, _, said = mail.text.partition(" ")
    assert said == "confirms yes"
    assert digits not in mail.subject + str(outcome)
    assert (mail.to.kind, mail.to.address) == ("email", "Anna@example.com")
    assert await desk.verdict(digits) is Verdict.ACCEPTED


async def test_who_asks_the_back_office_sends_no_mail_and_who_sends_it_asks_nobody() -> None:
    assert "address_code" in CONNECTOR_EFFECTS
    for role, asks in ((Role.CONNECTOR, True), (Role.WORKER, False)):
        work = role.work("here")
        assert (work.does("address_code"), work.does("mail_code")) == (asks, not asks)


async def test_who_dies_before_the_digits_are_kept_sends_others(desk: Desk) -> None:
    effect = await desk.addressed()
    with pytest.raises(Died):
        await desk.mails(Dying(desk.database, after=False)).mail_code(effect)

    outcome = await desk.mails().mail_code(effect)

    assert (outcome.kind, len(desk.sent)) == ("code_sent", 1)
    assert await desk.verdict(desk.sent[0].text[:6]) is Verdict.ACCEPTED


async def test_who_dies_after_the_digits_are_kept_may_have_sent_them_and_sends_none(
    desk: Desk,
) -> None:
    effect = await desk.addressed()
    with pytest.raises(Died):
        await desk.mails(Dying(desk.database, after=True)).mail_code(effect)

    outcome = await desk.mails().mail_code(effect)
    after_sending = await desk.mails().mail_code(effect)

    assert outcome.kind == after_sending.kind == "code_send_uncertain"
    assert desk.sent == []


async def test_of_two_processes_that_send_one_code_one_sends_it(desk: Desk) -> None:
    effect = await desk.addressed()
    slow = Slow(desk.database, then=lambda: desk.mails().mail_code(effect))

    first = await desk.mails(slow).mail_code(effect)

    assert [first.kind, *(one.kind for one in slow.came)] == ["code_sent", "code_send_uncertain"]
    [mail] = desk.sent
    assert await desk.verdict(mail.text[:6]) is Verdict.ACCEPTED


async def test_to_ask_for_the_address_again_is_the_same_code(desk: Desk) -> None:
    await desk.addressed()
    before = await desk.code()
    desk.clock.advance(timedelta(minutes=1))

    effect = await desk.addressed()

    assert await desk.code() == before
    assert (await desk.mails().mail_code(effect)).kind == "code_sent"


@pytest.mark.parametrize(
    ("email", "why"), [(None, "unknown"), ("", "no_mailbox"), ("anna", "no_mailbox")]
)
async def test_whom_nothing_is_sent_to_has_a_code_that_no_digits_fit(
    desk: Desk, email: str | None, why: str
) -> None:
    desk.bank.email = email
    asked = desk.effect("address_code", connector="core", commitment=COMMITMENT)

    outcome = await desk.mails().address_code(asked)

    assert (outcome.kind, outcome.data["why"]) == ("code_not_sent", why)
    assert await desk.verdict("000000") is Verdict.WRONG


async def test_what_comes_too_late_is_not_sent(desk: Desk) -> None:
    effect = await desk.addressed()
    desk.clock.advance(LASTS)

    outcome = await desk.mails().mail_code(effect)

    assert (outcome.kind, outcome.data["why"]) == ("code_not_sent", "too_late")
    assert desk.sent == []


async def test_who_was_locked_out_meanwhile_gets_nothing(desk: Desk) -> None:
    effect = await desk.addressed()
    locked = Standing(in_a_row=100)
    person = (await desk.code()).person
    await desk.database.write(lambda tx: save_standing(tx, BANK, person, locked))

    outcome = await desk.mails().mail_code(effect)

    assert (outcome.kind, outcome.data["why"]) == ("code_not_sent", "locked")
    assert desk.sent == []


@pytest.mark.parametrize("wrong", [{"template": "late"}, {"inbox": "post"}])
async def test_what_cannot_be_written_or_sent_costs_no_code(
    desk: Desk, wrong: dict[str, str]
) -> None:
    effect = await desk.addressed()
    with pytest.raises(AnswerableError):
        await desk.mails().mail_code(replace(effect, payload={**effect.payload, **wrong}))

    assert (await desk.mails().mail_code(effect)).kind == "code_sent"


async def test_the_subject_is_a_template_that_knows_no_digits(desk: Desk) -> None:
    effect = await desk.addressed()
    payload = {**effect.payload, "subject": "code"}
    with pytest.raises(AnswerableError, match="code"):
        await desk.mails().mail_code(replace(effect, payload=payload))

    await desk.mails().mail_code(replace(effect, payload={**payload, "subject": "about"}))

    assert [mail.subject for mail in desk.sent] == ["For you"]


async def test_a_back_office_that_changes_no_data_is_not_asked(desk: Desk) -> None:
    asked = desk.effect("address_code", connector="crm", commitment=COMMITMENT)
    with pytest.raises(ConnectorRefused):
        await desk.mails().address_code(asked)
