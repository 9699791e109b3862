"""A real browser before the real demo: what a customer and an agent do, in their words."""

import os
import re
import subprocess
import time
import urllib.request
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

from playwright.sync_api import Browser, Dialog, Locator, Page, expect, sync_playwright

from answerable.processes.demo import PASSWORD, DemoPorts
from tests.support.needs import REPOSITORY, needs_chromium
from tests.support.processes import ANSWERABLE, MODELS, START_WITHIN, free_port

CHROMIUM_ARGUMENTS = [
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--no-first-run",
]
AXE = REPOSITORY / "web" / "node_modules" / "axe-core" / "axe.min.js"
WAIT = 20_000  # milliseconds that an expectation may take on a busy machine
DESK, PHONE = (1280, 800), (390, 844)
AGENT, SUPERVISOR, ADMIN = (
    f"{who}@northwind.example" for who in ("agent", "supervisor", "admin")
)  # fmt: skip


@dataclass
class DemoBank:
    """`answerable demo` on free ports, over as many lives as a test gives it."""

    data: Path
    ports: DemoPorts = field(
        default_factory=lambda: DemoPorts(
            web=free_port(), sandbox=free_port(), sandbox_smtp=free_port(), mail_in=free_port()
        )
    )
    _process: subprocess.Popen[bytes] | None = None

    @property
    def web(self) -> str:
        return f"http://localhost:{self.ports.web}"

    @property
    def sandbox(self) -> str:
        return f"http://localhost:{self.ports.sandbox}"

    def start(self) -> None:
        """Returns once it answers. Raises AssertionError with its log if it does not."""
        self.data.mkdir(parents=True, exist_ok=True)
        ports = self.ports
        arguments = [
            "demo", "--data", str(self.data), "--port", str(ports.web),
            "--sandbox-port", str(ports.sandbox), "--sandbox-smtp-port", str(ports.sandbox_smtp),
            "--mail-port", str(ports.mail_in),
        ]  # fmt: skip
        with (self.data / "log.txt").open("ab") as log:
            self._process = subprocess.Popen(
                [ANSWERABLE, *arguments],
                stdout=log,
                stderr=log,
                env={**os.environ, "ANSWERABLE_MODELS": str(MODELS)},
            )
        until = time.monotonic() + START_WITHIN
        while time.monotonic() < until and self._process.poll() is None:
            with suppress(OSError):  # nobody listens yet, or nobody answers yet
                urllib.request.urlopen(f"{self.web}/readyz", timeout=5).close()
                return
            time.sleep(0.05)
        raise AssertionError((self.data / "log.txt").read_text(errors="replace")[-3000:])

    def kill(self) -> None:
        """SIGKILL."""
        if self._process is not None:
            self._process.kill()
            self._process.wait()


@contextmanager
def open_bank(data: Path) -> Iterator[DemoBank]:
    bank = DemoBank(data)
    try:
        bank.start()
        yield bank
    finally:
        bank.kill()


@contextmanager
def open_chromium() -> Iterator[Browser]:
    path = needs_chromium()
    expect.set_options(timeout=WAIT)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=list(CHROMIUM_ARGUMENTS))
        try:
            yield browser
        finally:
            browser.close()


@dataclass
class Windows:
    """Browser windows of different people. Nothing they show may fail or leave for elsewhere."""

    bank: DemoBank
    browser: Browser
    wrong: list[str] = field(default_factory=list)

    def open(self, size: tuple[int, int] = DESK, **options: Any) -> Page:
        """A window with no memory of others."""
        context = self.browser.new_context(
            viewport={"width": size[0], "height": size[1]}, **options
        )
        context.set_default_timeout(WAIT)
        own = {self.bank.ports.web, self.bank.ports.sandbox}

        def leaves(url: str) -> None:
            parts = urlsplit(url)
            if parts.scheme in {"http", "https", "ws", "wss"} and parts.port not in own:
                self.wrong.append(f"a request left for {url}")

        context.on("request", lambda request: leaves(request.url))
        page = context.new_page()
        page.on("websocket", lambda socket: leaves(socket.url))
        page.on("pageerror", lambda error: self.wrong.append(f"error in the page: {error}"))

        def refuse(dialog: Dialog) -> None:
            self.wrong.append("a dialog")
            dialog.dismiss()

        page.on("dialog", refuse)
        return page

    def close(self) -> None:
        for context in self.browser.contexts:
            context.close()


class Chat:
    """The bank's website with the widget on it."""

    def __init__(self, page: Page, bank: DemoBank) -> None:
        self.page, self._bank = page, bank
        self.launcher = page.locator("answerable-chat .launcher")
        self.field = page.locator("answerable-chat textarea")
        self.log = page.locator("answerable-chat .log")

    def visit(self, customer: str | None = None) -> "Chat":
        """As "C-1001" (Anna), "C-1002" (Ben) or nobody."""
        self.page.goto(f"{self._bank.web}/bank")
        if customer:
            self.page.locator(f"input[value='{customer}']").check(force=True)
            expect(self.page.locator("[data-signed]")).to_contain_text(customer)
        return self

    def opens(self) -> "Chat":
        self.launcher.click()
        expect(self.bubbles("assistant").first).to_be_visible()  # the welcome
        return self

    def says(self, text: str) -> None:
        self.field.fill(text)
        self.field.press("Enter")
        expect(self.page.locator("answerable-chat .pending")).to_have_count(0)

    def bubbles(self, author: str) -> Locator:
        return self.page.locator(f"answerable-chat .bubble.{author}")

    def hears(self, author: str, text: str | re.Pattern[str]) -> None:
        expect(self.bubbles(author).filter(has_text=text).first).to_be_visible()


class Console:
    """The agents' console."""

    def __init__(self, page: Page, bank: DemoBank) -> None:
        self.page, self._bank = page, bank
        self.items = page.locator(".item")
        self.reply = page.locator("#reply")

    def visit(self, path: str = "") -> "Console":
        self.page.goto(f"{self._bank.web}/console/{path}")
        return self

    def signs_in(self, email: str, password: str = PASSWORD) -> "Console":
        self.visit()
        self.page.get_by_label("E-mail address").fill(email)
        self.page.get_by_label("Password").fill(password)
        self.button("Sign in").click()
        expect(self.page.locator(".nav")).to_be_visible()
        return self

    def button(self, name: str) -> Locator:
        return self.page.get_by_role("button", name=name, exact=True)

    def tab(self, name: str) -> Locator:
        return self.page.get_by_role("tab", name=name)

    def message(self, text: str) -> Locator:
        return self.page.locator(".message", has_text=text)

    def opens(self, said: str) -> None:
        """The conversation of the list whose latest words are these."""
        self.items.filter(has_text=said).first.click()
        expect(self.page.locator(".message").first).to_be_visible()

    def answers(self, text: str) -> None:
        self.reply.fill(text)
        self.button("Send reply").click()
        expect(self.page.locator(".said")).to_have_text("Reply sent")


def findings(page: Page) -> list[str]:
    """What axe has against the page as it is now, in all rules that it knows.

    What is fading in has not its contrast yet: movements that end are waited for.
    """
    page.evaluate(
        """() => Promise.all([document, ...document.querySelectorAll('*')]
            .flatMap((one) => (one.shadowRoot ?? one).getAnimations({ subtree: true }))
            .filter((one) => one.effect.getComputedTiming().endTime !== Infinity)
            .map((one) => one.finished.catch(() => null)))"""
    )
    page.evaluate(f"{AXE.read_text(encoding='utf-8')};0")
    return list(
        page.evaluate(
            """async () => (await axe.run(document)).violations.map(
                (one) => `${one.id}: ${one.nodes.map((node) => node.target.join(' ')).join(', ')}`
            )"""
        )
    )


def is_wider_than_window(page: Page) -> bool:
    return bool(page.evaluate("document.documentElement.scrollWidth > window.innerWidth"))


def tab_to(page: Page, wanted: Callable[[], bool], *, key: str = "Tab", limit: int = 60) -> None:
    """Presses Tab until the focus is where it is wanted. Raises AssertionError."""
    for _ in range(limit):
        if wanted():
            return
        page.keyboard.press(key)
    raise AssertionError(f"{limit} times {key} did not lead there")
