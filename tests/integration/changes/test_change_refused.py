"""What must not work on the way to a changed address."""

import asyncio
import json
from dataclasses import replace
from datetime import timedelta
from pathlib import Path

import httpx
import pytest
import sqlalchemy as sa

from answerable.api.customer.page_form import MOST_FIELDS
from answerable.contacts.one_time_codes import TRIES
from answerable.contacts.store import contact
from answerable.desk.agent import Role
from answerable.flow.acts import Approve, Close, TakeOver
from answerable.flow.message import ThreadHints
from answerable.flow.self_service import MOST_CODES, MOST_EDITS
from answerable.kit.errors import Conflict, NotAllowed
from answerable.kit.ids import ConversationId
from tests.support.bank import ADDRESS, ANNA, BANK, BEN, NOBODY, Bank, Browser, open_bank
from tests.support.service import PASSWORD

ELSEWHERE = {**ADDRESS, "street": "Nebenweg 99"}
PAUSE = timedelta(seconds=31)  # before another code may be asked for


def other(code: str) -> str:
    """Six digits that are not these."""
    return f"{(int(code) + 1) % 1_000_000:06d}"


async def nothing_happened(bank: Bank) -> None:
    assert await bank.requests() == []
    assert (await bank.customer())["street"] == "Lindenweg 12"


async def closes(bank: Bank, conversation: ConversationId) -> None:
    who = {"tenant": BANK, "conversation": conversation, "agent": bank.people["sam"].id}
    await bank.service.act(TakeOver(**who, agent_name="Sam"))  # type: ignore[arg-type]
    await bank.service.act(Close(**who, agent_name="Sam"))  # type: ignore[arg-type]
    await bank.service.settle()


# Codes


async def test_a_code_for_one_change_is_refused_for_another(bank: Bank) -> None:
    first = await bank.asks_for_a_code(address=ADDRESS)
    code = await bank.code()
    second = await bank.asks_for_a_code(address=ELSEWHERE)

    answer = await bank.submits(second, "code", digits=code)

    assert answer.status_code == 422
    await nothing_happened(bank)
    await bank.submits(first, "code", digits=code)
    assert [one["changes"] for one in await bank.requests()] == [ADDRESS]


async def test_a_form_edited_after_the_code_needs_a_new_code(bank: Bank) -> None:
    browser = await bank.asks_for_a_code()
    code = await bank.code()
    page = browser.form("code")
    await browser.look(edit="1")
    await bank.submits(browser, "enter", **ELSEWHERE)

    stale = await browser.client.post(browser.path, data={**page, "digits": code})
    assert stale.status_code == 409
    await bank.time_passes(PAUSE)
    await browser.look()
    await bank.submits(browser, "send-code")
    answer = await bank.submits(browser, "code", digits=code)
    assert answer.status_code == 422
    await nothing_happened(bank)

    await bank.submits(browser, "code", digits=await bank.code())

    assert [one["changes"] for one in await bank.requests()] == [ELSEWHERE]


async def test_after_five_wrong_tries_the_right_code_is_none_any_more(bank: Bank) -> None:
    browser = await bank.asks_for_a_code()
    code = await bank.code()
    for _ in range(TRIES):
        answer = await bank.submits(browser, "code", digits=other(code))
        assert "not right" in answer.text

    answer = await bank.submits(browser, "code", digits=code)

    assert "wrong too often" in answer.text
    await nothing_happened(bank)


async def test_a_new_code_does_not_reset_the_count(bank: Bank) -> None:
    """Ten wrong tries within the hour, in two conversations and with two codes."""
    first = await bank.asks_for_a_code()
    for _ in range(TRIES):
        await bank.submits(first, "code", digits=other(await bank.code()))
    second = await bank.asks_for_a_code()
    for _ in range(TRIES):
        await bank.submits(second, "code", digits=other(await bank.code()))

    assert "A person takes over" in second.text
    await bank.time_passes(PAUSE)
    await first.look()
    await bank.submits(first, "send-code")
    await first.look()
    assert "A person takes over" in first.text
    assert len(await bank.texts()) == 2
    await nothing_happened(bank)


async def test_what_can_be_no_code_costs_no_try(bank: Bank) -> None:
    browser = await bank.asks_for_a_code()
    for digits in ("", "12345", "abcdef"):
        answer = await bank.submits(browser, "code", digits=digits)
        assert (answer.status_code, "six digits" in answer.text) == (422, True)
    await bank.submits(browser, "code", digits=f" {await bank.code()} ")
    assert len(await bank.requests()) == 1


async def test_an_expired_code_is_refused(bank: Bank) -> None:
    browser = await bank.asks_for_a_code()
    await bank.time_passes(timedelta(minutes=10))

    answer = await bank.submits(browser, "code", digits=await bank.code())

    assert "expired" in answer.text
    await nothing_happened(bank)


async def test_one_number_is_not_sent_text_messages_without_end(bank: Bank) -> None:
    browser = await bank.asks_for_a_code()
    for _ in range(7):
        await bank.time_passes(PAUSE)
        page = await bank.submits(browser, "send-code")
        assert (page.status_code, "on its way there" in page.text) == (200, True)

    assert len(await bank.texts()) == 5
    metrics = await bank.signed_in()
    assert "answerable_texts_capped_total" in (await metrics.get("/metrics")).text


async def test_the_definition_says_how_many_text_messages_may_leave(tmp_path: Path) -> None:
    limits = "limits: {textMessages: {perNumber: [2 per 30m, 3 per 2h]}}\n"
    async with open_bank(tmp_path / "bank.db", also=limits) as bank:
        browser = await bank.asks_for_a_code()
        for after in (1, 1, 30, 1, 1, 90):
            await bank.time_passes(timedelta(minutes=after))
            await bank.submits(browser, "send-code")

        assert len(await bank.texts()) == 4  # one, one, none; one, none, none; one


async def test_asking_again_at_once_sends_nothing_more(bank: Bank) -> None:
    browser = await bank.asks_for_a_code()
    for _ in range(3):
        await bank.submits(browser, "send-code")
    assert len(await bank.texts()) == 1


# Links and forms


async def test_looking_at_a_link_changes_nothing(bank: Bank) -> None:
    conversation = await bank.mails()
    path, before = await bank.link(), await bank.kinds(conversation)
    async with httpx.AsyncClient(
        transport=httpx.ASGITransport(app=bank.app), base_url="http://localhost"
    ) as scanner:
        for method in ("GET", "HEAD") * 10:
            assert (await scanner.request(method, path)).status_code == 200
            assert (await scanner.request(method, f"{path}?edit=1")).status_code == 200
    await bank.service.settle()

    assert await bank.kinds(conversation) == before
    browser = await bank.opens(path)
    assert "Change your address" in browser.text


async def test_a_submission_is_taken_once(bank: Bank) -> None:
    browser = await bank.asks_for_a_code()
    form = {**browser.form("code"), "digits": await bank.code()}
    answers = await asyncio.gather(
        *(browser.client.post(browser.path, data=form, follow_redirects=False) for _ in range(5))
    )
    await bank.service.settle()
    again = await browser.client.post(browser.path, data=form)

    assert sorted(answer.status_code for answer in answers) == [303, 409, 409, 409, 409]
    assert again.status_code == 409
    assert len(await bank.requests()) == 1


async def test_a_closed_conversation_has_no_link(bank: Bank) -> None:
    conversation = await bank.mails()
    browser = await bank.opens(await bank.link())
    await closes(bank, conversation)

    assert (await browser.look()).status_code == 404
    answer = await browser.client.post(browser.path, data={"act": "confirm"})
    assert answer.status_code == 404


async def test_an_expired_link_and_a_made_up_one_are_answered_alike(bank: Bank) -> None:
    await bank.mails()
    browser = await bank.opens(await bank.link())
    await bank.time_passes(timedelta(days=7))
    made_up = await bank.opens("/c/" + "A" * 32)

    await browser.look()

    assert browser.page.status_code == made_up.page.status_code == 404
    assert browser.text == made_up.text


async def test_a_form_of_another_page_or_none_is_refused(bank: Bank) -> None:
    conversation = await bank.mails()
    browser = await bank.opens(await bank.link())
    form = browser.form("confirm")
    stranger = await bank.opens(browser.path)
    before = await bank.kinds(conversation)

    for client, data in (
        (browser.client, {"act": "confirm"}),
        (browser.client, {**form, "form": "0" * 32}),
        (stranger.client, form),
    ):
        assert (await client.post(browser.path, data=data)).status_code == 403
    foreign = {"Origin": "https://evil.example"}
    answer = await browser.client.post(browser.path, data=form, headers=foreign)
    assert answer.status_code == 403
    assert await bank.kinds(conversation) == before


async def test_what_was_entered_is_shown_in_that_browser_only(bank: Bank) -> None:
    browser = await bank.asks_for_a_code()
    assert "Ahornweg 12" in browser.text

    stranger = await bank.opens(browser.path)

    assert "Ahornweg" not in stranger.text
    assert "Street and number" in stranger.text


async def test_tomorrow_on_another_device_by_the_same_mail(bank: Bank) -> None:
    browser = await bank.asks_for_a_code()
    await bank.time_passes(timedelta(days=1))
    device = await bank.opens(browser.path)

    await bank.submits(device, "enter", **ELSEWHERE)
    await bank.submits(device, "send-code")
    await bank.submits(device, "code", digits=await bank.code())

    assert [one["changes"] for one in await bank.requests()] == [ELSEWHERE]


async def test_a_form_that_is_not_right_comes_back_with_what_was_typed(bank: Bank) -> None:
    conversation = await bank.mails()
    browser = await bank.opens(await bank.link())
    await bank.submits(browser, "confirm")

    answer = await bank.submits(
        browser, "enter", street="<b>Weg 1</b>", postal_code="1", city="", country="DE"
    )

    assert answer.status_code == 422
    assert "&lt;b&gt;Weg 1" in answer.text
    assert answer.text.count('aria-invalid="true"') == 2
    assert "change_entered" not in await bank.kinds(conversation)


async def test_pages_keep_to_themselves(bank: Bank) -> None:
    await bank.mails()
    browser = await bank.opens(await bank.link())
    headers = browser.page.headers

    assert headers["referrer-policy"] == "no-referrer"
    assert headers["cache-control"] == "no-store"
    assert "default-src 'none'" in headers["content-security-policy"]
    assert "unsafe" not in headers["content-security-policy"]
    cookie = headers["set-cookie"].lower()
    assert "httponly" in cookie
    assert "samesite=strict" in cookie
    assert browser.path.rpartition("/")[2].lower() not in cookie
    assert "<script" not in browser.text


# Approvals


async def test_nobody_approves_a_change_of_their_own(bank: Bank) -> None:
    await bank.proves()
    agent = await bank.signed_in("anna")
    approval = await bank.approval(agent)

    answer = await bank.decides(agent, "approve", approval)

    assert (answer.status_code, answer.json()["code"]) == (403, "own_change")
    assert (await bank.customer())["street"] == "Lindenweg 12"


@pytest.mark.parametrize("name", ["C-1001", "Anna.Schmidt@example.com"])
async def test_nobody_approves_their_own_from_another_address(bank: Bank, name: str) -> None:
    """Mia signs in at the desk as mia@northwind.example, and is the customer herself."""
    api, mia = bank.app.state.api, bank.people["mia"]
    bank.people["jo"] = await api.agents.create(
        BANK, name="Jo", email="jo@northwind.example", password=PASSWORD, role=Role.ADMINISTRATOR
    )
    admin = await bank.signed_in("jo")
    path = f"/v1/desk/agents/{mia.id}/known-as"
    noted = await admin.post(path, json={"names": [name, "another@mail.example"]})
    assert noted.json()["known_as_customer"] is True
    assert name not in noted.text + (await admin.get("/v1/desk/agents")).text
    await bank.proves()

    agent = await bank.signed_in("mia")
    approval = await bank.approval(agent)
    for what, more in (("approve", {}), ("refuse", {"reason": "I am Anna"})):
        answer = await bank.decides(agent, what, approval, **more)
        assert (answer.status_code, answer.json()["code"]) == (403, "own_change"), what

    assert (await bank.customer())["street"] == "Lindenweg 12"
    assert (await admin.post(path, json={"names": []})).json()["known_as_customer"] is False
    await bank.decides(await bank.signed_in("mia"), "approve", approval)
    assert await bank.customer() == ADDRESS


async def test_the_owner_is_known_from_the_code_if_the_bank_said_nothing_before(
    bank: Bank,
) -> None:
    """When the mail came the bank was away, so nobody noted who the contact is there."""
    lookup, mia = bank.service.contacts.lookup, bank.people["mia"]
    person = lookup.person(BANK, "core-banking", "C-1001")
    await bank.app.state.api.agents.note_known_as(BANK, mia.id, [person], by=bank.people["sam"].id)
    await bank.proves()
    forget = sa.update(contact).values(person=None)
    await bank.service.database.write(lambda tx: tx.execute(forget) and None, tenant=BANK)

    agent = await bank.signed_in("mia")
    answer = await bank.decides(agent, "approve", await bank.approval(agent))

    assert (answer.status_code, answer.json()["code"]) == (403, "own_change")


async def test_only_what_the_agent_has_seen_is_approved(bank: Bank) -> None:
    await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)

    answer = await bank.decides(agent, "approve", {**approval, "commitment": "0" * 64})

    assert (answer.status_code, answer.json()["code"]) == (409, "other_data")
    assert (await bank.customer())["street"] == "Lindenweg 12"


async def test_a_request_that_was_altered_at_the_bank_is_not_applied(bank: Bank) -> None:
    browser_of = await bank.proves()
    [request] = bank.sandbox.world.bank.records.change_requests.values()
    altered = replace(request, changes=ELSEWHERE)
    bank.sandbox.world.bank.records.change_requests[request.id] = altered
    agent = await bank.signed_in()
    approval = await bank.approval(agent)

    await bank.decides(agent, "approve", approval)

    assert (await bank.customer())["street"] == "Lindenweg 12"
    kinds = await bank.kinds(ConversationId(approval["conversation"]))
    assert "change_failed" in kinds
    assert "handed_off" in kinds
    await browser_of.look()
    assert "A person takes over" in browser_of.text


async def test_two_approvals_at_once_have_one_effect(bank: Bank) -> None:
    await bank.proves()
    agents = [await bank.signed_in("sam"), await bank.signed_in("mia")]
    approval = await bank.approval(agents[0])

    answers = await asyncio.gather(
        *(bank.decides(agent, "approve", approval) for agent in agents * 3)
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409, 409, 409, 409, 409]
    assert (await bank.customer()) == ADDRESS
    applied = [e for e in bank.sandbox.world.journal.entries() if e.operation == "change approved"]
    assert len(applied) == 1


async def test_an_approval_and_a_refusal_at_once_have_one_effect(bank: Bank) -> None:
    await bank.proves()
    sam, mia = await bank.signed_in("sam"), await bank.signed_in("mia")
    approval = await bank.approval(sam)

    answers = await asyncio.gather(
        bank.decides(sam, "approve", approval),
        bank.decides(mia, "refuse", approval, reason="The name does not fit."),
    )

    assert sorted(answer.status_code for answer in answers) == [200, 409]
    [request] = await bank.requests()
    assert request["status"] == ("approved" if answers[0].status_code == 200 else "rejected")


async def test_a_refusal_says_why_and_takes_the_request_back(bank: Bank) -> None:
    await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)

    assert (await bank.decides(agent, "refuse", approval)).status_code == 422
    answer = await bank.decides(agent, "refuse", approval, reason="Anna Schmidt called us")

    assert answer.status_code == 200
    [request] = await bank.requests()
    assert request["status"] == "rejected"
    assert (await bank.customer())["street"] == "Lindenweg 12"
    events = await bank.events(ConversationId(approval["conversation"]))
    assert "handed_off" in [event.kind for event in events]
    assert "called us" not in json.dumps([event.data for event in events])
    assert (await agent.get("/v1/desk/approvals")).json()["items"] == []


async def test_whoever_lost_the_right_does_not_finish(bank: Bank) -> None:
    await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    sam = bank.people["sam"]
    await bank.app.state.api.agents.suspend(BANK, sam.id)

    assert (await bank.decides(agent, "approve", approval)).status_code == 401
    act = Approve(
        tenant=BANK, conversation=ConversationId(approval["conversation"]), agent=sam.id,
        agent_name="Sam", change=approval["id"], commitment=approval["commitment"],
    )  # fmt: skip
    with pytest.raises(NotAllowed):  # past the session, as if it had been checked a moment before
        await bank.service.act(act)
    assert (await bank.customer())["street"] == "Lindenweg 12"


async def test_what_nobody_approves_in_time_is_taken_back(bank: Bank) -> None:
    await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    await bank.time_passes(timedelta(days=3))

    agent = await bank.signed_in()
    answer = await bank.decides(agent, "approve", approval)

    assert answer.status_code == 409
    [request] = await bank.requests()
    assert request["status"] == "rejected"


async def test_who_takes_the_conversation_over_stops_the_change(bank: Bank) -> None:
    browser = await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)

    await bank.takes_over(ConversationId(approval["conversation"]))

    await browser.look()
    assert "A person takes over" in browser.text
    assert (await bank.decides(agent, "approve", approval)).status_code == 409
    [request] = await bank.requests()
    assert request["status"] == "rejected"
    assert (await agent.get("/v1/desk/approvals")).json()["items"] == []


async def test_the_approval_goes_on_while_the_contact_writes_about_other_things(
    bank: Bank,
) -> None:
    await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    answer = ThreadHints(conversation=ConversationId(approval["conversation"]))
    assert await bank.mails("thanks a lot", thread=answer) == approval["conversation"]

    await bank.decides(agent, "approve", approval)

    assert await bank.customer() == ADDRESS
    with pytest.raises(Conflict):
        await bank.service.act(
            Approve(
                tenant=BANK, conversation=ConversationId(approval["conversation"]),
                agent=bank.people["mia"].id, agent_name="Mia", change=approval["id"],
                commitment=approval["commitment"],
            )
        )  # fmt: skip


# Who is not a customer


def without_secrets(browser: Browser) -> str:
    """The page, without what is of this link alone."""
    text = browser.text
    for act in ("confirm", "decline", "enter", "send-code", "code"):
        if f'value="{act}"' in text:
            for value in browser.form(act).values():
                text = text.replace(f'value="{value}"', "")
    return text


async def test_a_stranger_sees_what_a_customer_sees_and_gets_nothing(bank: Bank) -> None:
    pages: dict[str, list[str]] = {}
    statuses: dict[str, list[int]] = {}
    conversations = {}
    for who in (BEN, NOBODY):
        conversations[who] = await bank.mails(by=who)
        browser = await bank.opens(await bank.link(who))
        pages[who] = [without_secrets(browser)]
        statuses[who] = []
        for act, fields in (
            ("confirm", {}),
            ("enter", ADDRESS),
            ("send-code", {}),
            *[("code", {"digits": "000000"})] * TRIES,
            ("code", {"digits": "000000"}),
        ):
            answer = await bank.submits(browser, act, **fields)  # type: ignore[arg-type]
            statuses[who].append(answer.status_code)
            pages[who].append(without_secrets(browser))

    assert pages[BEN] == pages[NOBODY]
    assert statuses[BEN] == statuses[NOBODY]
    assert len(await bank.texts()) == 1
    assert await bank.requests() == []
    kinds = await bank.kinds(conversations[NOBODY])
    assert "code_not_sent" in kinds
    assert "handed_off" in kinds  # a person sees to it; the page says nothing of it


async def test_one_address_of_two_customers_is_nobodys(bank: Bank) -> None:
    customers = bank.sandbox.world.bank.records.customers
    customers["C-1002"] = replace(customers["C-1002"], email=ANNA)
    await bank.asks_for_a_code()
    assert await bank.texts() == []


# Nothing leaks


async def test_events_and_logs_hold_no_code_no_link_and_no_address(
    bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    browser = await bank.proves()
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    await bank.decides(agent, "approve", approval)
    conversation = ConversationId(approval["conversation"])
    token, code = browser.path.rpartition("/")[2], await bank.code()

    events = json.dumps([event.data for event in await bank.events(conversation)])
    logged = capsys.readouterr()
    seen = await agent.get(f"/v1/desk/conversations/{conversation}/messages")

    for secret in (token, code, "Ahornweg", "Lindenweg", "491713920001"):
        assert secret not in events
        assert secret not in logged.out + logged.err
    assert token not in seen.text
    assert "<link:1>" in seen.text


# Limits


async def test_a_change_is_entered_so_often_and_no_more(bank: Bank) -> None:
    await bank.mails()
    browser = await bank.opens(await bank.link())
    await bank.submits(browser, "confirm")
    for number in range(MOST_EDITS):
        answer = await bank.submits(browser, "enter", **{**ADDRESS, "street": f"Weg {number}"})
        assert answer.status_code == 200
        await browser.look(edit="1")

    assert (await bank.submits(browser, "enter", **ADDRESS)).status_code == 409


async def test_a_change_has_so_many_codes_and_no_more(bank: Bank) -> None:
    browser = await bank.asks_for_a_code()
    for _ in range(MOST_CODES + 3):
        await bank.time_passes(timedelta(hours=2))
        assert (await bank.submits(browser, "send-code")).status_code == 200
    assert len(await bank.texts()) == MOST_CODES


async def test_what_is_no_form_of_ours_is_refused(bank: Bank) -> None:
    await bank.mails()
    browser = await bank.opens(await bank.link())
    form = browser.form("confirm")
    for body in (
        "&".join([f"form={form['form']}&act=confirm", *(f"a{n}=1" for n in range(MOST_FIELDS))]),
        b"\xff\xfe",
        "[]",
    ):
        answer = await browser.client.post(browser.path, content=body)
        assert answer.status_code == 403
    unknown = await browser.client.post(browser.path, data={**form, "act": "apply"})
    assert unknown.status_code == 404
