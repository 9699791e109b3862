"""Outages and crashes on the way to a changed address: each thing happens once."""

import asyncio
from dataclasses import dataclass, field
from datetime import timedelta
from pathlib import Path

import pytest

from answerable.contacts.sms import MaybeSent, Sent, SmsOutcome, SmsRefused
from answerable.kit.errors import ConnectorUnavailable
from answerable.kit.ids import ConversationId
from tests.support.bank import ADDRESS, Bank, open_bank


@dataclass
class FakeGateway:
    """Text messages in a list. trouble: raised or answered by the next calls, in turn."""

    sent: list[str] = field(default_factory=list)
    trouble: list[Exception | SmsOutcome] = field(default_factory=list)

    async def send(self, to: str, text: str, key: str) -> SmsOutcome:
        self.sent.append(text)
        what = self.trouble.pop(0) if self.trouble else Sent(id="SM1")
        if isinstance(what, Exception):
            raise what
        return what


async def waits(bank: Bank, times: int = 6) -> None:
    """Long enough for what is to be tried again."""
    for _ in range(times):
        await bank.time_passes(timedelta(minutes=1))


@pytest.mark.parametrize("mode", ["fail", "apply-then-lose"])
async def test_a_back_office_that_fails_at_the_submission_gets_one_request(
    bank: Bank, mode: str
) -> None:
    browser = await bank.asks_for_a_code()
    bank.sandbox.world.faults.add("core", mode, times=2, path="/change-requests")  # type: ignore[arg-type]
    await bank.submits(browser, "code", digits=await bank.code())
    assert "Thank you" in browser.text

    await waits(bank)

    assert [one["changes"] for one in await bank.requests()] == [ADDRESS]


@pytest.mark.parametrize("mode", ["fail", "apply-then-lose"])
async def test_a_back_office_that_fails_at_the_application_applies_once(
    bank: Bank, mode: str
) -> None:
    await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    bank.sandbox.world.faults.add("core", mode, times=2, path="/change-requests")  # type: ignore[arg-type]

    await bank.decides(agent, "approve", approval)
    await waits(bank)

    assert await bank.customer() == ADDRESS
    applied = [e for e in bank.sandbox.world.journal.entries() if e.operation == "change approved"]
    assert len(applied) == 1
    kinds = await bank.kinds(ConversationId(approval["conversation"]))
    assert kinds.count("change_applied") == 1


async def test_a_back_office_that_is_down_when_the_code_is_asked_for(bank: Bank) -> None:
    await bank.mails()
    browser = await bank.opens(await bank.link())
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", **ADDRESS)
    bank.sandbox.world.faults.add("core", "fail", times=2, path="/customers")

    await bank.submits(browser, "send-code")
    assert await bank.texts() == []
    await waits(bank, 2)

    assert len(await bank.texts()) == 1


async def test_a_text_that_was_perhaps_sent_is_not_sent_again(tmp_path: Path) -> None:
    gateway = FakeGateway(trouble=[MaybeSent()])
    async with open_bank(tmp_path / "bank.db", texts=gateway) as bank:
        browser = await bank.asks_for_a_code()
        await waits(bank)
        assert len(gateway.sent) == 1

        await bank.submits(browser, "send-code")  # the contact may ask for another

        assert len(gateway.sent) == 2


async def test_a_crash_between_the_claim_and_the_answer_sends_nothing_again(
    tmp_path: Path,
) -> None:
    gateway = FakeGateway(trouble=[RuntimeError("the process died here")])
    async with open_bank(tmp_path / "bank.db", texts=gateway) as bank:
        conversation = await bank.mails()
        browser = await bank.opens(await bank.link())
        await bank.submits(browser, "confirm")
        await bank.submits(browser, "enter", **ADDRESS)
        await bank.submits(browser, "send-code")
        await waits(bank, 2)

        assert len(gateway.sent) == 1
        assert "code_send_uncertain" in await bank.kinds(conversation)
        await bank.submits(browser, "send-code")
        assert len(gateway.sent) == 2


@pytest.mark.parametrize(
    "trouble",
    [
        SmsRefused(reason="unsubscribed"),
        ConnectorUnavailable("sms", retry_after=timedelta(seconds=30)),
    ],
)
async def test_a_gateway_that_sends_nothing_makes_work_for_a_person(
    tmp_path: Path, trouble: Exception | SmsOutcome
) -> None:
    gateway = FakeGateway(trouble=[trouble])
    async with open_bank(tmp_path / "bank.db", texts=gateway) as bank:
        conversation = await bank.mails()
        browser = await bank.opens(await bank.link())
        await bank.submits(browser, "confirm")
        await bank.submits(browser, "enter", **ADDRESS)
        page = await bank.submits(browser, "send-code")

        assert "on its way there" in page.text
        kinds = await bank.kinds(conversation)
        assert kinds[-2:] == ["code_not_sent", "handed_off"]


async def test_a_takeover_while_the_request_is_submitted_takes_it_back(bank: Bank) -> None:
    browser = await bank.asks_for_a_code()
    bank.sandbox.world.faults.add("core", "apply-then-lose", times=1, path="/change-requests")
    await bank.submits(browser, "code", digits=await bank.code())
    [request] = await bank.requests()
    assert request["status"] == "pending"
    found = await bank.signed_in()
    listed = (await found.get("/v1/desk/conversations?view=all")).json()["items"]

    await bank.takes_over(ConversationId(listed[0]["id"]))
    await waits(bank, 2)

    kinds = await bank.kinds(ConversationId(listed[0]["id"]))
    assert "change_applied" not in kinds
    assert (await bank.customer())["street"] == "Lindenweg 12"


async def test_many_changes_at_once_are_each_applied_once(bank: Bank) -> None:
    """Ten customers side by side."""
    customers = list(bank.sandbox.world.bank.records.customers.values())[:10]

    async def changes(email: str, number: int) -> None:
        address = {**ADDRESS, "street": f"Ahornweg {number}"}
        await bank.mails(by=email)
        browser = await bank.opens(await bank.link(email))
        await bank.submits(browser, "confirm")
        await bank.submits(browser, "enter", **address)
        await bank.submits(browser, "send-code")
        phone = next(one.phone for one in customers if one.email == email)
        for _ in range(5):  # where the machine was too busy for one try
            if await bank.texts(phone):
                break
            await bank.time_passes(timedelta(minutes=1))
        [text] = await bank.texts(phone)
        digits = next(part for part in text.split() if part.isdigit() and len(part) == 6)
        await bank.submits(browser, "code", digits=digits)

    await asyncio.gather(*(changes(one.email, n) for n, one in enumerate(customers)))
    agent = await bank.signed_in()
    listed = (await agent.get("/v1/desk/approvals")).json()["items"]
    assert len(listed) == 10
    for one in listed:
        detail = (await agent.get(f"/v1/desk/approvals/{one['id']}")).json()
        assert (await bank.decides(agent, "approve", detail)).status_code == 200

    streets = [(await bank.customer(one.id))["street"] for one in customers]
    assert streets == [f"Ahornweg {n}" for n in range(10)]
    applied = [e for e in bank.sandbox.world.journal.entries() if e.operation == "change approved"]
    assert len(applied) == 10
