"""A customer proves a change with an authenticator app, in a real browser, keyboard alone."""

import re

import pytest
from playwright.sync_api import Page, expect

from answerable_sandbox.systems.bank_records import Customer
from answerable_sandbox.systems.seed import CUSTOMERS
from tests.support.browser import (
    AGENT,
    DESK,
    PHONE,
    Console,
    DemoBank,
    Windows,
    findings,
    is_wider_than_window,
    tab_to,
)
from tests.support.outside import NAME_OF_THE_FOCUS, writes

FARID, GRETA = CUSTOMERS[5:7]
DIGITS = re.compile(r"\b\d{6}$")


def shown_by_app(window: Page, bank: DemoBank, customer: Customer) -> str:
    """The digits on the customer's telephone, from the page that shows them."""
    window.goto(f"{bank.sandbox}/core")
    found = DIGITS.search(window.get_by_role("row", name=customer.name).inner_text().strip())
    assert found
    return found[0]


@pytest.mark.parametrize(
    ("size", "scheme", "customer"),
    [(DESK, "light", FARID), (PHONE, "dark", GRETA)],
    ids=["desk-light", "phone-dark"],
)
def test_from_the_mail_to_a_change_that_the_app_has_proven(
    windows: Windows, bank: DemoBank, size: tuple[int, int], scheme: str, customer: Customer
) -> None:
    wrong: list[str] = []

    def inspect(name: str, page: Page) -> None:
        wrong.extend(f"{name}: {finding}" for finding in findings(page))
        if is_wider_than_window(page):
            wrong.append(f"{name}: wider than the window")

    outside = windows.open()
    link = writes(outside, bank, customer, "How do I update my email address?")
    page = windows.open(size, color_scheme=scheme)
    page.goto(link)

    def focus(name: str) -> None:
        tab_to(page, lambda: name in str(page.evaluate(NAME_OF_THE_FOCUS)))

    focus("Yes, change my e-mail address")
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Your new e-mail address")
    focus("E-mail address")
    page.keyboard.type(f"{customer.id.lower()}@new.example")
    page.keyboard.press("Enter")
    expect(page.locator("main")).to_contain_text("open your authenticator app")
    expect(page.get_by_role("button", name="send me a code")).to_have_count(0)
    inspect("the app is asked for", page)
    digits = shown_by_app(outside, bank, customer)
    focus("Six digits of your app")
    page.keyboard.type("000000" if digits != "000000" else "111111")
    page.keyboard.press("Enter")
    expect(page.get_by_role("alert")).to_contain_text("not right, or were used already")
    inspect("wrong digits", page)
    focus("Six digits of your app")
    page.keyboard.type(shown_by_app(outside, bank, customer))
    page.keyboard.press("Enter")
    expect(page.get_by_role("heading", level=1)).to_have_text("Thank you")
    inspect("done", page)
    inspect("core banking", outside)

    console = Console(windows.open(size, color_scheme=scheme), bank).signs_in(AGENT)
    desk = console.page
    desk.get_by_role("link", name="Approvals 1 changes").click()
    expect(console.items).to_have_count(1)
    console.items.first.click()
    expect(desk.locator(".proof-facts")).to_contain_text("one-time code by authenticator app")
    inspect("approval", desk)
    console.button("Approve this change").click()
    expect(desk.get_by_role("status").filter(has_text="Approved")).to_contain_text("by Sam Okoro")
    assert wrong == []
