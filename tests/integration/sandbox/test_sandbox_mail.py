"""Mail in both directions over real SMTP, and a server that refuses on demand."""

from collections.abc import AsyncIterator
from datetime import timedelta
from email.message import EmailMessage

import aiosmtplib
import httpx
import pytest

from answerable.kit.testing import SettableClock
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.settings import Settings
from answerable_sandbox.world import build_world

ANNA = "anna.schmidt@example.com"


def mail(to: str = ANNA, subject: str = "Your card", text: str = "It was sent.") -> EmailMessage:
    message = EmailMessage()
    message["From"] = "support@northwind.example"
    message["To"] = to
    message["Subject"] = subject
    message["Message-ID"] = "<one@northwind.example>"
    message.set_content(text)
    return message


async def deliver(sandbox: Sandbox, message: EmailMessage, patience: float = 5) -> None:
    await aiosmtplib.send(
        message, hostname="127.0.0.1", port=sandbox.smtp_port, start_tls=False, timeout=patience
    )


async def received(http: httpx.AsyncClient, to: str = ANNA) -> list[str]:
    items = (await http.get("/mail/messages", params={"to": to})).json()["items"]
    return [item["subject"] for item in items]


async def test_a_mail_to_a_customer_can_be_read(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    await deliver(sandbox, mail())

    (item,) = (await http.get("/mail/messages", params={"to": ANNA.upper()})).json()["items"]
    assert (item["subject"], item["text"].strip()) == ("Your card", "It was sent.")
    assert (item["recipients"], item["message_id"]) == ([ANNA], "<one@northwind.example>")
    assert await received(http, to="ben.okafor@example.com") == []
    raw = await http.get(f"/mail/{item['id']}/raw")
    assert raw.headers["content-type"].startswith("text/plain")
    assert "Message-ID: <one@northwind.example>" in raw.text
    entry = (await http.get("/journal?system=mail")).json()["items"][0]
    assert entry["idempotency_key"] == "<one@northwind.example>"


async def test_a_script_in_a_mail_is_shown_as_text(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    script = "<script>alert(1)</script><img src=x onerror=alert(2)>"
    message = mail(subject=script, text=script)
    message.add_alternative(f"<p>{script}</p>", subtype="html")
    await deliver(sandbox, message)

    for path in ("/mail", "/mail/1", "/mail/journal", "/mail/compose?reply_to=1"):
        answer = await http.get(path)
        assert answer.status_code == 200
        assert "<script" not in answer.text
        assert "<img src=x" not in answer.text
        assert "script-src" not in answer.headers["content-security-policy"]
        assert "default-src 'none'" in answer.headers["content-security-policy"]
    raw = await http.get("/mail/1/raw")
    assert raw.headers["x-content-type-options"] == "nosniff"


@pytest.mark.parametrize("status", [450, 550])
async def test_a_recipient_is_refused_on_demand(
    sandbox: Sandbox, http: httpx.AsyncClient, status: int
) -> None:
    fault = {"system": "mail", "mode": "refuse", "status": status, "recipient": ANNA}
    await http.post("/faults", json=fault)

    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refusal:
        await deliver(sandbox, mail())
    assert refusal.value.recipients[0].code == status
    await deliver(sandbox, mail())

    assert await received(http) == ["Your card"]


async def test_a_421_closes_the_session(sandbox: Sandbox, http: httpx.AsyncClient) -> None:
    await http.post("/faults", json={"system": "mail", "mode": "refuse", "status": 421})

    with pytest.raises((aiosmtplib.SMTPRecipientsRefused, aiosmtplib.SMTPServerDisconnected)):
        await deliver(sandbox, mail())

    assert await received(http) == []


async def test_a_mail_whose_acceptance_was_lost_has_arrived(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    await http.post("/faults", json={"system": "mail", "mode": "apply-then-lose"})

    with pytest.raises(aiosmtplib.SMTPServerDisconnected):
        await deliver(sandbox, mail())

    assert await received(http) == ["Your card"]


async def test_a_server_that_hangs_after_data_has_not_taken_the_mail(
    sandbox: Sandbox, http: httpx.AsyncClient
) -> None:
    await http.post("/faults", json={"system": "mail", "mode": "hang", "seconds": 60})

    with pytest.raises((aiosmtplib.SMTPTimeoutError, aiosmtplib.SMTPReadTimeoutError)):
        await deliver(sandbox, mail(), patience=0.3)

    assert await received(http) == []


async def test_a_greylisted_sender_is_taken_on_the_second_try(
    sandbox: Sandbox, http: httpx.AsyncClient, clock: SettableClock
) -> None:
    await http.post("/faults", json={"system": "mail", "mode": "greylist", "seconds": 60})

    for _ in range(2):  # the second try comes too soon
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as refusal:
            await deliver(sandbox, mail())
        assert refusal.value.recipients[0].code == 451
    clock.advance(timedelta(seconds=61))
    await deliver(sandbox, mail())

    assert await received(http) == ["Your card"]
    assert (await http.get("/faults")).json() == {"items": []}


@pytest.fixture
async def bank_and_customers() -> AsyncIterator[tuple[Sandbox, Sandbox]]:
    """Two sandboxes: the SMTP server of the first plays the bank's intake of the second."""
    async with Sandbox() as intake:
        settings = Settings(intake_port=intake.smtp_port)
        async with Sandbox(build_world(settings)) as customers:
            yield intake, customers


async def test_a_customer_writes_to_the_bank_and_replies_in_the_thread(
    bank_and_customers: tuple[Sandbox, Sandbox],
) -> None:
    intake, customers = bank_and_customers
    async with httpx.AsyncClient(base_url=customers.url) as http:
        draft = {"from": ANNA, "subject": "Card", "text": "Where is it?"}
        sent = await http.post("/mail/send", json=draft)
        form = {
            "sender": ANNA,
            "to": "support@northwind.example",
            "subject": "Re: Card",
            "text": "And now?",
            "in_reply_to": "<answer@northwind.example>",
        }
        page = await http.post("/mail/compose", data=form)

    first, second = intake.world.mail.mails("support@northwind.example")
    assert (sent.status_code, page.status_code) == (202, 200)
    assert first.headers["Message-ID"] == sent.json()["message_id"]
    assert (first.sender, first.text.strip()) == (ANNA, "Where is it?")
    assert second.headers["In-Reply-To"] == "<answer@northwind.example>"


async def test_a_line_break_in_a_header_is_refused(
    bank_and_customers: tuple[Sandbox, Sandbox],
) -> None:
    intake, customers = bank_and_customers
    async with httpx.AsyncClient(base_url=customers.url) as http:
        draft = {"from": ANNA, "subject": "a\r\nBcc: all@example.com", "text": "x"}
        refused = await http.post("/mail/send", json=draft)
        empty = {"sender": "", "to": "", "text": ""}
        page = await http.post("/mail/compose", data=empty)

    assert (refused.status_code, page.status_code) == (422, 422)
    assert intake.world.mail.mails() == []


async def test_an_intake_that_is_down_is_reported_to_the_writer(
    unused_tcp_port: int,
) -> None:
    settings = Settings(intake_port=unused_tcp_port)
    async with (
        Sandbox(build_world(settings)) as sandbox,
        httpx.AsyncClient(base_url=sandbox.url) as http,
    ):
        form = {"sender": ANNA, "to": "support@northwind.example", "text": "Hello <b>"}
        page = await http.post("/mail/compose", data=form)

    assert page.status_code == 502
    assert 'role="alert"' in page.text
    assert "Hello &lt;b&gt;" in page.text
    assert sandbox.world.mail.sent[0].outcome.startswith("not delivered")
