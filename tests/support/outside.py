"""What customers do outside the platform, in a browser: their mail program, their telephone."""

import re
from collections.abc import Callable

from playwright.sync_api import Page, expect

from answerable_sandbox.systems.bank_records import Customer
from tests.support.browser import DemoBank

LINK = re.compile(r"http://localhost:\d+/c/[\w-]{32}")
CODE = re.compile(r"\b\d{6}\b")
NAME_OF_THE_FOCUS = """(() => {
    const focused = document.activeElement
    return focused === document.body ? '' : (focused.labels?.[0] ?? focused).innerText
})()"""


def writes(window: Page, bank: DemoBank, customer: Customer, text: str) -> str:
    """A customer's mail by the mail program; the link in the bank's answer."""
    window.goto(f"{bank.sandbox}/mail/compose?sender={customer.email}")
    window.get_by_label("Subject").fill("My address")
    window.get_by_label("Text").fill(text)
    window.get_by_role("button", name="Send").click()
    expect(window.get_by_role("status")).to_contain_text("took the mail")

    def arrived() -> bool:
        window.goto(f"{bank.sandbox}/mail?to={customer.email}")
        return window.locator(".mails a").count() > 0

    expect_soon(window, arrived)
    window.locator(".mails a").first.click()
    found = LINK.search(window.locator(".letter").inner_text())
    assert found, window.locator(".letter").inner_text()
    return found[0]


def expect_soon(window: Page, is_so: Callable[[], bool]) -> None:
    """What another program brings about is asked for again and again."""
    for _ in range(100):
        if is_so():
            return
        window.wait_for_timeout(200)
    raise AssertionError("it did not come")


def texts_to(window: Page, bank: DemoBank, customer: Customer) -> int:
    """How many text messages the customer has got so far."""
    window.goto(f"{bank.sandbox}/sms")
    return window.locator(".texts li", has_text=customer.phone).count()


def texted_code(window: Page, bank: DemoBank, customer: Customer, *, after: int = 0) -> str:
    """The digits of the latest text message to the customer, from the page that shows them.

    after: so many messages, which another story left.
    """
    theirs = window.locator(".texts li", has_text=customer.phone)

    def came() -> bool:
        return texts_to(window, bank, customer) > after

    expect_soon(window, came)
    found = CODE.search(theirs.first.locator(".bubble").inner_text())
    assert found
    return found[0]
