"""The back office is down for an hour, whatever a change is waiting for: then it goes on, once."""

from datetime import timedelta

import pytest

from answerable.kit.ids import ConversationId
from answerable_sandbox.faults import Mode
from tests.support.bank import ADDRESS, Bank

MINUTE = timedelta(minutes=1)
REST = 15  # minutes until it is asked again, at the latest
MODES = pytest.mark.parametrize("mode", ["fail", "apply-then-lose", "rate-limit"])


def goes_down(bank: Bank, mode: Mode = "fail") -> None:
    bank.sandbox.world.faults.add("core", mode, times=None, seconds=300)


async def an_hour_passes(bank: Bank) -> None:
    for _ in range(60):
        await bank.time_passes(MINUTE)


async def comes_back(bank: Bank) -> None:
    bank.sandbox.world.faults.clear("core")
    for _ in range(REST):
        await bank.time_passes(MINUTE)


async def is_applied_once(bank: Bank) -> None:
    assert await bank.customer() == ADDRESS
    changes = bank.sandbox.world.journal.entries(system="core", kind="change")
    assert [one.operation for one in changes] == ["change requested", "change approved"]
    mails = (await bank.outside.get("/mail/messages")).json()["items"]
    assert sum("new address is now on record" in mail["text"] for mail in mails) == 1


async def approves(bank: Bank) -> ConversationId:
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    assert (await bank.decides(agent, "approve", approval)).status_code == 200
    return ConversationId(approval["conversation"])


async def test_until_the_code_nobody_needs_it(bank: Bank) -> None:
    """The mail is answered, the intent confirmed, the address entered."""
    goes_down(bank)
    await bank.mails()
    browser = await bank.opens(await bank.link())
    await bank.submits(browser, "confirm")
    await an_hour_passes(bank)
    await bank.submits(browser, "enter", **ADDRESS)
    assert "Ahornweg 12" in browser.text
    await comes_back(bank)

    await bank.submits(browser, "send-code")
    await bank.submits(browser, "code", digits=await bank.code())
    await approves(bank)

    await is_applied_once(bank)


async def test_when_a_code_is_asked_for(bank: Bank) -> None:
    """Nobody waits an hour for a code: a person is told, and the contact may ask for another."""
    conversation = await bank.mails()
    browser = await bank.opens(await bank.link())
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", **ADDRESS)
    goes_down(bank)

    await bank.submits(browser, "send-code")
    assert "on its way there" in browser.text
    await an_hour_passes(bank)
    assert await bank.texts() == []
    assert "handed_off" in await bank.kinds(conversation)
    await comes_back(bank)
    assert await bank.texts() == []  # what was asked for an hour ago is not sent now

    await bank.submits(browser, "send-code")
    assert len(await bank.texts()) == 1
    await bank.submits(browser, "code", digits=await bank.code())
    await approves(bank)

    await is_applied_once(bank)


@MODES
async def test_when_the_change_is_submitted(bank: Bank, mode: Mode) -> None:
    browser = await bank.asks_for_a_code()
    digits = await bank.code()
    goes_down(bank, mode)

    await bank.submits(browser, "code", digits=digits)
    assert "Thank you" in browser.text
    await an_hour_passes(bank)
    agent = await bank.signed_in()
    assert (await agent.get("/v1/desk/approvals")).json()["items"] == []
    await comes_back(bank)
    await approves(bank)

    await is_applied_once(bank)


async def test_while_the_approval_is_waited_for(bank: Bank) -> None:
    await bank.proves()
    goes_down(bank)
    await an_hour_passes(bank)
    agent = await bank.signed_in()

    seen = await bank.approval(agent)
    assert {one["field"]: one["after"] for one in seen["changes"]} == ADDRESS
    await comes_back(bank)
    await bank.decides(agent, "approve", seen)

    await is_applied_once(bank)


@MODES
async def test_when_the_change_is_applied(bank: Bank, mode: Mode) -> None:
    await bank.proves()
    goes_down(bank, mode)

    conversation = await approves(bank)
    await an_hour_passes(bank)
    assert "change_applied" not in await bank.kinds(conversation)
    await comes_back(bank)

    await is_applied_once(bank)
    assert (await bank.kinds(conversation)).count("change_applied") == 1


async def test_when_a_change_is_refused(bank: Bank) -> None:
    await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    goes_down(bank)

    await bank.decides(agent, "refuse", approval, reason="The name does not fit.")
    await an_hour_passes(bank)
    await comes_back(bank)

    [request] = await bank.requests()
    assert request["status"] == "rejected"
    kinds = await bank.kinds(ConversationId(approval["conversation"]))
    assert kinds.count("change_dropped") == 1
    assert (await bank.customer())["street"] == "Lindenweg 12"
