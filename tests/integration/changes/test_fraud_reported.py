"""Fraud is reported: a person has it at once, and the contact may have a card blocked meanwhile."""

from datetime import datetime, timedelta
from pathlib import Path
from typing import Any

import pytest

from answerable.definition.terms import Proof
from answerable.desk.owner import Owner
from answerable.flow.counting import count_waiting
from answerable.flow.state import ConversationState
from answerable.kit.ids import ConversationId
from answerable.kit.telemetry import FIRST_RESPONSES_LATE
from answerable.ledger.reading import read_state
from answerable.playbooks.library import built_in_actions
from answerable.processes.replaying import replay
from answerable.processes.stored import opened, read_definitions
from tests.support.bank import ANNA, BANK, NOBODY, Bank, Browser, open_bank

REPORT = "There was fraud on my account"
CARD = "7316"  # of C-1001, who is Anna
OFFERED = "    enabled: true\n    withHandOff: true\n"
NOT_OFFERED = "    enabled: false\n"
FRAUD_DESK = Owner(kind="queue", id="fraud")


async def owner(bank: Bank, conversation: ConversationId) -> Owner:
    row = await bank.service.database.read(lambda tx: read_state(tx, conversation))
    assert row is not None
    return ConversationState.from_data(row.state).owner


async def late(bank: Bank) -> dict[tuple[str, str], float]:
    """As the metric says, by team and priority."""
    await count_waiting(bank.service.database, [BANK], bank.clock.now())
    return {
        (sample.labels["team"], sample.labels["priority"]): sample.value
        for sample in next(iter(FIRST_RESPONSES_LATE.collect())).samples
    }


async def cards(bank: Bank, customer: str = "C-1001") -> dict[str, str]:
    """Of a customer, by their last digits: how they stand at the bank."""
    items = (await bank.outside.get(f"/core/customers/{customer}/cards")).json()["items"]
    return {card["last4"]: card["status"] for card in items}


async def mails(bank: Bank, to: str) -> list[dict[str, Any]]:
    found = await bank.outside.get("/mail/messages", params={"to": to})
    items: list[dict[str, Any]] = found.json()["items"]
    return items


async def proves(bank: Bank, path: str, card: str = CARD) -> Browser:
    """From the link to a block that waits for an approval."""
    browser = await bank.opens(path)
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", card=card)
    await bank.submits(browser, "send-code")
    await bank.submits(browser, "code", digits=await bank.code())
    return browser


async def test_by_mail_a_person_has_it_and_the_reply_holds_the_way_to_block_a_card(
    bank: Bank,
) -> None:
    conversation = await bank.mails(REPORT)

    kinds = await bank.kinds(conversation)
    assert kinds.index("handed_off") < kinds.index("playbook_started")
    [reply] = await mails(bank, ANNA)
    assert "passed this on to our fraud desk" in reply["text"]
    assert await owner(bank, conversation) == FRAUD_DESK
    browser = await proves(bank, await bank.link())
    assert "Thank you" in browser.text
    assert (await cards(bank))[CARD] != "blocked"  # until a person has approved it
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    assert approval["kind"] == "card-block"

    await bank.decides(agent, "approve", approval)

    assert (await cards(bank))[CARD] == "blocked"
    assert "The card is blocked now" in (await mails(bank, ANNA))[-1]["text"]
    assert await owner(bank, conversation) == FRAUD_DESK


async def test_in_the_chat_the_person_who_has_it_keeps_it_while_the_card_is_blocked(
    bank: Bank,
) -> None:
    conversation = await bank.says(REPORT)
    assert "passed this on to our fraud desk" in await bank.chat(conversation)
    path = await bank.link_in_chat(conversation)

    await bank.takes_over(conversation)
    await proves(bank, path)
    assert (await owner(bank, conversation)).kind == "agent"
    said = await bank.chat(conversation)
    agent = await bank.signed_in()
    await bank.decides(agent, "approve", await bank.approval(agent))

    assert (await cards(bank))[CARD] == "blocked"
    assert (await owner(bank, conversation)).kind == "agent"
    assert await bank.chat(conversation) == said  # what is said is the person's to say
    timeline = [event.data.get("why") for event in await bank.events(conversation)]
    assert "a person has the conversation" in timeline


async def test_the_card_is_left_alone_unless_the_contact_types_the_code(bank: Bank) -> None:
    conversation = await bank.says(REPORT)
    browser = await bank.opens(await bank.link_in_chat(conversation))
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", card=CARD)
    await bank.submits(browser, "send-code")

    await bank.time_passes(timedelta(hours=25))

    assert (await cards(bank))[CARD] != "blocked"
    assert await bank.requests() == []
    assert await owner(bank, conversation) == FRAUD_DESK
    agent = await bank.signed_in()
    shown = (await agent.get(f"/v1/desk/conversations/{conversation}")).json()
    assert shown["status"] == "open"


@pytest.mark.parametrize("how", ["refused", "of somebody else", "nobody decides"])
async def test_however_the_block_ends_the_case_stays_where_it_is(bank: Bank, how: str) -> None:
    conversation = await bank.says(REPORT)
    await bank.takes_over(conversation)
    path = await bank.link_in_chat(conversation)
    await proves(bank, path, card="0001" if how == "of somebody else" else CARD)
    agent = await bank.signed_in()
    if how == "refused":
        await bank.decides(agent, "refuse", await bank.approval(agent), reason="not theirs")
    elif how == "nobody decides":
        await bank.time_passes(timedelta(days=1, seconds=1))

    assert (await owner(bank, conversation)).kind == "agent"
    kinds = await bank.kinds(conversation)
    assert kinds.count("handed_off") == 1
    assert "playbook_ended" in kinds
    assert (await cards(bank))[CARD] != "blocked"
    assert ("approval_expired" in kinds) is (how == "nobody decides")


async def test_who_closes_the_case_ends_the_offer(bank: Bank) -> None:
    conversation = await bank.says(REPORT)
    path = await bank.link_in_chat(conversation)
    await bank.takes_over(conversation)
    agent = await bank.signed_in()

    closed = await agent.post(f"/v1/desk/conversations/{conversation}/close", json={})
    await bank.service.settle()

    assert closed.status_code < 300
    assert (await bank.opens(path)).page.status_code == 404


async def test_who_is_not_signed_in_is_told_that_people_have_it_and_gets_no_link(
    bank: Bank,
) -> None:
    conversation = await bank.says(REPORT, by="v-1", proof=Proof.ANONYMOUS)

    said = await bank.chat(conversation)
    assert "passing this on to a colleague" in said
    assert "/c/" not in said
    assert await owner(bank, conversation) == FRAUD_DESK


async def test_a_stranger_by_mail_sees_what_a_customer_sees(bank: Bank) -> None:
    await bank.mails(REPORT, by=NOBODY)
    browser = await bank.opens(await bank.link(NOBODY))
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", card=CARD)
    await bank.submits(browser, "send-code")

    assert await bank.texts() == []
    assert await bank.requests() == []


@pytest.mark.parametrize("channel", ["mail", "chat"])
async def test_where_the_definition_does_not_offer_it_people_have_it_and_no_link_is_sent(
    tmp_path: Path, channel: str
) -> None:
    async with open_bank(tmp_path / "bank.db", instead={OFFERED: NOT_OFFERED}) as bank:
        conversation = await (bank.mails(REPORT) if channel == "mail" else bank.says(REPORT))

        kinds = await bank.kinds(conversation)
        assert "handed_off" in kinds
        assert "playbook_started" not in kinds
        assert "link_issued" not in kinds
        assert kinds.count("reply_written") == 1
        assert await owner(bank, conversation) == FRAUD_DESK


async def test_a_change_that_is_on_its_way_is_not_pushed_aside_by_the_offer(bank: Bank) -> None:
    conversation = await bank.says("I moved, please update my address")
    browser = await bank.opens(await bank.link_in_chat(conversation))
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", street="Ahornweg 12", postal_code="20095",
                       city="Hamburg", country="DE")  # fmt: skip
    await bank.submits(browser, "send-code")
    await bank.submits(browser, "code", digits=await bank.code())

    await bank.says(REPORT)

    assert await owner(bank, conversation) == FRAUD_DESK
    assert "passing this on to a colleague" in await bank.chat(conversation)
    agent = await bank.signed_in()
    assert (await bank.approval(agent))["kind"] == "address"


async def test_where_no_pages_are_served_the_contact_still_hears_that_people_have_it(
    tmp_path: Path,
) -> None:
    async with open_bank(tmp_path / "bank.db", public_url=None) as bank:
        conversation = await bank.says(REPORT)

        assert "passing this on to a colleague" in await bank.chat(conversation)
        assert await owner(bank, conversation) == FRAUD_DESK
        assert (await bank.kinds(conversation)).count("reply_written") == 1


async def test_every_decision_on_the_way_is_replayed_alike(tmp_path: Path) -> None:
    path, actions = tmp_path / "bank.db", built_in_actions()
    async with open_bank(path, postgres=False) as bank:
        conversation = await bank.mails(REPORT)
        await bank.takes_over(conversation)
        await proves(bank, await bank.link())
        agent = await bank.signed_in()
        await bank.decides(agent, "approve", await bank.approval(agent))
        definition = bank.service.definitions.active(BANK)

    with opened(path) as engine:
        with engine.begin() as tx:
            definitions = read_definitions(tx, definition, actions)
        assert replay(engine, BANK, definitions, actions).told == []


# Who is told, and by when


async def test_the_security_teams_are_written_to_at_once_and_the_mail_says_nothing_of_the_contact(
    bank: Bank,
) -> None:
    conversation = await bank.mails(f"{REPORT}, my IBAN is DE89 3704 0044 0532 0130 00")

    for team in ("fraud-desk@northwind.example", "compliance@northwind.example"):
        [mail] = await mails(bank, team)
        assert mail["subject"].startswith("Fraud:")
        assert conversation in mail["text"]
        for told in ("DE89", "3704", ANNA, "Schmidt", REPORT):
            assert told not in str(mail)
    [alerted] = [one for one in await bank.events(conversation) if one.kind == "alerted"]
    assert alerted.data["teams"] == ["fraud", "compliance"]


async def test_a_person_is_to_answer_within_a_minute(bank: Bank) -> None:
    conversation = await bank.mails(REPORT)

    [received, handed] = [
        one for one in await bank.events(conversation)
        if one.kind in ("message_received", "handed_off")
    ]  # fmt: skip
    due = datetime.fromisoformat(handed.data["first_response_due"])
    assert handed.at == received.at  # handed over with the message: nothing was waited for
    assert due - received.at == timedelta(minutes=1)


async def test_a_report_that_nobody_has_answered_for_a_minute_is_counted_until_somebody_does(
    bank: Bank,
) -> None:
    conversation = await bank.mails(REPORT)
    await bank.takes_over(conversation)  # to have it is not yet to have answered
    assert await late(bank) == {}

    await bank.time_passes(timedelta(seconds=61))

    assert await late(bank) == {("fraud", "urgent"): 1.0}
    agent = await bank.signed_in()
    seen = (await bank.events(conversation))[-1].seq
    answer = await agent.post(
        f"/v1/desk/conversations/{conversation}/replies",
        json={"text": "I am looking at it.", "version": seen},
    )
    assert answer.status_code < 300, answer.text
    await bank.time_passes(timedelta(seconds=10))
    assert await late(bank) == {}
