"""The SMTP server of the customers' mailboxes, which can be told to misbehave."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

from aiosmtpd.smtp import SMTP, Envelope, Session

from answerable_sandbox.faults import Fault, Mode
from answerable_sandbox.systems.mail import MAIL_BYTES
from answerable_sandbox.world import World

_AT_RECIPIENT: tuple[Mode, ...] = ("refuse", "rate-limit", "greylist")
_AT_DATA: tuple[Mode, ...] = ("slow", "fail", "hang", "apply-then-lose")
_TEXTS = {
    421: "4.3.2 Service not available, closing channel",
    450: "4.2.1 Mailbox busy, try again later",
    451: "4.7.1 Greylisted, try again later",
    550: "5.1.1 No such mailbox here",
}


class Receiver:
    """aiosmtpd's handler: every recipient is a customer of ours, unless a fault says otherwise."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def handle_RCPT(
        self,
        server: SMTP,
        session: Session,
        envelope: Envelope,
        address: str,
        options: list[str],
    ) -> str:
        """Take or refuse one recipient."""
        status = self._refusal(envelope.mail_from or "", address)
        if status is None:
            envelope.rcpt_tos.append(address)
            envelope.rcpt_options.extend(options)
            return "250 2.1.5 OK"
        if status == 421 and server.transport is not None:
            # RFC 5321: 421 announces that the server closes; close() still sends what is written.
            asyncio.get_running_loop().call_soon(server.transport.close)
        return f"{status} {_TEXTS.get(status, '4.3.0 Refused on demand')}"

    async def handle_DATA(self, server: SMTP, session: Session, envelope: Envelope) -> str:
        """Store the mail, or misbehave after the final dot."""
        fault = self._fault_at_data(envelope.rcpt_tos)
        if fault is not None and fault.mode == "fail":
            return f"{fault.status or 451} 4.3.0 Failed on demand"
        if fault is not None and fault.mode in ("slow", "hang"):
            await asyncio.sleep(fault.seconds)
        if fault is not None and fault.mode == "hang":
            _abort(server)
            return "421 4.3.2 Timed out on demand"
        content = envelope.original_content or b""
        mail = self._world.mail.accept(envelope.mail_from or "", list(envelope.rcpt_tos), content)
        if fault is not None and fault.mode == "apply-then-lose":
            _abort(server)
        return f"250 2.0.0 Stored as mail {mail.id}"

    def _refusal(self, sender: str, recipient: str) -> int | None:
        faults = self._world.faults
        fault = faults.find("mail", recipient=recipient, modes=_AT_RECIPIENT)
        if fault is None:
            return None
        if fault.mode == "greylist" and not self._greylist(fault, sender, recipient):
            return None
        if fault.mode != "greylist":
            faults.take("mail", recipient=recipient, modes=[fault.mode])
        self._note(fault, [recipient])
        if fault.mode == "greylist":
            return 451
        return 450 if fault.mode == "rate-limit" else fault.status or 550

    def _greylist(self, fault: Fault, sender: str, recipient: str) -> bool:
        """Whether this try is turned away: the first one, and any sooner than `seconds` later."""
        world = self._world
        attempt = (fault.id, sender.lower(), recipient.lower())
        first = world.mail.greylisted.get(attempt)
        if first is None:
            world.mail.greylisted[attempt] = world.clock()
            return True
        if world.clock() - first < timedelta(seconds=fault.seconds):
            return True
        # It has waited as it should: one of the fault's `times` is used up.
        world.faults.take("mail", recipient=recipient, modes=["greylist"])
        return False

    def _fault_at_data(self, recipients: list[str]) -> Fault | None:
        for recipient in recipients:
            fault = self._world.faults.take("mail", recipient=recipient, modes=_AT_DATA)
            if fault is not None:
                self._note(fault, recipients)
                return fault
        return None

    def _note(self, fault: Fault, recipients: list[str]) -> None:
        self._world.journal.record(
            "mail", f"fault {fault.mode}", {"to": list(recipients)}, kind="fault"
        )


def _abort(server: SMTP) -> None:
    transport = server.transport
    if isinstance(transport, asyncio.Transport):
        transport.abort()


class MailServer(SMTP):
    """One SMTP session; keeps itself in `sessions` while it is open, so that all can be closed."""

    def __init__(self, world: World, sessions: set[MailServer], **options: Any) -> None:
        super().__init__(
            Receiver(world),
            data_size_limit=MAIL_BYTES,
            enable_SMTPUTF8=True,
            hostname="mx.customers.example.com",
            ident="Northwind sandbox",
            **options,
        )
        self._sessions = sessions

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """asyncio's callback."""
        self._sessions.add(self)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        """asyncio's callback."""
        self._sessions.discard(self)
        super().connection_lost(error)

    def abort(self) -> None:
        """Drop the session at once."""
        _abort(self)
