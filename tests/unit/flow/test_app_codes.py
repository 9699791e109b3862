"""Digits of an authenticator app are counted, asked about and taken once, whoever dies when."""

import asyncio
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path
from typing import Any, cast

import pytest
from sqlalchemy import Connection

from answerable.contacts.book import ContactBook, Newcomer
from answerable.contacts.one_time_codes import CHECK_WITHIN, TRIES, WRONG_IN_AN_HOUR, Standing
from answerable.contacts.one_time_codes_store import find_code, read_standing, save_standing
from answerable.contacts.store import Lookup
from answerable.flow.app_codes import AppCodeChecks
from answerable.flow.ports import ChangeOrder, Connector, Finding, Holder, Question
from answerable.kit.database import Database
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.kit.testing import SettableClock
from answerable.ledger.event import Effect, wire_time
from answerable.privacy.keys import MasterKey
from answerable.privacy.vault import Erased, Vault
from tests.support.stores import open_store

BANK, TALK = TenantId("bank"), ConversationId("cnv_1")
RIGHT, WRONG = "123456", "654321"
COMMITMENT = "c" * 64


class Died(Exception):
    """The process ended here."""


@dataclass
class BackOffice:
    """Knows Anna, and that her app shows RIGHT. asked: keys, in turn. trouble: raised by the next
    questions. The same key has the same answer; else the digits are good once."""

    customer: str | None = "C-1"
    asked: list[str] = field(default_factory=list)
    trouble: list[Exception] = field(default_factory=list)
    answers: dict[str, bool] = field(default_factory=dict)

    async def holder(
        self, subject: tuple[str, str], *, fields: Sequence[str], key: str
    ) -> Holder | None:
        return Holder(customer=self.customer, phone=None, values={}) if self.customer else None

    async def accepts_app_code(self, customer: str | None, digits: str, *, key: str) -> bool:
        self.asked.append(key)
        if self.trouble:
            raise self.trouble.pop(0)
        used = any(self.answers.values())
        answer = customer is not None and digits == RIGHT and not used
        return self.answers.setdefault(key, answer)

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
    at: int
    after: bool
    writes: int = 0

    async def write(self, work: Callable[[Connection], Any], **more: Any) -> Any:
        self.writes += 1
        if self.writes == self.at and not self.after:
            raise Died
        result = await self.database.write(work, **more)
        if self.writes == self.at:
            raise Died
        return result

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)


@dataclass
class Desk:
    """What a check needs, without the rest of the platform."""

    database: Database
    clock: SettableClock
    vault: Vault
    contacts: ContactBook
    contact: ContactId
    bank: BackOffice = field(default_factory=BackOffice)

    def checks(self, database: Any = None) -> AppCodeChecks:
        return AppCodeChecks(
            database=database or self.database, vault=self.vault, contacts=self.contacts,
            connectors={(BANK, "core"): cast(Connector, self.bank)}, clock=self.clock,
        )  # fmt: skip

    async def entered(self, digits: str, code: str = "cod_1") -> Effect:
        """As the page leaves it behind."""
        reference = await self.database.write(
            lambda tx: self.vault.put(
                tx, tenant=BANK, contact_id=self.contact, conversation_id=TALK,
                value={"digits": digits},
            )
        )  # fmt: skip
        now = self.clock.now()
        payload = {
            "change": "chg_1", "code": code, "commitment": COMMITMENT, "digits": reference.id,
            "connector": "core", "contact": self.contact, "entered_at": wire_time(now),
        }  # fmt: skip
        return Effect(
            key=f"{TALK}:{code}:1", tenant=BANK, stream=TALK, seq=1, kind="check_code",
            payload=payload, due_at=now,
        )  # fmt: skip

    @property
    def person(self) -> str:
        if self.bank.customer is None:
            return self.contacts.lookup.person(BANK, "contact", self.contact)
        return self.contacts.lookup.person(BANK, "core", self.bank.customer)

    async def standing(self) -> Standing:
        return await self.database.read(lambda tx: read_standing(tx, BANK, self.person))

    async def digits_of(self, effect: Effect) -> Any:
        return await self.database.read(
            lambda tx: self.vault.get(tx, tenant=BANK, id=effect.payload["digits"])
        )


@pytest.fixture
async def desk(tmp_path: Path) -> AsyncIterator[Desk]:
    database, clock = open_store(tmp_path / "codes.db"), SettableClock()
    vault = Vault(MasterKey(b"k" * 32), clock=clock)
    contacts = ContactBook(vault, Lookup(b"l" * 32))
    anna = Newcomer(
        tenant=BANK, kind="email", address="anna@example.com", name=None, at=clock.now()
    )
    made = await database.write(lambda tx: contacts.make_many(tx, {"anna": anna}))
    yield Desk(database, clock, vault, contacts, made["anna"])
    await database.close()


async def test_right_digits_prove_what_they_were_entered_for(desk: Desk) -> None:
    effect = await desk.entered(RIGHT)

    outcome = await desk.checks().check_code(effect)

    assert (outcome.kind, outcome.data["commitment"]) == ("code_accepted", COMMITMENT)
    assert await desk.standing() == Standing()
    kept = await desk.database.read(lambda tx: find_code(tx, BANK, "cod_1"))
    assert kept is not None
    assert (kept.used_at, kept.bound.commitment) == (desk.clock.now(), COMMITMENT)
    assert (kept.bound.conversation, kept.bound.contact) == (TALK, desk.contact)
    assert kept.person == desk.person
    assert await desk.digits_of(effect) == Erased(at=None)


@pytest.mark.parametrize("digits", [RIGHT, WRONG])
@pytest.mark.parametrize(
    ("write", "after", "questions"),
    [(1, False, 1), (1, True, 1), (2, False, 2), (2, True, 1)],
    ids=["before it counts", "before it asks", "after it asked", "before it is recorded"],
)
async def test_who_dies_anywhere_counts_once_and_accepts_once(
    desk: Desk, digits: str, write: int, after: bool, questions: int
) -> None:
    effect = await desk.entered(digits)
    with pytest.raises(Died):
        await desk.checks(Dying(desk.database, write, after)).check_code(effect)
    counted = 0 if write == 1 and not after else 1
    settled = write == 2 and after
    assert (await desk.standing()).in_a_row == (counted if digits == WRONG or not settled else 0)

    outcome = await desk.checks().check_code(effect)
    again = await desk.checks().check_code(effect)

    right = digits == RIGHT
    assert outcome.kind == again.kind == ("code_accepted" if right else "code_refused")
    assert (await desk.standing()).in_a_row == (0 if right else 1)
    assert len((await desk.standing()).wrong_at) == (0 if right else 1)
    assert desk.bank.asked == [effect.key] * questions
    assert await desk.digits_of(effect) == Erased(at=None)


async def test_after_a_death_that_lasted_too_long_nothing_is_asked_and_the_try_counts(
    desk: Desk,
) -> None:
    effect = await desk.entered(RIGHT)
    with pytest.raises(Died):
        await desk.checks(Dying(desk.database, 1, True)).check_code(effect)
    desk.clock.advance(CHECK_WITHIN)

    outcome = await desk.checks().check_code(effect)

    assert (outcome.kind, outcome.data["why"]) == ("code_not_checked", "too_late")
    assert (desk.bank.asked, (await desk.standing()).in_a_row) == ([], 1)


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (ConnectorUnavailable("core"), "unavailable"),
        (ConnectorRefused("core", "knows no apps"), "refused"),
    ],
)
async def test_a_try_that_nobody_answered_is_none(desk: Desk, trouble: Exception, why: str) -> None:
    desk.bank.trouble.append(trouble)
    effect = await desk.entered(WRONG)

    outcome = await desk.checks().check_code(effect)

    assert (outcome.kind, outcome.data["why"]) == ("code_not_checked", why)
    assert await desk.standing() == Standing()
    assert await desk.digits_of(effect) == Erased(at=None)


async def test_of_many_tries_at_once_no_more_are_asked_about_than_a_code_has(desk: Desk) -> None:
    effects = [await desk.entered(WRONG, code=f"cod_{n}") for n in range(20)]

    outcomes = await asyncio.gather(*(desk.checks().check_code(one) for one in effects))

    whys = [outcome.data["why"] for outcome in outcomes]
    assert len(desk.bank.asked) == whys.count("wrong") == TRIES
    assert whys.count("worn_out") == 20 - TRIES


async def test_the_tenth_wrong_try_in_an_hour_locks_and_the_next_is_not_asked_about(
    desk: Desk,
) -> None:
    standing = Standing()
    for minute in range(WRONG_IN_AN_HOUR - 1):
        standing = standing.after_wrong(desk.clock.now() + timedelta(minutes=2 * minute))
    await desk.database.write(lambda tx: save_standing(tx, BANK, desk.person, standing))
    desk.clock.advance(timedelta(minutes=30))

    tenth = await desk.checks().check_code(await desk.entered(WRONG))
    later = await desk.checks().check_code(await desk.entered(RIGHT, code="cod_2"))

    assert [one.data["why"] for one in (tenth, later)] == ["locked", "locked"]
    assert len(desk.bank.asked) == 1


async def test_for_who_is_no_customer_the_bank_is_asked_too_and_the_answer_is_no(
    desk: Desk,
) -> None:
    desk.bank.customer = None

    outcome = await desk.checks().check_code(await desk.entered(RIGHT))

    assert (outcome.kind, outcome.data["why"]) == ("code_refused", "wrong")
    assert len(desk.bank.asked) == 1
    assert (await desk.standing()).in_a_row == 1
