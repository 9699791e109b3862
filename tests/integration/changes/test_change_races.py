"""Twenty parallel copies of one click, code or decision have one effect."""

import asyncio
from collections import Counter
from collections.abc import Sequence
from typing import cast

import httpx
import pytest

from answerable.desk.agents import Agents
from answerable.kit.database import Database
from answerable.kit.ids import ConversationId
from tests.support.bank import ADDRESS, BANK, Bank, Browser
from tests.support.rivals import Slow
from tests.support.service import quick_passwords

COPIES = 20


async def clicks(bank: Bank, browser: Browser, act: str, **fields: str) -> Counter[int]:
    """The same form, sent twenty times at once, and all that follows; how often which answer."""
    form = {**browser.form(act), **fields}
    answers: Sequence[httpx.Response] = await asyncio.gather(
        *(
            browser.client.post(browser.path, data=form, follow_redirects=False)
            for _ in range(COPIES)
        )
    )
    await bank.service.settle()
    await browser.look()
    return Counter(answer.status_code for answer in answers)


async def begun(bank: Bank) -> tuple[ConversationId, Browser]:
    conversation = await bank.mails()
    return conversation, await bank.opens(await bank.link())


async def applied(bank: Bank) -> int:
    changes = bank.sandbox.world.journal.entries(system="core", kind="change")
    return sum(entry.operation == "change approved" for entry in changes)


@pytest.mark.parametrize(
    ("act", "event"), [("confirm", "intent_confirmed"), ("decline", "intent_declined")]
)
async def test_copies_of_a_yes_or_no(bank: Bank, act: str, event: str) -> None:
    conversation, browser = await begun(bank)

    answers = await clicks(bank, browser, act)

    assert answers == {303: 1, 409: COPIES - 1}
    assert (await bank.kinds(conversation)).count(event) == 1


async def test_copies_of_what_was_entered(bank: Bank) -> None:
    conversation, browser = await begun(bank)
    await bank.submits(browser, "confirm")

    answers = await clicks(bank, browser, "enter", **ADDRESS)

    assert answers == {303: COPIES}
    assert (await bank.kinds(conversation)).count("change_entered") == 1
    await bank.submits(browser, "send-code")
    await bank.submits(browser, "code", digits=await bank.code())
    assert [one["changes"] for one in await bank.requests()] == [ADDRESS]


async def test_copies_of_a_wish_for_a_code(bank: Bank) -> None:
    conversation, browser = await begun(bank)
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", **ADDRESS)

    answers = await clicks(bank, browser, "send-code")

    assert answers == {303: COPIES}
    assert len(await bank.texts()) == 1
    assert (await bank.kinds(conversation)).count("code_requested") == 1


async def test_copies_of_the_right_code(bank: Bank) -> None:
    conversation, browser = await begun(bank)
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", **ADDRESS)
    await bank.submits(browser, "send-code")

    answers = await clicks(bank, browser, "code", digits=await bank.code())

    assert answers == {303: 1, 409: COPIES - 1}
    assert (await bank.kinds(conversation)).count("code_accepted") == 1
    assert [one["changes"] for one in await bank.requests()] == [ADDRESS]


async def test_copies_of_a_wrong_code_cost_no_more_than_the_tries_there_are(bank: Bank) -> None:
    """Whoever guesses in parallel has as many guesses as one who does so in turn."""
    conversation, browser = await begun(bank)
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", **ADDRESS)
    await bank.submits(browser, "send-code")
    right = int(await bank.code())
    form = browser.form("code")

    answers = await asyncio.gather(
        *(
            browser.client.post(
                browser.path, data={**form, "digits": f"{(right + 1 + n) % 1_000_000:06d}"}
            )
            for n in range(COPIES)
        )
    )

    assert {answer.status_code for answer in answers} == {422}
    assert (await bank.kinds(conversation)).count("code_refused") == 5
    last = await bank.submits(browser, "code", digits=f"{right:06d}")
    assert "wrong too often" in last.text
    assert await bank.requests() == []


async def test_copies_of_an_approval_by_two_agents(bank: Bank) -> None:
    await bank.proves()
    agents = [await bank.signed_in("sam"), await bank.signed_in("mia")]
    approval = await bank.approval(agents[0])

    answers = await asyncio.gather(
        *(bank.decides(agent, "approve", approval) for agent in agents * (COPIES // 2))
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: COPIES - 1}
    assert await bank.customer() == ADDRESS
    assert await applied(bank) == 1
    kinds = await bank.kinds(ConversationId(approval["conversation"]))
    assert [kinds.count(kind) for kind in ("approved", "change_applied")] == [1, 1]


async def test_who_is_suspended_at_this_moment_approves_nothing(bank: Bank) -> None:
    await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    slow = Slow(bank.service.database, then=lambda: bank.decides(agent, "approve", approval))
    passwords = quick_passwords()

    await Agents(cast(Database, slow), bank.clock, passwords).suspend(BANK, bank.people["sam"].id)

    passwords.close()
    assert [answer.status_code for answer in slow.came] in ([401], [403])
    kinds = await bank.kinds(ConversationId(approval["conversation"]))
    assert "approved" not in kinds


async def test_copies_of_one_try_to_approve_are_answered_alike(bank: Bank) -> None:
    """An agent's browser sends it again under the same key, as after a cut connection."""
    await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    path = f"/v1/desk/approvals/{approval['id']}/approve"
    body, key = {"commitment": approval["commitment"]}, {"Idempotency-Key": "once"}

    answers = await asyncio.gather(
        *(agent.post(path, json=body, headers=key) for _ in range(COPIES))
    )
    await bank.service.settle()
    again = await agent.post(path, json=body, headers=key)

    granted = [answer for answer in answers if answer.status_code == 200]
    others = {answer.json()["code"] for answer in answers if answer.status_code != 200}
    assert granted
    assert others <= {"request_in_flight"}
    assert {answer.text for answer in granted} == {again.text}
    assert await applied(bank) == 1


async def test_approvals_and_refusals_in_parallel_have_one_outcome(bank: Bank) -> None:
    await bank.proves()
    sam, mia = await bank.signed_in("sam"), await bank.signed_in("mia")
    approval = await bank.approval(sam)

    answers = await asyncio.gather(
        *(
            bank.decides(sam, "approve", approval)
            if n % 2
            else bank.decides(mia, "refuse", approval, reason="The name does not fit.")
            for n in range(COPIES)
        )
    )

    assert Counter(answer.status_code for answer in answers) == {200: 1, 409: COPIES - 1}
    first = next(n for n, answer in enumerate(answers) if answer.status_code == 200)
    [request] = await bank.requests()
    assert request["status"] == ("approved" if first % 2 else "rejected")
    assert await applied(bank) == first % 2
