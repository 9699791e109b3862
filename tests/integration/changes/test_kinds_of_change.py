"""What contacts change by themselves besides their address, and by which ways they come to it."""

from datetime import timedelta

import pytest

from answerable.definition.terms import Proof
from tests.support.bank import ADDRESS, ANNA, Bank, Browser
from tests.support.files import pdf

OLD_PHONE = "+491713920001"
NEW_PHONE = "+493023125042"


async def fills_in(bank: Bank, browser: Browser, **fields: str) -> None:
    """From the page that asks whether this is wanted to a change that is proven."""
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", **fields)
    await bank.submits(browser, "send-code")
    await bank.submits(browser, "code", digits=await bank.code())
    assert "Thank you" in browser.text, browser.text


@pytest.mark.parametrize(
    ("said", "heading", "typed", "shown", "field", "value"),
    [
        ("I married", "Change your name", {"name": "Anna  Keller-O\u2019Neill"},
         "Anna Keller-O\u2019Neill", "name", "Anna Keller-O\u2019Neill"),
        ("No advertising please", "Offers by e-mail and telephone", {"marketing": "yes"},
         "Yes, you may tell me about offers", "marketing", "yes"),
    ],
    ids=["name", "marketing-consent"],
)  # fmt: skip
async def test_from_a_mail_to_what_is_new_in_the_banks_system(
    bank: Bank, said: str, heading: str, typed: dict[str, str], shown: str, field: str, value: str
) -> None:
    await bank.mails(said)
    browser = await bank.opens(await bank.link())
    assert heading in browser.text
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", **typed, document=("scan.pdf", pdf()))
    assert shown in browser.text
    await bank.submits(browser, "send-code")
    await bank.submits(browser, "code", digits=await bank.code())
    before = (await bank.record())[field]
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    assert approval["changes"] == [{"field": field, "before": before, "after": value}]

    await bank.decides(agent, "approve", approval)

    assert (await bank.record())[field] == value
    mails = (await bank.outside.get("/mail/messages", params={"to": ANNA})).json()["items"]
    assert "has been done" in mails[-1]["text"]


@pytest.mark.parametrize(
    ("said", "typed", "told"),
    [
        ("a new number", {"phone": "0171 3920001"}, "with the code of the country"),
        ("a new number", {"phone": "+49 12"}, "with the code of the country"),
        ("a new number", {"phone": ""}, "fill this in"),
        ("my mailbox", {"email": "anna"}, "such as name@example.com"),
        ("my mailbox", {"email": "anna@localhost"}, "such as name@example.com"),
        ("my mailbox", {"email": "a" * 300 + "@example.com"}, "too long"),
        ("I married", {"name": "<b>Anna</b>"}, "with letters"),
        ("I married", {"name": "x"}, "with letters"),
        ("no advertising", {}, "fill this in"),
        ("no advertising", {"marketing": "perhaps"}, "check this"),
    ],
)
async def test_what_cannot_be_taken_is_named_at_its_field(
    bank: Bank, said: str, typed: dict[str, str], told: str
) -> None:
    await bank.mails(said)
    browser = await bank.opens(await bank.link())
    await bank.submits(browser, "confirm")

    answer = await bank.submits(browser, "enter", **typed)

    assert answer.status_code == 422
    assert told in answer.text
    assert "aria-invalid" in answer.text
    assert "<b>Anna" not in answer.text


async def test_a_telephone_number_is_told_waited_for_and_approved_by_two(bank: Bank) -> None:
    conversation = await bank.mails("I have a new number")
    browser = await bank.opens(await bank.link())
    await fills_in(bank, browser, phone="0049 30 23125042")
    texts = await bank.texts(OLD_PHONE)
    assert f"is to become {NEW_PHONE}. If you did not ask" in texts[-1]
    assert await bank.texts(NEW_PHONE) == []
    sam, mia = await bank.signed_in("sam"), await bank.signed_in("mia")
    assert (await sam.get("/v1/desk/approvals")).json()["items"] == []

    await bank.time_passes(timedelta(hours=24, seconds=1))
    # A day later they sign in anew: sessions of agents do not last that long.
    sam, mia = await bank.signed_in("sam"), await bank.signed_in("mia")
    approval = await bank.approval(sam)
    assert (approval["approvers"], approval["consents"], approval["consented"]) == (2, 0, False)
    await bank.decides(sam, "approve", approval)
    again = await bank.decides(sam, "approve", approval)

    assert (again.status_code, again.json()["code"]) == (409, "consented")
    assert (await bank.record())["phone"] == OLD_PHONE
    assert (await bank.approval(sam))["consented"]
    seen = await bank.approval(mia)
    assert (seen["consents"], seen["consented"], seen["outcome"]) == (1, False, None)

    await bank.decides(mia, "approve", seen)

    assert (await bank.record())["phone"] == NEW_PHONE
    assert (await bank.kinds(conversation)).count("change_applied") == 1


@pytest.mark.parametrize("who", ["mia", "sam"])
async def test_of_two_who_must_consent_either_may_refuse(bank: Bank, who: str) -> None:
    """And who has consented may think again."""
    await bank.mails("I have a new number")
    await fills_in(bank, await bank.opens(await bank.link()), phone=NEW_PHONE)
    await bank.time_passes(timedelta(hours=24, seconds=1))
    sam, other = await bank.signed_in("sam"), await bank.signed_in(who)
    await bank.decides(sam, "approve", await bank.approval(sam))

    approval = await bank.approval(other)
    await bank.decides(other, "refuse", approval, reason="She knows nothing of it.")

    assert (await bank.record())["phone"] == OLD_PHONE
    [request] = await bank.requests()
    assert request["status"] == "rejected"


async def test_whoever_objects_to_a_new_number_within_the_day_stops_it(bank: Bank) -> None:
    conversation = await bank.mails("I have a new number")
    await fills_in(bank, await bank.opens(await bank.link()), phone=NEW_PHONE)

    await bank.takes_over(conversation)  # the agent whom the owner of the old number called
    await bank.time_passes(timedelta(hours=25))

    assert (await (await bank.signed_in()).get("/v1/desk/approvals")).json()["items"] == []
    [request] = await bank.requests()
    assert request["status"] == "rejected"
    assert (await bank.record())["phone"] == OLD_PHONE


async def test_a_number_that_cannot_be_told_is_not_changed(bank: Bank) -> None:
    conversation = await bank.mails("I have a new number")
    browser = await bank.opens(await bank.link())
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "enter", phone=NEW_PHONE)
    for _ in range(4):  # with the code that is used, as many texts as one number gets in an hour
        await bank.submits(browser, "send-code")
        await bank.time_passes(timedelta(seconds=31))
    await bank.submits(browser, "send-code")

    await bank.submits(browser, "code", digits=await bank.code())

    events = await bank.events(conversation)
    [notice] = [one for one in events if one.kind == "notice_not_sent"]
    assert notice.data["why"] == "cap_of_number"
    assert [one.data["team"] for one in events if one.kind == "handed_off"] == ["service"]
    [request] = await bank.requests()
    assert request["status"] == "rejected"


async def test_who_is_signed_in_goes_the_same_way_from_the_chat(bank: Bank) -> None:
    conversation = await bank.says("I moved")
    assert "answerable" not in (await bank.chat(conversation)).lower()
    browser = await bank.opens(await bank.link_in_chat(conversation))
    await fills_in(bank, browser, **ADDRESS)
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    assert approval["channel"] == "chat"

    await bank.decides(agent, "approve", approval)

    assert await bank.customer() == ADDRESS
    assert "new address is now on record" in await bank.chat(conversation)


async def test_an_agent_does_not_see_the_link_in_a_chat(bank: Bank) -> None:
    conversation = await bank.says("I moved")
    path = await bank.link_in_chat(conversation)
    agent = await bank.signed_in()

    seen = await agent.get(f"/v1/desk/conversations/{conversation}")

    assert "&lt;link:1&gt;" in seen.text or "<link:1>" in seen.text
    assert path not in seen.text


async def test_who_is_not_signed_in_gets_no_link_in_the_chat(bank: Bank) -> None:
    conversation = await bank.says("I moved", by="visitor-1", proof=Proof.ANONYMOUS)

    assert "/c/" not in await bank.chat(conversation)
    assert "Please sign in" in await bank.chat(conversation)
    assert "handed_off" in await bank.kinds(conversation)


@pytest.mark.parametrize(
    ("said", "typed", "changes"),
    [
        ("another limit", {"card": "999900******7316", "limit": "1.500"},
         [("card", "7316", "7316"), ("limit", "2000.00", "1500.00")]),
        ("a replacement", {"card": "7316", "reason": "worn"},
         [("card", "7316", "7316"), ("reason", None, "worn")]),
        ("booked twice", {"merchant": "Bakery Korn", "amount": "12,50", "booked_on": "24.11.2026",
                          "problem": "twice"},
         [("merchant", None, "Bakery Korn"), ("amount", None, "12.50"),
          ("booked_on", None, "2026-11-24"), ("problem", None, "twice")]),
        ("a statement", {"first_day": "2026-01-01", "last_day": "2026-03-31"},
         [("first_day", None, "2026-01-01"), ("last_day", None, "2026-03-31")]),
    ],
    ids=["card-limit", "card-replacement", "dispute", "statement"],
)  # fmt: skip
async def test_wishes_go_the_same_way(
    bank: Bank, said: str, typed: dict[str, str], changes: list[tuple[str, str | None, str]]
) -> None:
    conversation = await bank.says(said)
    browser = await bank.opens(await bank.link_in_chat(conversation))
    await fills_in(bank, browser, **typed)
    agent = await bank.signed_in()
    approval = await bank.approval(agent)
    assert [tuple(one.values()) for one in approval["changes"]] == changes

    await bank.decides(agent, "approve", approval)

    [request] = await bank.requests()
    assert (request["status"], request["changes"]) == (
        "approved", {name: after for name, _, after in changes},
    )  # fmt: skip
    assert "change_applied" in await bank.kinds(conversation)


async def test_a_replaced_card_is_blocked_and_another_is_on_its_way(bank: Bank) -> None:
    conversation = await bank.says("I need a replacement")
    browser = await bank.opens(await bank.link_in_chat(conversation))
    await fills_in(bank, browser, card="7316", reason="damaged")
    agent = await bank.signed_in()
    await bank.decides(agent, "approve", await bank.approval(agent))

    cards = (await bank.outside.get("/core/customers/C-1001/cards")).json()["items"]

    states = {card["last4"]: card["status"] for card in cards}
    assert (states["7316"], states["7317"]) == ("blocked", "ordered")


async def test_a_card_of_somebody_else_is_a_matter_for_people(bank: Bank) -> None:
    conversation = await bank.says("Please set another limit")
    browser = await bank.opens(await bank.link_in_chat(conversation))

    await fills_in(bank, browser, card="0001", limit="500")

    assert await bank.requests() == []
    kinds = await bank.kinds(conversation)
    assert "change_failed" in kinds
    assert "handed_off" in kinds


async def test_a_balance_is_shown_in_the_chat_once_a_code_was_right(bank: Bank) -> None:
    conversation = await bank.says("What is my balance?")
    browser = await bank.opens(await bank.link_in_chat(conversation))
    assert "Balance and last bookings" in browser.text
    await bank.submits(browser, "confirm")
    assert "One more step" in browser.text
    await bank.submits(browser, "send-code")
    wrong = "000000" if await bank.code() != "000000" else "111111"
    await bank.submits(browser, "code", digits=wrong)
    assert "EUR" not in await bank.chat(conversation)

    await bank.submits(browser, "code", digits=await bank.code())

    assert "now stand in the chat" in browser.text
    told = await bank.chat(conversation)
    assert "DE" in told
    assert " ... " in told
    assert told.count(" EUR") == 6, told
    again = await bank.says("Now I moved")  # nothing is pending any more
    assert again == conversation
    assert (await bank.chat(conversation)).count("/c/") == 2


async def test_a_balance_wanted_in_one_browser_is_not_shown_for_another(bank: Bank) -> None:
    conversation = await bank.says("What is my balance?")
    browser = await bank.opens(await bank.link_in_chat(conversation))
    await bank.submits(browser, "confirm")
    await bank.submits(browser, "send-code")
    other = await bank.opens(browser.path)
    assert "Yes, show me my balance" in other.text

    await bank.submits(other, "confirm")
    answer = await bank.submits(browser, "code", digits=await bank.code())

    assert answer.status_code == 409
    assert "EUR" not in await bank.chat(conversation)
