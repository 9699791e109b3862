"""A change that is proven with the digits of an authenticator app, which the bank checks."""

import asyncio
import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from answerable.connectors.core_banking.connector import CoreBanking
from answerable.contacts.one_time_codes import TRIES, WRONG_IN_AN_HOUR
from answerable.contacts.one_time_codes_store import code_standing
from answerable.flow.ports import ChangeOrder, Holder
from answerable.flow.self_service import MOST_CHECKS
from answerable.kit.ids import ConversationId
from tests.integration.changes.test_change_refused import other, without_secrets
from tests.support.bank import ANNA, BEN, NEW_EMAIL, NOBODY, Bank, Browser, open_bank

PHONE = "+491713920001"
STEP = timedelta(seconds=30)
WORN = timedelta(seconds=90)  # after so many wrong tries in it, digits are looked at again


@dataclass
class BetweenUsAndTheBank:
    """The connector, with what befalls calls about apps. before, after: raised by the next calls,
    before the bank hears of them or after it has answered. held: answers wait for it.
    reached: set once there was a call."""

    banking: CoreBanking
    before: list[Exception] = field(default_factory=list)
    after: list[Exception] = field(default_factory=list)
    held: asyncio.Event | None = None
    keys: list[str] = field(default_factory=list)
    reached: asyncio.Event = field(default_factory=asyncio.Event)

    async def accepts_app_code(self, customer: str | None, digits: str, *, key: str) -> bool:
        self.keys.append(key)
        self.reached.set()
        if self.before:
            raise self.before.pop(0)
        accepted = await self.banking.accepts_app_code(customer, digits, key=key)
        if self.held is not None:
            await self.held.wait()
        if self.after:
            raise self.after.pop(0)
        return accepted

    def __getattr__(self, name: str) -> object:
        return getattr(self.banking, name)


@dataclass
class WithoutApps:
    """A back office that changes data, and knows nothing of authenticator apps."""

    banking: CoreBanking

    async def holder(
        self, subject: tuple[str, str], *, fields: Sequence[str], key: str
    ) -> Holder | None:
        return await self.banking.holder(subject, fields=fields, key=key)

    async def submit_change(self, order: ChangeOrder, *, key: str) -> str:
        return await self.banking.submit_change(order, key=key)

    async def decide_change(self, request: str, **more: object) -> None:
        await self.banking.decide_change(request, **more)  # type: ignore[arg-type]

    async def contact_facts(self, subject: tuple[str, str]) -> object:
        return await self.banking.contact_facts(subject)


async def types(bank: Bank, browser: Browser, digits: str) -> int:
    return (await bank.submits(browser, "code", digits=digits)).status_code


async def tries(bank: Bank) -> int:
    """How many wrong ones in a row count, of the only person who made any."""
    rows = await bank.service.database.read(lambda tx: tx.execute(code_standing.select()).all())
    return sum(row.in_a_row for row in rows)


async def only_conversation(bank: Bank) -> ConversationId:
    agent = await bank.signed_in()
    [one] = (await agent.get("/v1/desk/conversations?view=all")).json()["items"]
    return ConversationId(one["id"])


async def test_from_a_mail_to_a_new_address_with_the_digits_of_the_app(bank: Bank) -> None:
    conversation = await bank.mails("I have another mailbox")
    browser = await bank.opens(await bank.link())
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", email=" anna@Städte.example ")
    assert "anna@xn--stdte-hra.example" in browser.text
    assert "open your authenticator app" in browser.text
    assert "send-code" not in browser.text
    assert await bank.texts() == []

    await bank.submits(browser, "code", digits=bank.shown_by_app())

    assert "Thank you" in browser.text
    [notice] = await bank.texts(PHONE)
    assert "is to become anna@xn--stdte-hra.example" in notice
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    assert approval["proof"]["method"] == "one-time code by authenticator app"
    assert approval["proof"]["to_last2"] is None
    assert any("authenticator app" in line["title"] for line in approval["history"])
    await bank.decides(agent, "approve", approval)
    assert (await bank.record())["email"] == "anna@xn--stdte-hra.example"
    [accepted] = [one for one in await bank.events(conversation) if one.kind == "code_accepted"]
    assert (accepted.data["by"], accepted.data["commitment"]) == ("app", approval["commitment"])


async def test_a_try_leaves_no_digits_behind(
    bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = await bank.asked_for_the_app()
    wrong, right = other(bank.shown_by_app()), bank.shown_by_app()
    await types(bank, browser, wrong)
    await types(bank, browser, right)
    conversation = await only_conversation(bank)

    events = await bank.events(conversation)
    logged = capsys.readouterr()

    told = json.dumps([event.data for event in events])
    for secret in (wrong, right, NEW_EMAIL):
        assert secret not in told
        assert secret not in logged.out + logged.err
    entered = [event.data["digits"] for event in events if event.kind == "code_entered"]
    assert len(entered) == 2
    kept = await bank.service.database.read(
        lambda tx: bank.service.vault.get_many(tx, tenant=events[0].tenant, ids=entered)
    )
    assert all(not isinstance(value, dict) for value in kept.values())


# Wrong digits


async def test_wrong_digits_wear_out_and_then_lock_for_text_messages_too(bank: Bank) -> None:
    browser = await bank.asked_for_the_app()
    for _ in range(TRIES):
        assert await types(bank, browser, other(bank.shown_by_app())) == 422
        assert "not right, or were used already" in browser.text
    assert await types(bank, browser, bank.shown_by_app()) == 422
    assert "wait two minutes" in browser.text
    assert await bank.requests() == []

    await bank.time_passes(WORN)
    for _ in range(WRONG_IN_AN_HOUR - TRIES):
        assert "A person takes over" not in browser.text
        await types(bank, browser, other(bank.shown_by_app()))

    assert "A person takes over" in browser.text
    assert "handed_off" in await bank.kinds(await only_conversation(bank))
    await bank.asks_for_a_code()
    assert await bank.texts() == []
    assert await bank.requests() == []


async def test_wrong_codes_of_a_text_message_count_for_the_app_too(bank: Bank) -> None:
    first = await bank.asks_for_a_code()
    for _ in range(TRIES):
        await bank.submits(first, "code", digits=other(await bank.code()))
    browser = await bank.asked_for_the_app()

    await types(bank, browser, bank.shown_by_app())

    assert "wait two minutes" in browser.text
    await bank.time_passes(WORN)
    await types(bank, browser, bank.shown_by_app())
    assert "Thank you" in browser.text


async def test_right_digits_count_as_no_wrong_try(bank: Bank) -> None:
    browser = await bank.asked_for_the_app()
    await types(bank, browser, other(bank.shown_by_app()))
    assert await tries(bank) == 1

    await types(bank, browser, bank.shown_by_app())

    assert await tries(bank) == 0
    rows = await bank.service.database.read(lambda tx: tx.execute(code_standing.select()).all())
    assert [len(row.wrong_at) for row in rows] == [1]


async def test_digits_that_were_used_for_one_change_are_none_for_another(bank: Bank) -> None:
    first = await bank.asked_for_the_app(email="one@new.example")
    second = await bank.asked_for_the_app(email="two@new.example")
    digits = bank.shown_by_app()
    await types(bank, first, digits)

    assert await types(bank, second, digits) == 422

    assert [one["changes"] for one in await bank.requests()] == [{"email": "one@new.example"}]
    await bank.time_passes(STEP)
    assert await types(bank, second, bank.shown_by_app()) == 200
    assert len(await bank.requests()) == 2


async def test_anothers_digits_are_wrong(bank: Bank) -> None:
    browser = await bank.asked_for_the_app()
    assert await types(bank, browser, bank.shown_by_app("C-1002")) == 422
    assert await bank.requests() == []


async def test_a_stranger_sees_what_a_customer_sees_and_the_bank_is_asked_alike(
    bank: Bank,
) -> None:
    pages, statuses, asked = {}, {}, {}
    for who in (BEN, NOBODY):
        before = len(bank.sandbox.world.journal.entries(system="core", kind="read"))
        browser = await bank.asked_for_the_app(who)
        pages[who], statuses[who] = [without_secrets(browser)], []
        for _ in range(TRIES + 1):
            statuses[who].append(await types(bank, browser, "000000"))
            pages[who].append(without_secrets(browser))
        await bank.time_passes(WORN)
        for _ in range(WRONG_IN_AN_HOUR - TRIES):
            statuses[who].append(await types(bank, browser, "000000"))
            pages[who].append(without_secrets(browser))
        asked[who] = [
            one.operation.partition("/")[0].partition("?")[0]
            for one in bank.sandbox.world.journal.entries(system="core", kind="read")[before:]
        ]

    assert pages[BEN] == pages[NOBODY]
    assert statuses[BEN] == statuses[NOBODY]
    assert "A person takes over" in pages[NOBODY][-1]
    assert asked[BEN] == asked[NOBODY]
    assert asked[BEN].count("authenticator refused") == WRONG_IN_AN_HOUR


async def test_digits_are_for_what_is_on_the_screen(bank: Bank) -> None:
    browser = await bank.asked_for_the_app()
    page = browser.form("code")
    await browser.look(edit="1")
    await bank.submits(browser, "enter", email="other@new.example")

    stale = await browser.client.post(browser.path, data={**page, "digits": bank.shown_by_app()})
    assert stale.status_code == 409
    await bank.submits(browser, "code", digits=bank.shown_by_app())

    assert [one["changes"] for one in await bank.requests()] == [{"email": "other@new.example"}]


async def test_what_can_be_no_digits_of_an_app_is_no_try(bank: Bank) -> None:
    browser = await bank.asked_for_the_app()
    assert await types(bank, browser, "12345") == 422
    assert "shows six digits" in browser.text
    assert await tries(bank) == 0


async def test_no_text_message_is_sent_where_an_app_is_wanted(bank: Bank) -> None:
    browser = await bank.asked_for_the_app()
    form = {**browser.form("code"), "act": "send-code"}

    answer = await browser.client.post(browser.path, data=form)

    assert answer.status_code == 409
    await bank.service.settle()
    assert await bank.texts() == []


# Nobody answers, or somebody dies


@pytest.mark.parametrize("path", ["/customers", "/authenticator-checks"])
async def test_while_the_bank_is_down_the_page_says_so_and_no_try_is_lost(
    bank: Bank, path: str
) -> None:
    browser = await bank.asked_for_the_app()
    bank.sandbox.world.faults.add("core", "fail", times=2, path=path)
    assert await types(bank, browser, bank.shown_by_app()) == 503
    assert "could not check the digits" in browser.text
    assert await tries(bank) == 0
    bank.sandbox.world.faults.clear()

    await browser.look()
    assert "could not check the digits" in browser.text
    assert await types(bank, browser, bank.shown_by_app()) == 200

    assert len(await bank.requests()) == 1


async def test_digits_whose_answer_was_lost_prove_nothing_and_the_next_ones_do(
    bank: Bank,
) -> None:
    browser = await bank.asked_for_the_app()
    bank.sandbox.world.faults.add("core", "apply-then-lose", path="/authenticator-checks")
    assert await types(bank, browser, bank.shown_by_app()) == 503
    assert await bank.requests() == []
    assert await tries(bank) == 0

    await bank.time_passes(STEP)
    await types(bank, browser, bank.shown_by_app())

    assert "Thank you" in browser.text
    assert len(await bank.requests()) == 1


@pytest.mark.parametrize("when", ["before", "after"])
@pytest.mark.parametrize("right", [True, False])
async def test_who_dies_between_the_try_and_its_record_asks_again_and_counts_once(
    tmp_path: Path, when: str, right: bool
) -> None:
    between: list[BetweenUsAndTheBank] = []

    def stand(banking: CoreBanking) -> BetweenUsAndTheBank:
        between.append(BetweenUsAndTheBank(banking))
        return between[0]

    async with open_bank(tmp_path / "bank.db", core=stand) as bank:
        browser = await bank.asked_for_the_app()
        getattr(between[0], when).append(RuntimeError("the process died here"))
        digits = bank.shown_by_app() if right else other(bank.shown_by_app())
        asked = asyncio.create_task(bank.submits(browser, "code", digits=digits))
        await between[0].reached.wait()
        await bank.service.performer.settle()
        assert await tries(bank) == 1
        look = await bank.opens(browser.path)
        assert look.page.status_code == 200

        await bank.time_passes(timedelta(seconds=5))
        await asked

        assert len(between[0].keys) == 2
        assert len(set(between[0].keys)) == 1
        assert await tries(bank) == (0 if right else 1)
        assert len(await bank.requests()) == right
        kinds = await bank.kinds(await only_conversation(bank))
        assert kinds.count("code_accepted") + kinds.count("code_refused") == 1
        assert ("Thank you" if right else "not right") in browser.text


async def test_what_is_found_too_late_is_not_asked_about_and_stays_counted(
    tmp_path: Path,
) -> None:
    between: list[BetweenUsAndTheBank] = []

    def stand(banking: CoreBanking) -> BetweenUsAndTheBank:
        between.append(BetweenUsAndTheBank(banking))
        return between[0]

    async with open_bank(tmp_path / "bank.db", core=stand) as bank:
        browser = await bank.asked_for_the_app()
        between[0].after.append(RuntimeError("the process died here"))
        asked = asyncio.create_task(bank.submits(browser, "code", digits=bank.shown_by_app()))
        await between[0].reached.wait()
        await bank.service.performer.settle()

        await bank.time_passes(timedelta(minutes=2))
        await asked

        assert len(between[0].keys) == 1
        assert await tries(bank) == 1
        assert "could not check the digits" in browser.text
        assert await bank.requests() == []
        await types(bank, browser, bank.shown_by_app())
        assert "Thank you" in browser.text


async def test_while_it_is_asked_the_page_says_so_and_takes_no_second_try(
    tmp_path: Path,
) -> None:
    between: list[BetweenUsAndTheBank] = []

    def stand(banking: CoreBanking) -> BetweenUsAndTheBank:
        between.append(BetweenUsAndTheBank(banking, held=asyncio.Event()))
        return between[0]

    async with open_bank(tmp_path / "bank.db", core=stand) as bank:
        browser = await bank.asked_for_the_app()
        form = {**browser.form("code"), "digits": bank.shown_by_app()}
        posts = [
            asyncio.create_task(
                browser.client.post(browser.path, data=form, follow_redirects=False)
            )
            for _ in range(5)
        ]
        await between[0].reached.wait()
        await browser.look()
        assert "We are checking the digits" in browser.text
        held = between[0].held
        assert held is not None
        held.set()

        answers = await asyncio.gather(*posts)
        await bank.service.settle()

        assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409, 409]
        assert len(between[0].keys) == 1
        assert len(await bank.requests()) == 1


async def test_a_page_waits_so_long_for_the_bank_and_no_longer(tmp_path: Path) -> None:
    between: list[BetweenUsAndTheBank] = []

    def stand(banking: CoreBanking) -> BetweenUsAndTheBank:
        between.append(BetweenUsAndTheBank(banking, held=asyncio.Event()))
        return between[0]

    async with open_bank(tmp_path / "bank.db", core=stand) as bank:
        bank.service.pages.answer_within = timedelta(0)
        browser = await bank.asked_for_the_app()

        await browser.submits("code", digits=other(bank.shown_by_app()))

        assert browser.page.status_code == 200
        assert "We are checking the digits" in browser.text
        held = between[0].held
        assert held is not None
        held.set()
        await bank.service.settle()
        await browser.look()
        assert "not right, or were used already" in browser.text


async def test_what_is_edited_while_the_bank_is_asked_is_not_proven(tmp_path: Path) -> None:
    between: list[BetweenUsAndTheBank] = []

    def stand(banking: CoreBanking) -> BetweenUsAndTheBank:
        between.append(BetweenUsAndTheBank(banking, held=asyncio.Event()))
        return between[0]

    async with open_bank(tmp_path / "bank.db", core=stand) as bank:
        browser = await bank.asked_for_the_app()
        form = {**browser.form("code"), "digits": bank.shown_by_app()}
        asked = asyncio.create_task(browser.client.post(browser.path, data=form))
        await between[0].reached.wait()
        await browser.look(edit="1")
        await browser.submits("enter", email="other@new.example")
        held = between[0].held
        assert held is not None
        held.set()
        await asked
        await bank.service.settle()

        assert await bank.requests() == []
        await browser.look()
        assert "other@new.example" in browser.text
        await bank.time_passes(STEP)
        await types(bank, browser, bank.shown_by_app())
        assert [one["changes"] for one in await bank.requests()] == [{"email": "other@new.example"}]


async def test_a_back_office_that_knows_no_apps_makes_work_for_a_person(tmp_path: Path) -> None:
    async with open_bank(tmp_path / "bank.db", core=WithoutApps) as bank:
        browser = await bank.asked_for_the_app()

        assert await types(bank, browser, "123456") == 503

        conversation = await only_conversation(bank)
        assert (await bank.kinds(conversation))[-2:] == ["code_not_checked", "handed_off"]


async def test_digits_are_entered_so_often_and_no_more(bank: Bank) -> None:
    browser = await bank.asked_for_the_app(ANNA)
    bank.sandbox.world.faults.add("core", "fail", times=None, path="/customers")
    for _ in range(MOST_CHECKS):
        assert await types(bank, browser, "123456") == 503

    assert await types(bank, browser, "123456") == 409
    assert await tries(bank) == 0
