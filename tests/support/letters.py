"""Mail as customers' servers send it, and a relay that forgets who is a robot."""

import asyncio
import email
import email.policy
from collections.abc import AsyncIterator, Callable, Mapping
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from email.message import EmailMessage
from typing import Any

import aiosmtplib
from aiosmtpd.smtp import SMTP, Envelope, Session

BANK_ADDRESS = "support@northwind.example"
ASKED = "When is your branch in Hamburg open?"
ROBOTS_SAY = ("Auto-Submitted", "X-Auto-Response-Suppress", "Precedence", "X-Answerable-Instance")


def letter(
    sender: str,
    *,
    to: str = BANK_ADDRESS,
    subject: str = "A question",
    text: str = ASKED,
    message_id: str | None = None,
    headers: Mapping[str, str] | None = None,
) -> EmailMessage:
    mail = EmailMessage()
    mail["From"] = sender
    mail["To"] = to
    mail["Subject"] = subject
    local = sender.rpartition("<")[2].strip(">").replace("@", ".")
    mail["Message-ID"] = message_id or f"<{abs(hash((sender, to, subject, text)))}@{local}>"
    for name, value in (headers or {}).items():
        mail[name] = value
    mail.set_content(text)
    return mail


async def post(mail: EmailMessage, port: int, *, sender: str | None = None) -> None:
    """Hand it over; tried again like a mail server does, until it is taken."""
    while True:
        try:
            await aiosmtplib.send(
                mail,
                sender=sender or "bounces@customers.example",
                recipients=[str(mail["To"])],
                hostname="127.0.0.1",
                port=port,
                start_tls=False,
                timeout=20,
                local_hostname="customers.example",
            )
        except aiosmtplib.SMTPRecipientsRefused:
            raise
        except (OSError, aiosmtplib.SMTPException):
            await asyncio.sleep(0.2)
        else:
            return


@dataclass
class Relay:
    """Carries mail between domains, without the headers by which robots know each other."""

    ports: Mapping[str, int]  # by domain
    forgets: tuple[str, ...] = ROBOTS_SAY
    port: int = 0
    carried: list[EmailMessage] = field(default_factory=list)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        mail = email.message_from_bytes(envelope.original_content or b"", policy=email.policy.SMTP)
        assert isinstance(mail, EmailMessage)
        for name in self.forgets:
            del mail[name]
        self.carried.append(mail)
        for recipient in envelope.rcpt_tos:
            self._begin(self._carry(mail, recipient))
        return "250 2.0.0 OK"

    async def _carry(self, mail: EmailMessage, recipient: str) -> None:
        del mail["To"]
        mail["To"] = recipient
        await post(mail, self.ports[recipient.rpartition("@")[2]], sender="relay@relay.example")

    def _begin(self, work: Any) -> None:
        task = asyncio.create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)


@asynccontextmanager
async def relaying(relay: Relay) -> AsyncIterator[Relay]:
    loop = asyncio.get_running_loop()
    sessions: list[SMTP] = []

    def protocol() -> SMTP:
        sessions.append(SMTP(relay, enable_SMTPUTF8=True, hostname="relay.example", loop=loop))
        return sessions[-1]

    server = await loop.create_server(protocol, "127.0.0.1", 0)
    relay.port = server.sockets[0].getsockname()[1]
    try:
        yield relay
    finally:
        server.close()
        for session in sessions:
            if session.transport is not None:
                session.transport.close()
        for task in tuple(relay._tasks):
            task.cancel()
        await asyncio.gather(*relay._tasks, return_exceptions=True)
        await asyncio.sleep(0.05)


Holds = Callable[[], bool]
