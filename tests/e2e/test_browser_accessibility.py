"""Pages for everybody: no finding of axe, no sideways scrolling, usable when magnified."""

import pytest
from playwright.sync_api import expect

from tests.support.browser import (
    ADMIN,
    DESK,
    PHONE,
    Chat,
    Console,
    DemoBank,
    Windows,
    findings,
    is_wider_than_window,
)

FRAUD = "There is a payment I did not make! IBAN DE89 3704 0044 0532 0130 00"
LONG = "W" * 300 + " 😀 مرحبا أين بطاقتي"

# Colours do not depend on the size: each is looked at in one scheme, both schemes are seen.
SIZES_AND_SCHEMES = pytest.mark.parametrize(
    ("size", "scheme"), [(DESK, "light"), (PHONE, "dark")], ids=["desk-light", "phone-dark"]
)


class Inspection:
    """Collects what is wrong with each view of a page; the name says where."""

    def __init__(self) -> None:
        self.found: list[str] = []

    def of(self, name: str, page: "Chat | Console") -> None:
        self.found += [f"{name}: {finding}" for finding in findings(page.page)]
        if is_wider_than_window(page.page):
            self.found.append(f"{name}: wider than the window")


@SIZES_AND_SCHEMES
def test_the_banks_website_and_the_widget(
    windows: Windows, bank: DemoBank, size: tuple[int, int], scheme: str
) -> None:
    inspection = Inspection()
    chat = Chat(windows.open(size, color_scheme=scheme), bank).visit()
    expect(chat.launcher).to_be_visible()
    inspection.of("closed", chat)
    chat.opens()
    inspection.of("open", chat)
    chat.says(LONG)
    chat.says(FRAUD)
    chat.hears("assistant", "passing this on to a colleague")
    chat.field.fill("x" * 4_001)
    expect(chat.page.locator("answerable-chat .left")).to_have_text("1 character too many")
    inspection.of("talking", chat)
    assert inspection.found == []


@SIZES_AND_SCHEMES
def test_the_console(windows: Windows, bank: DemoBank, size: tuple[int, int], scheme: str) -> None:
    chat = Chat(windows.open(), bank).visit("C-1001").opens()
    chat.says(LONG)
    chat.says(FRAUD)
    chat.hears("assistant", "passing this on to a colleague")
    inspection = Inspection()
    console = Console(windows.open(size, color_scheme=scheme), bank).visit()
    page = console.page
    expect(console.button("Sign in")).to_be_visible()
    inspection.of("sign in", console)
    page.get_by_label("E-mail address").fill(ADMIN)
    page.get_by_label("Password").fill("not the password")
    console.button("Sign in").click()
    expect(page.get_by_role("alert")).to_be_visible()
    inspection.of("sign in refused", console)

    console.signs_in(ADMIN)
    expect(console.items.first).to_be_visible()
    inspection.of("queue", console)
    page.get_by_role("searchbox").fill("payment")
    expect(page.locator(".item mark").first).to_be_visible()
    inspection.of("found", console)
    page.get_by_role("searchbox").fill("unicorn")
    expect(page.get_by_text("Nothing found")).to_be_visible()
    inspection.of("nothing found", console)
    page.get_by_role("searchbox").fill("")
    expect(console.items.first).to_be_visible()
    console.opens("Anna Schmidt")
    inspection.of("conversation", console)
    if size == PHONE:
        console.tab("Briefing").click()
        expect(page.locator(".briefing")).to_be_visible()
        inspection.of("briefing", console)
    console.tab("Timeline").click()
    page.locator(".timeline summary").nth(2).click()
    inspection.of("timeline", console)
    console.button("Hand off …").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    inspection.of("hand off", console)
    page.keyboard.press("Escape")

    console.tab("Briefing").click()
    console.button("It is something else …").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    inspection.of("label", console)
    page.keyboard.press("Escape")
    console.visit("model")
    expect(page.get_by_role("region", name="Intents")).to_be_visible()
    inspection.of("model", console)

    console.visit("people")
    expect(page.get_by_role("table")).to_be_visible()
    inspection.of("people", console)
    console.button("Add agent").click()
    expect(page.get_by_role("dialog")).to_be_visible()
    inspection.of("add agent", console)
    page.keyboard.press("Escape")
    console.button("Customer ids of Sam Okoro").click()
    page.get_by_role("dialog").get_by_role("button", name="Note", exact=True).click()
    expect(page.get_by_role("dialog")).to_contain_text("Enter at least one.")
    inspection.of("customer ids", console)
    assert inspection.found == []


def test_at_twice_the_size_a_conversation_can_still_be_answered(
    windows: Windows, bank: DemoBank
) -> None:
    chat = Chat(windows.open(), bank).visit("C-1002").opens()
    chat.says(FRAUD)
    chat.hears("assistant", "passed this on to our fraud desk")
    # 1280 by 800 at 200 %: half as many pixels for the page, each twice as large.
    console = Console(windows.open((640, 400), device_scale_factor=2), bank).signs_in(ADMIN)
    console.opens("Ben Okafor")
    console.button("Take over").click()
    console.answers("Your card is blocked.")
    chat.hears("agent", "Your card is blocked.")
    assert not is_wider_than_window(console.page)
    console.tab("Briefing").click()
    expect(console.page.locator(".briefing .reasons")).to_be_visible()
    console.tab("Messages").click()
    console.button("Close …").click()
    console.button("Close conversation").click()
    expect(console.button("Reopen")).to_be_visible()
    assert findings(console.page) == []
