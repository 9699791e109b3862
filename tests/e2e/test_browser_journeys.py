"""People at work: customers on the bank's website, agents in the console, in a real browser."""

import re

from playwright.sync_api import Page, expect

from tests.support.browser import (
    ADMIN,
    AGENT,
    SUPERVISOR,
    Chat,
    Console,
    DemoBank,
    Windows,
    tab_to,
)

FRAUD = "There is a payment I did not make!"
CARD = "Where is my new card?"


def test_a_signed_in_customer_is_answered_with_her_own_data(
    windows: Windows, bank: DemoBank
) -> None:
    chat = Chat(windows.open(), bank).visit("C-1001").opens()
    expect(chat.page.locator("answerable-chat .proof")).to_have_text("Signed in as Anna Schmidt")
    chat.says(CARD)
    chat.hears("assistant", re.compile("new credit card is in the post"))

    console = Console(windows.open(), bank).signs_in(AGENT).visit("assistant")
    item = console.items.filter(has_text="Anna Schmidt").first
    expect(item).to_contain_text("Assistant: Your new credit card")


def test_a_visitor_finds_the_conversation_again_after_a_reload(
    windows: Windows, bank: DemoBank
) -> None:
    chat = Chat(windows.open(), bank).visit().opens()
    chat.says("When is your branch in Hamburg open?")
    expect(chat.bubbles("assistant")).to_have_count(2)
    chat.page.reload()
    chat.opens()
    expect(chat.bubbles("contact")).to_have_text(re.compile("branch in Hamburg"))
    expect(chat.bubbles("assistant")).to_have_count(2)
    # Another window is another visitor.
    other = Chat(windows.open(), bank).visit().opens()
    expect(other.bubbles("contact")).to_have_count(0)


def test_fraud_reaches_a_person_who_answers_while_the_assistant_is_silent(
    windows: Windows, bank: DemoBank
) -> None:
    console = Console(windows.open(), bank).signs_in(AGENT)
    chat = Chat(windows.open(), bank).visit("C-1002").opens()
    chat.says(FRAUD)

    # It appears by itself, as urgent and with the reasons.
    item = console.items.filter(has_text="Ben Okafor").first
    expect(item).to_contain_text("urgent")
    expect(item).to_contain_text("Fraud desk")
    item.click()
    expect(console.message(FRAUD)).to_be_visible()
    briefing = console.page.locator(".briefing")
    expect(briefing).to_contain_text("Fraud, written in English. The contact is signed in.")
    expect(briefing.locator(".reasons")).to_contain_text("never answered or drafted automatically")
    console.tab("Timeline").click()
    expect(console.page.locator(".timeline")).to_contain_text("Handed off to Fraud desk")

    console.button("Take over").click()
    expect(console.reply).to_be_visible()
    said = chat.bubbles("assistant").count()
    chat.says(CARD)
    expect(console.message(CARD)).to_be_visible()
    console.answers("I have blocked the card.")
    chat.hears("agent", "I have blocked the card.")
    expect(chat.bubbles("agent")).to_contain_text("Sam Okoro, support team")
    expect(chat.bubbles("assistant")).to_have_count(said)
    expect(console.items.filter(has_text="I have blocked")).to_have_count(0)  # left the queue

    console.button("Close …").click()
    console.button("Close conversation").click()
    expect(console.button("Reopen")).to_be_visible()
    expect(chat.page.locator("answerable-chat .notice").last).to_contain_text(re.compile("closed"))

    chat.says(FRAUD + " Another one.")  # opens it again, before the eyes of the agent
    expect(console.message("Another one.")).to_be_visible()
    expect(console.button("Take over")).to_be_visible()
    console.visit("queue")
    expect(console.items.filter(has_text="Ben Okafor").first).to_contain_text("urgent")


def test_an_agent_sees_why_and_says_what_it_was(windows: Windows, bank: DemoBank) -> None:
    chat = Chat(windows.open(), bank).visit("C-1002").opens()
    chat.says(FRAUD)
    chat.hears("assistant", "passed this on to our fraud desk")
    console = Console(windows.open(), bank).signs_in(SUPERVISOR)
    console.items.filter(has_text="Ben Okafor").first.click()
    briefing = console.page.locator(".briefing")
    expect(briefing.locator(".near li")).not_to_have_count(0)
    expect(briefing.locator(".near")).to_contain_text("alike")

    console.button("That is right").click()
    expect(briefing).to_contain_text("says: Fraud")
    console.button("Change …").click()
    dialog = console.page.get_by_role("dialog")
    dialog.get_by_label("Intent").select_option("None of these")
    console.button("Save").click()
    expect(briefing).to_contain_text("says: none of the intents")
    console.tab("Timeline").click()
    expect(console.page.locator(".timeline")).to_contain_text("labelled message")

    console.visit("model")
    expect(console.page.get_by_role("region", name="Intents")).to_contain_text(
        "none, it is automatic"
    )
    expect(console.page.locator("main")).to_contain_text("2 % of automatic answers may be wrong")


def test_the_list_does_not_move_under_the_pointer(windows: Windows, bank: DemoBank) -> None:
    first, second = (Chat(windows.open(), bank).visit().opens() for _ in range(2))
    for chat, town in ((first, "Hamburg"), (second, "Berlin")):
        chat.says(f"When is your branch in {town} open?")
        chat.hears("assistant", town)
    console = Console(windows.open(), bank).signs_in(AGENT).visit("all")
    expect(console.items.nth(0)).to_contain_text("Berlin")
    expect(console.items.nth(1)).to_contain_text("Hamburg")

    moving = console.page.evaluate(
        """() => setInterval(() => document.querySelector('.items')
            .dispatchEvent(new PointerEvent('pointermove', { bubbles: true })), 50)"""
    )
    first.says(FRAUD)
    expect(console.items.nth(1)).to_contain_text("urgent")
    expect(console.items.nth(0)).to_contain_text("Berlin")

    console.page.evaluate("(moving) => clearInterval(moving)", moving)
    expect(console.items.nth(0)).to_contain_text("urgent")


def test_a_suspended_agent_is_out_at_once(windows: Windows, bank: DemoBank) -> None:
    admin = Console(windows.open(), bank).signs_in(ADMIN).visit("people")
    admin.button("Add agent").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("Name").fill("Zed Newman")
    dialog.get_by_label("E-mail address").fill("zed@northwind.example")
    dialog.get_by_label("Cards team").check()
    dialog.get_by_label("First password").fill("a long enough password")
    dialog.get_by_role("button", name="Add agent").click()
    row = admin.page.get_by_role("row", name=re.compile("Zed Newman"))
    expect(row).to_contain_text("Cards team")

    zed = Console(windows.open(), bank).signs_in("zed@northwind.example", "a long enough password")
    expect(row).to_contain_text("here")
    expect(zed.page.get_by_role("link", name="People")).to_have_count(0)

    admin.button("Suspend Zed Newman").click()
    expect(row).to_contain_text("suspended")
    expect(zed.button("Sign in")).to_be_visible()
    zed.page.get_by_label("E-mail address").fill("zed@northwind.example")
    zed.page.get_by_label("Password").fill("a long enough password")
    zed.button("Sign in").click()
    expect(zed.page.get_by_role("alert")).to_contain_text("not right")


def test_by_what_an_agent_is_a_customer_is_noted_replaced_and_forgotten(
    windows: Windows, bank: DemoBank
) -> None:
    """With the keyboard alone."""
    admin = Console(windows.open(), bank).signs_in(ADMIN).visit("people")
    page = admin.page
    row = page.get_by_role("row", name=re.compile("Sam Okoro"))
    expect(row).not_to_contain_text("also a customer")
    opener = admin.button("Customer ids of Sam Okoro")
    dialog = page.get_by_role("dialog")
    field = dialog.get_by_label("Customer ids and private mail addresses")

    opener.press("Enter")
    expect(dialog).to_contain_text("Nothing is noted")
    field.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(field).to_be_focused()
    expect(field).to_have_accessible_description(re.compile("Enter at least one"))
    page.keyboard.type("C‑1001")  # a hyphen that is none, as text programs make them
    page.keyboard.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(field).to_have_attribute("aria-invalid", "true")
    expect(dialog).to_contain_text("is no customer id")
    field.fill("C-1001, sam@home.example")
    expect(field).to_have_attribute("aria-invalid", "false")
    field.press("Tab")
    page.keyboard.press("Tab")
    page.keyboard.press("Enter")
    expect(dialog).to_have_count(0)
    expect(row).to_contain_text("also a customer")
    expect(opener).to_be_focused()

    opener.press("Enter")
    expect(dialog).to_contain_text("Something is noted")
    expect(field).to_have_value("")
    page.keyboard.press("Escape")
    expect(row).to_contain_text("also a customer")
    opener.press("Enter")
    dialog.get_by_role("button", name="Forget what is noted").press("Enter")
    expect(row).not_to_contain_text("also a customer")


def test_nobody_notes_their_own_customer_ids_and_a_refusal_is_told(
    windows: Windows, bank: DemoBank
) -> None:
    admin = Console(windows.open(), bank).signs_in(ADMIN).visit("people")
    own = admin.page.get_by_role("row", name=re.compile(ADMIN))
    expect(own).to_be_visible()
    expect(own.get_by_role("button")).to_have_count(0)

    admin.page.route("**/known-as", lambda route: route.fulfill(
        status=404, content_type="application/problem+json",
        body='{"code": "not_found", "title": "Not found", "detail": "There is no such agent."}',
    ))  # fmt: skip
    admin.button("Customer ids of Sam Okoro").click()
    dialog = admin.page.get_by_role("dialog")
    dialog.get_by_label("Customer ids").fill("C-1001")
    dialog.get_by_role("button", name="Note", exact=True).click()

    expect(dialog.get_by_role("alert")).to_contain_text("There is no such agent.")
    expect(dialog.get_by_label("Customer ids")).to_have_value("C-1001")


def test_a_supervisor_sees_people_and_changes_nobody(windows: Windows, bank: DemoBank) -> None:
    console = Console(windows.open(), bank).signs_in(SUPERVISOR)
    console.page.get_by_role("link", name="People").click()
    expect(console.page.get_by_role("row", name=re.compile("Sam Okoro"))).to_contain_text(
        "All teams"
    )
    expect(console.button("Add agent")).to_have_count(0)
    expect(console.page.get_by_role("button", name=re.compile("Suspend"))).to_have_count(0)
    expect(console.page.get_by_role("button", name=re.compile("Customer ids"))).to_have_count(0)


def test_a_mail_is_understood_answered_and_explained(windows: Windows, bank: DemoBank) -> None:
    page = windows.open()
    page.goto(f"{bank.sandbox}/mail/compose")
    page.get_by_label("From").fill("visitor@example.net")
    page.get_by_label("Subject").fill("Your branch")
    page.get_by_label("Text").fill("When is your branch in Hamburg open?")
    page.get_by_role("button", name="Send").click()
    expect(page.get_by_role("status")).to_contain_text("took the mail")

    console = Console(windows.open(), bank).signs_in(AGENT).visit("all")
    console.opens("Your branch")
    expect(console.message("branch in Hamburg")).to_be_visible()
    expect(console.page.locator(".message.assistant .delivery")).to_have_text("Delivered")
    briefing = console.page.locator(".briefing")
    expect(briefing.locator(".scores")).to_contain_text(re.compile("branch", re.IGNORECASE))
    expect(briefing).to_contain_text("Answer by playbook")
    expect(briefing.locator(".reasons tbody tr").first).to_be_visible()
    console.tab("Timeline").click()
    timeline = console.page.locator(".timeline")
    for told in ("Understood as", "Decided to run the playbook", "A reply was delivered"):
        expect(timeline).to_contain_text(told)

    page.goto(f"{bank.sandbox}/mail?to=visitor@example.net")
    page.get_by_role("link", name=re.compile("Your branch")).click()
    expect(page.locator("main")).to_contain_text("Hamburg")


def test_everything_can_be_done_with_the_keyboard(windows: Windows, bank: DemoBank) -> None:
    chat = Chat(windows.open(), bank).visit()
    keys = chat.page.keyboard
    launcher = "document.activeElement?.shadowRoot?.activeElement?.className === 'launcher'"
    tab_to(chat.page, lambda: bool(chat.page.evaluate(launcher)))
    keys.press("Enter")
    expect(chat.field).to_be_focused()
    keys.type("I want to talk to a person, please")
    keys.press("Enter")
    chat.hears("contact", "talk to a person")
    keys.press("Escape")
    expect(chat.launcher).to_be_focused()

    console = Console(windows.open(), bank).visit()
    page, keys = console.page, console.page.keyboard
    expect(page.get_by_label("E-mail address")).to_be_focused()
    keys.type(AGENT)
    keys.press("Tab")
    keys.type("demo-northwind-2026")
    keys.press("Enter")
    item = console.items.filter(has_text="talk to a person").or_(
        console.items.filter(has_text="Talk to a person")
    )
    expect(item.first).to_be_visible()
    tab_to(page, lambda: _is_focused(page, ".item", "alk to a person"), key="j")
    keys.press("Enter")
    expect(console.message("talk to a person")).to_be_visible()
    keys.press("t")
    expect(console.reply).to_be_visible()
    keys.press("r")
    expect(console.reply).to_be_focused()
    keys.type("Here I am.")
    keys.press("Control+Enter")
    expect(page.locator(".said")).to_have_text("Reply sent")
    tab_to(page, lambda: _is_focused(page, "button", "Close …"), key="Shift+Tab")
    keys.press("Enter")
    expect(page.get_by_role("dialog")).to_be_visible()
    tab_to(page, lambda: _is_focused(page, "button", "Close conversation"))
    keys.press("Enter")
    expect(console.button("Reopen")).to_be_visible()

    chat.launcher.press("Enter")
    chat.hears("agent", "Here I am.")


def _is_focused(page: Page, selector: str, text: str) -> bool:
    return bool(
        page.evaluate(
            "([selector, text]) => document.activeElement.matches(selector)"
            " && document.activeElement.textContent.includes(text)",
            [selector, text],
        )
    )


def test_a_console_that_could_not_ask_who_is_there_asks_again(
    windows: Windows, bank: DemoBank
) -> None:
    console = Console(windows.open(), bank)
    console.page.route("**/v1/desk/sessions/current", lambda route: route.abort())
    console.visit()
    expect(console.page.get_by_role("alert")).to_contain_text("cannot be reached")
    console.page.unroute("**/v1/desk/sessions/current")
    expect(console.button("Sign in")).to_be_visible()


def test_open_pages_recover_by_themselves_when_the_service_was_killed(
    windows: Windows, bank: DemoBank
) -> None:
    chat = Chat(windows.open(), bank).visit().opens()
    chat.says("Hello")
    console = Console(windows.open(), bank).signs_in(AGENT).visit("assistant")
    console.opens("Visitor")
    bank.kill()
    expect(console.page.get_by_role("status").filter(has_text="live connection")).to_be_visible()
    status = chat.page.locator("answerable-chat .status")
    expect(status).to_contain_text("No connection")
    chat.field.fill(FRAUD)
    chat.field.press("Enter")
    expect(chat.page.locator("answerable-chat .pending")).to_contain_text("Waiting")
    console.button("Take over").click()
    expect(console.page.get_by_role("alert")).to_contain_text("cannot be reached")

    bank.start()
    expect(chat.page.locator("answerable-chat .pending")).to_have_count(0)
    expect(chat.bubbles("contact").filter(has_text=FRAUD)).to_have_count(1)
    expect(console.page.locator(".connection.down")).to_have_count(0)
    expect(console.page.get_by_role("alert")).to_have_count(0)
    expect(console.message(FRAUD)).to_be_visible()


def test_an_agent_finds_what_was_said_by_the_keyboard_alone(
    windows: Windows, bank: DemoBank
) -> None:
    chat = Chat(windows.open(), bank).visit().opens()  # a customer's window would show more
    chat.says("My grandfather clock was charged twice, and the card is gone")
    expect(chat.bubbles("assistant")).to_have_count(2)
    console = Console(windows.open(), bank).signs_in(AGENT).visit("closed")
    page, field = console.page, console.page.get_by_role("searchbox")
    expect(field).to_be_visible()

    page.keyboard.press("/")
    expect(field).to_be_focused()
    page.keyboard.type("grandfather clocks")
    # It asks again by itself: what was said a moment ago is found a moment later.
    expect(page.locator(".search-note")).to_contain_text(
        "1 conversation, the newest first", timeout=30_000
    )
    expect(page.locator(".item mark")).to_have_text(["grandfather", "clock"])
    expect(page.get_by_role("heading", name="Found")).to_be_visible()
    tab_to(page, lambda: _is_focused(page, ".item", "grandfather"))
    page.keyboard.press("Enter")
    expect(console.message("grandfather clock")).to_be_visible()
    expect(console.items).to_have_count(1)  # what was found stays beside it

    field.fill("grandfather unicorn")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    field.fill("where is the")
    expect(page.locator(".search-note")).to_contain_text("Not looked for: where, is, the.")
    field.press("Escape")
    expect(field).to_have_value("")
    expect(page.get_by_role("heading", name="Closed")).to_be_visible()
    assert "grandfather" not in page.url
