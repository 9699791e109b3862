"""A code by e-mail: a lower proof, for a few kinds of change, of somebody who is signed in."""

import re
from collections.abc import AsyncIterator
from contextlib import AbstractAsyncContextManager
from dataclasses import dataclass, field, replace
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from answerable.channels.email.delivery import MailDelivery
from answerable.contacts.one_time_codes import LASTS, TRIES, WRONG_IN_AN_HOUR
from answerable.flow.message import Delivered, OutboundReply
from answerable.kit.database import metadata
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable
from answerable.kit.ids import ConversationId
from tests.integration.changes.test_change_refused import other, without_secrets
from tests.support.bank import ANNA, BEN, Bank, Browser, open_bank

PAUSE = timedelta(seconds=31)  # before another code may be asked for
ANNAS, BENS, NOBODYS = "C-1001", "C-1002", "C-9999"
SAID = "No advertising please"
ALL_MAIL = "/mail/messages"
_CODE = re.compile(r"\b\d{6}\b")
_BY_MAIL = "{action: verify-code, by: email, inbox: support-mail, subject: code-subject, template: "
# The demo bank, with its two wishes that a code by e-mail is enough for.
INSTEAD = {
    "intents: [marketing-consent]\n    proof: anonymous": (
        "intents: [marketing-consent]\n    proof: signed-in\n    onMissingProof: sign-in-needed"
    ),
    "intents: [account-statement]\n    proof: anonymous": (
        "intents: [account-statement]\n    proof: signed-in\n    onMissingProof: sign-in-needed"
    ),
    "{action: verify-code, texts: sms, template: marketing-consent-code}": (
        f"{_BY_MAIL}marketing-consent-code}}"
    ),
    "{action: verify-code, texts: sms, template: statement-code}": f"{_BY_MAIL}statement-code}}",
    "\n  marketing-consent-code:\n": (
        "\n  code-subject: {en: 'Your code for {{ brand }}', de: 'Ihr Code für {{ brand }}'}"
        "\n  marketing-consent-code:\n"
    ),
}


@dataclass
class Post:
    """The way out for mail. trouble: raised instead of the next codes being sent."""

    delivery: MailDelivery
    trouble: list[Exception] = field(default_factory=list)
    codes: list[OutboundReply] = field(default_factory=list)

    async def deliver(self, reply: OutboundReply) -> Delivered:
        if reply.apart:
            self.codes.append(reply)
            if self.trouble:
                raise self.trouble.pop(0)
        return await self.delivery.deliver(reply)


def a_bank(tmp_path: Path, **more: Any) -> AbstractAsyncContextManager[Bank]:
    return open_bank(tmp_path / "bank.db", instead=INSTEAD, **more)


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    """As in all stories here."""
    async with a_bank(tmp_path) as bank:
        yield bank


async def at_the_code(
    bank: Bank, by: str = ANNAS, said: str = SAID, **typed: str
) -> tuple[ConversationId, Browser]:
    """From the chat to the page that waits for the digits."""
    conversation = await bank.says(said, by=by)
    browser = await bank.opens(await bank.link_in_chat(conversation))
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", **(typed or {"marketing": "yes"}))
    await bank.submits(browser, "send-code")
    return conversation, browser


async def codes(bank: Bank, to: str = ANNA) -> list[str]:
    """The digits that came by mail, oldest first."""
    found = [_CODE.search(mail["text"]) for mail in await bank.inbox_of(to)]
    return [one[0] for one in found if one is not None]


async def types(bank: Bank, browser: Browser, digits: str) -> int:
    return (await bank.submits(browser, "code", digits=digits)).status_code


async def nothing_is_proven(bank: Bank) -> None:
    assert await bank.requests() == []
    assert (await bank.record())["marketing"] == "no"


async def why_not_sent(bank: Bank, conversation: ConversationId) -> list[str]:
    events = await bank.events(conversation)
    return [one.data["why"] for one in events if one.kind == "code_not_sent"]


async def test_from_the_chat_to_a_new_consent_with_a_code_by_mail(bank: Bank) -> None:
    conversation, browser = await at_the_code(bank)
    assert "a mail with a code is on its way there" in browser.text
    assert await bank.texts() == []
    [mail] = await bank.inbox_of(ANNA)
    [digits] = await codes(bank)
    assert mail["subject"] == "Your code for Northwind Bank"
    assert f"{digits} confirms that you want offers" in mail["text"]

    await types(bank, browser, digits)

    assert "Thank you" in browser.text
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    assert approval["proof"]["method"] == (
        "one-time code by e-mail to the address on record, in a chat of somebody who is signed in"
    )
    assert approval["proof"]["to_last2"] is None
    titles = [line["title"] for line in approval["history"]]
    assert "The change is to be proven with a code by e-mail." in titles
    assert "A code was sent to the mail address on record." in titles
    await bank.decides(agent, "approve", approval)
    assert (await bank.record())["marketing"] == "yes"
    [accepted] = [one for one in await bank.events(conversation) if one.kind == "code_accepted"]
    assert (accepted.data["by"], accepted.data["commitment"]) == ("email", approval["commitment"])


async def test_a_statement_is_ordered_with_a_code_by_mail(bank: Bank) -> None:
    days = {"first_day": "2026-01-01", "last_day": "2026-03-31"}
    _, browser = await at_the_code(bank, said="a statement", **days)

    await types(bank, browser, (await codes(bank))[-1])

    assert [one["changes"] for one in await bank.requests()] == [days]


async def test_the_mail_is_nobodys_answer_and_belongs_to_no_thread(bank: Bank) -> None:
    await at_the_code(bank)

    [mail] = await bank.inbox_of(ANNA)

    assert mail["headers"]["Auto-Submitted"] == "auto-generated"
    assert mail["sender"] == "<>"  # the null sender: no failure comes back
    assert mail["headers"]["Reply-To"] == "support@northwind.example"
    assert not {"In-Reply-To", "References"} & mail["headers"].keys()


async def test_it_is_written_in_the_language_of_the_conversation(bank: Bank) -> None:
    _, browser = await at_the_code(bank, said="Das ist advertising, bitte nicht")

    [mail] = await bank.inbox_of(ANNA)

    assert mail["subject"].startswith("Ihr Code für ")
    assert "bestätigt, dass Sie Angebote von uns wünschen" in mail["text"]
    assert "eine E-Mail mit einem Code dorthin unterwegs" in browser.text


# Nobody but its receiver reads the code


async def test_the_code_is_in_the_mail_and_nowhere_else(
    bank: Bank, capsys: pytest.CaptureFixture[str]
) -> None:
    conversation, browser = await at_the_code(bank)
    [digits] = await codes(bank)

    agent = await bank.signed_in()
    seen = [
        await bank.chat(conversation),
        (await agent.get(f"/v1/desk/conversations/{conversation}")).text,
        (await agent.get(f"/v1/desk/conversations/{conversation}/messages")).text,
        browser.text,
    ]
    logged = capsys.readouterr()
    kept = await bank.service.database.read(_everything)

    whole = re.compile(rf"(?<!\d){digits}(?!\d)")
    for text in (*seen, logged.out, logged.err, *kept):
        assert not whole.search(text)
    assert ANNA not in logged.out + logged.err
    assert not any(ANNA in text for text in kept)


def _everything(tx: sa.Connection) -> list[str]:
    """Each row of each table, as text; but for the agents, of whom one is a customer herself."""
    tables = [table for table in metadata.sorted_tables if table.name != "agent"]
    return [str(tuple(row)) for table in tables for row in tx.execute(sa.select(table))]


async def test_the_address_is_not_kept_once_the_mail_has_left(bank: Bank) -> None:
    conversation, _ = await at_the_code(bank)
    events = await bank.events(conversation)
    [addressed] = [one for one in events if one.kind == "code_addressed"]

    kept = await bank.service.database.read(
        lambda tx: bank.service.vault.get_many(
            tx, tenant=addressed.tenant, ids=[addressed.data["address"]]
        )
    )

    assert not any(isinstance(value, dict) for value in kept.values())
    assert addressed.data["fields"] == ["email"]  # that it was read stands in the ledger


# Where it goes


async def test_it_goes_to_the_address_of_the_back_office_whatever_else_is_said(bank: Bank) -> None:
    eve = "eve@evil.example"
    conversation = await bank.says(f"No advertising please, and write to {eve} from now on")
    browser = await bank.opens(await bank.link_in_chat(conversation))
    for act, typed in (("confirm", {}), ("enter", {"marketing": "yes"}), ("send-code", {})):
        await bank.submits(browser, act, **typed, email=eve, to=eve, address=eve)

    assert [mail["recipients"] for mail in await bank.inbox_of(ANNA)] == [[ANNA]]
    assert await bank.inbox_of(eve) == []


async def test_an_address_that_is_on_record_since_the_code_was_asked_for_gets_the_next_one(
    bank: Bank,
) -> None:
    _, browser = await at_the_code(bank)
    customers = bank.sandbox.world.bank.records.customers
    customers[ANNAS] = replace(customers[ANNAS], email="anna@new.example")
    await bank.time_passes(PAUSE)
    await bank.submits(browser, "send-code")

    assert len(await codes(bank)) == len(await codes(bank, "anna@new.example")) == 1


@pytest.mark.parametrize("address", ["", "none", "anna@", "a@b.example\r\nBcc: eve@evil.example"])
async def test_without_an_address_that_can_be_written_to_a_person_helps(
    bank: Bank, address: str
) -> None:
    customers = bank.sandbox.world.bank.records.customers
    customers[ANNAS] = replace(customers[ANNAS], email=address)

    conversation, browser = await at_the_code(bank)

    assert "a mail with a code is on its way there" in browser.text
    assert await why_not_sent(bank, conversation) == ["no_mailbox"]
    assert "handed_off" in await bank.kinds(conversation)
    assert (await bank.outside.get(ALL_MAIL)).json()["items"] == []


async def test_who_comes_by_mail_is_asked_to_sign_in_and_gets_neither_link_nor_code(
    bank: Bank,
) -> None:
    """Whoever reads that mailbox would have both."""
    conversation = await bank.mails(SAID)

    [mail] = await bank.inbox_of(ANNA)
    assert "/c/" not in mail["text"]
    assert "sign in" in mail["text"].lower()
    assert "link_issued" not in await bank.kinds(conversation)


# Wrong digits


async def test_wrong_tries_count_across_codes_conversations_and_ways(bank: Bank) -> None:
    _, first = await at_the_code(bank)
    for _ in range(2):
        assert await types(bank, first, other((await codes(bank))[-1])) == 422
        assert "look at the latest mail again" in first.text
    await bank.time_passes(PAUSE)
    await bank.submits(first, "send-code")
    for _ in range(TRIES):
        await types(bank, first, other((await codes(bank))[-1]))
    assert await types(bank, first, (await codes(bank))[-1]) == 422
    assert "wrong too often" in first.text

    by_text_message = await bank.asks_for_a_code()
    for _ in range(WRONG_IN_AN_HOUR - TRIES - 2):
        assert "A person takes over" not in by_text_message.text
        await types(bank, by_text_message, other(await bank.code()))

    assert "A person takes over" in by_text_message.text
    await nothing_is_proven(bank)


async def test_who_is_locked_out_is_helped_by_a_person_and_mailed_nothing_more(bank: Bank) -> None:
    conversation, browser = await at_the_code(bank)
    for number in range(WRONG_IN_AN_HOUR):
        if number == TRIES:
            await bank.time_passes(PAUSE)
            await bank.submits(browser, "send-code")
        await types(bank, browser, other((await codes(bank))[-1]))
    assert "A person takes over" in browser.text
    assert "handed_off" in await bank.kinds(conversation)
    mailed = len(await codes(bank))

    # The human path is open: what they write waits for a person, who has all of it.
    assert await bank.says("No advertising please, and help me") == conversation
    by_text_message = await bank.asks_for_a_code()

    await by_text_message.look()
    assert "A person takes over" in by_text_message.text
    assert await bank.texts() == []
    assert len(await codes(bank)) == mailed
    await nothing_is_proven(bank)


async def test_wrong_tries_of_text_messages_and_apps_lock_codes_by_mail_too(bank: Bank) -> None:
    for _ in range(WRONG_IN_AN_HOUR // TRIES):
        first = await bank.asks_for_a_code()
        for _ in range(TRIES):
            await types(bank, first, other(await bank.code()))

    conversation, _ = await at_the_code(bank)

    assert await codes(bank) == []
    assert await why_not_sent(bank, conversation) == ["locked"]


# Another change, another time


async def test_a_code_by_mail_is_for_the_change_that_it_names(bank: Bank) -> None:
    _, first = await at_the_code(bank)
    [digits] = await codes(bank)
    page = first.form("code")
    await first.look(edit="1")
    await bank.submits(first, "enter", marketing="no")
    stale = await first.client.post(first.path, data={**page, "digits": digits})
    assert stale.status_code == 409
    _, second = await at_the_code(bank, said="a statement", first_day="2026-01-01",
                                  last_day="2026-03-31")  # fmt: skip

    assert await types(bank, second, digits) == 422

    await nothing_is_proven(bank)
    await types(bank, second, (await codes(bank))[-1])
    assert [one["kind"] for one in await bank.requests()] == ["statement"]


async def test_a_code_by_mail_does_not_prove_what_needs_a_text_message(bank: Bank) -> None:
    _, mailed = await at_the_code(bank)
    by_text_message = await bank.asks_for_a_code()

    assert await types(bank, by_text_message, (await codes(bank))[0]) == 422
    assert await types(bank, mailed, await bank.code()) == 422

    await nothing_is_proven(bank)


async def test_a_code_by_mail_is_taken_once_and_within_ten_minutes(bank: Bank) -> None:
    _, browser = await at_the_code(bank)
    [digits] = await codes(bank)
    await bank.time_passes(LASTS)
    assert await types(bank, browser, digits) == 422
    assert "expired" in browser.text
    await bank.submits(browser, "send-code")
    form = browser.form("code")
    digits = (await codes(bank))[-1]

    assert await types(bank, browser, digits) == 200
    again = await browser.client.post(browser.path, data={**form, "digits": digits})

    assert again.status_code == 409
    assert len(await bank.requests()) == 1


# Who is not a customer


async def test_a_stranger_sees_what_a_customer_sees_and_the_bank_is_asked_alike_by_mail_too(
    bank: Bank,
) -> None:
    pages, statuses, asked = {}, {}, {}
    for who in (BENS, NOBODYS):
        journal = bank.sandbox.world.journal
        conversation, browser = await at_the_code(bank, by=who)
        before = len(journal.entries(system="core", kind="read"))
        pages[who], statuses[who] = [without_secrets(browser)], []
        await bank.time_passes(PAUSE)
        await bank.submits(browser, "send-code")
        for number in range(WRONG_IN_AN_HOUR):
            if number == TRIES:
                await bank.time_passes(PAUSE)
                await bank.submits(browser, "send-code")
            statuses[who].append(await types(bank, browser, "000000"))
            pages[who].append(without_secrets(browser))
        asked[who] = len(journal.entries(system="core", kind="read")) - before
        assert "handed_off" in await bank.kinds(conversation)

    assert pages[BENS] == pages[NOBODYS]
    assert statuses[BENS] == statuses[NOBODYS]
    assert "A person takes over" in pages[NOBODYS][-1]
    assert asked[BENS] == asked[NOBODYS] == 2
    assert len(await codes(bank, BEN)) == 3
    assert len((await bank.outside.get(ALL_MAIL)).json()["items"]) == 3


# Limits


async def test_an_address_is_not_mailed_codes_without_end(bank: Bank) -> None:
    conversation, browser = await at_the_code(bank)
    for _ in range(7):
        await bank.time_passes(PAUSE)
        page = await bank.submits(browser, "send-code")
        assert (page.status_code, "on its way there" in page.text) == (200, True)

    assert len(await codes(bank)) == 5
    assert set(await why_not_sent(bank, conversation)) == {"cap_of_address"}
    metrics = await bank.signed_in()
    assert "answerable_code_mails_capped_total" in (await metrics.get("/metrics")).text


async def test_the_definition_says_how_many_mails_with_codes_may_leave(tmp_path: Path) -> None:
    limits = "limits: {codeMails: {perAddress: [1 per 1h], perTenant: [2 per 1h]}}\n"
    async with a_bank(tmp_path, also=limits) as bank:
        _, browser = await at_the_code(bank)
        await bank.asks_for_a_code()  # a text message, which is counted by itself
        await bank.time_passes(PAUSE)
        await bank.submits(browser, "send-code")
        await at_the_code(bank, by=BENS)
        conversation, _ = await at_the_code(bank, by="C-1003")

        assert len(await codes(bank)) == len(await codes(bank, BEN)) == 1
        assert await why_not_sent(bank, conversation) == ["cap_of_tenant"]
        assert len(await bank.texts()) == 1


async def test_a_code_is_no_automatic_reply_that_loops_are_braked_by(bank: Bank) -> None:
    for _ in range(6):  # more than one address is answered automatically in a day
        await bank.mails()
    replies = len(await bank.inbox_of(ANNA))
    await bank.mails()
    assert len(await bank.inbox_of(ANNA)) == replies

    _, browser = await at_the_code(bank)

    await types(bank, browser, (await codes(bank))[-1])
    assert "Thank you" in browser.text


# The mail server is in trouble


@pytest.mark.parametrize(
    ("trouble", "why"),
    [
        (ConnectorUnavailable("smtp", "away"), "unavailable"),
        (ConnectorRefused("smtp", "no such mailbox"), "refused"),
    ],
)
async def test_a_code_that_could_not_be_mailed_is_work_for_a_person_and_another_may_come(
    tmp_path: Path, trouble: Exception, why: str
) -> None:
    posts: list[Post] = []

    def stand(delivery: MailDelivery) -> Post:
        posts.append(Post(delivery, trouble=[trouble]))
        return posts[0]

    async with a_bank(tmp_path, post=stand) as bank:
        conversation, browser = await at_the_code(bank)
        assert "a mail with a code is on its way there" in browser.text
        assert await why_not_sent(bank, conversation) == [why]
        assert "handed_off" in await bank.kinds(conversation)
        lost = _CODE.findall(posts[0].codes[0].text)[0]

        await bank.time_passes(PAUSE)
        await bank.submits(browser, "send-code")

        assert await types(bank, browser, lost) == 422
        assert await types(bank, browser, (await codes(bank))[-1]) == 200
        assert len(posts[0].codes) == 2
