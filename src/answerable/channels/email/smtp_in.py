"""An SMTP server for intake without a mailbox: says 250 only when the mail is on disk."""

import asyncio
import logging
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, cast

from aiosmtpd.smtp import SMTP, Envelope, Session

from answerable.channels.email.inbox import MailInbox
from answerable.channels.email.intake import MailIntake, Origin
from answerable.kit.places import Places
from answerable.kit.rate_limit import RateLimiter
from answerable.kit.telemetry import get_logger

log = get_logger("email")


@dataclass(frozen=True, kw_only=True)
class SmtpInSettings:
    """Where to listen; port 0 takes a free one. waiting_most: mails being stored at a time.

    connections_each: of one network address. command_seconds: for one command, or a mail's whole
    content. session_seconds: after which a connection is closed whatever it does.
    """

    host: str = "127.0.0.1"
    port: int = 2526
    size_bytes: int = 30 * 2**20
    waiting_most: int = 50
    recipients_most: int = 100
    connections_most: int = 200
    connections_each: int = 50
    command_seconds: float = 120
    session_seconds: float = 600


class _Handler:
    """aiosmtpd's hooks; the names and the answers are the library's and the protocol's."""

    def __init__(
        self,
        intake: MailIntake,
        inboxes: Mapping[str, MailInbox],
        settings: SmtpInSettings,
        on_stored: Callable[[], None],
        busy: Callable[[], bool],
    ) -> None:
        self._intake = intake
        self._inboxes = inboxes
        self._settings = settings
        self._on_stored = on_stored
        self._busy = busy
        self._waiting = 0
        self._senders: dict[int, RateLimiter] = {}

    async def handle_MAIL(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        if self._busy():
            return "451 4.3.2 Too busy, try again later"
        if self._waiting >= self._settings.waiting_most:
            return "452 4.3.1 Too busy, try again later"
        envelope.mail_from = address  # "<>" for the null sender: the library wants it true
        envelope.mail_options.extend(options)
        return "250 2.1.0 OK"

    async def handle_RCPT(
        self, _server: SMTP, _session: Session, envelope: Envelope, address: str, options: list[str]
    ) -> str:
        inbox = self._inbox(address)
        if inbox is None:
            return "550 5.1.1 No such mailbox here"
        if len(envelope.rcpt_tos) >= self._settings.recipients_most:
            return "452 4.5.3 Too many recipients"
        if self._is_too_fast(envelope.mail_from or "", inbox):
            return "450 4.7.1 Too many mails from this sender, try again later"
        envelope.rcpt_tos.append(address)
        envelope.rcpt_options.extend(options)
        return "250 2.1.5 OK"

    async def handle_DATA(self, _server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self._waiting >= self._settings.waiting_most:
            return "452 4.3.1 Too busy, try again later"
        content = envelope.original_content or b""
        inboxes = {
            (inbox.tenant, inbox.name): (inbox, address)
            for address in envelope.rcpt_tos
            if (inbox := self._inbox(address)) is not None
        }
        origin = Origin(source="smtp", null_sender=envelope.mail_from in ("<>", "", None))
        self._waiting += 1
        try:
            for inbox, address in inboxes.values():
                await self._intake.store(_delivered_to(address) + content, inbox, origin)
        except Exception:
            log.exception("mail_not_stored")
            return "451 4.3.0 Could not be stored, try again later"
        finally:
            self._waiting -= 1
        self._on_stored()
        return "250 2.0.0 OK, stored"

    def _is_too_fast(self, sender: str, inbox: MailInbox) -> bool:
        """Bounces have no sender of their own, and are not counted."""
        most = inbox.messages_per_minute
        limiter = self._senders.setdefault(most, RateLimiter(per_second=most / 60, burst=most))
        who = f"{inbox.tenant}:{sender.casefold()}"
        return sender not in ("", "<>") and limiter.take(who, time.monotonic()) is not None

    def _inbox(self, address: str) -> MailInbox | None:
        """Also `support+anything@`: reply tokens arrive that way."""
        local, at, domain = address.casefold().rpartition("@")
        return self._inboxes.get(f"{local.partition('+')[0]}{at}{domain}") or self._inboxes.get(
            address.casefold()
        )


def _delivered_to(address: str) -> bytes:
    """The envelope's recipient, which may hold the reply token; one per inbox, as local delivery
    agents write it."""
    plain = "".join(character for character in address if character.isprintable())
    return f"Delivered-To: {plain}\r\n".encode("utf-8", "replace")


class _Server(SMTP):
    line_length_limit = 2**16  # 1,001 by RFC 5321; real programs write longer lines

    def __init__(self, handler: _Handler, places: Places, seconds: float, **options: Any) -> None:
        super().__init__(handler, **options)
        self._places = places
        self._seconds = seconds
        self._address: str | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        transport = cast("asyncio.Transport", transport)  # uvloop's is one in all but its class
        address = str((transport.get_extra_info("peername") or ("",))[0])
        if not self._places.take(address):
            transport.write(b"421 4.3.2 Too many connections, try again later\r\n")
            transport.close()
            return
        self._address = address
        self._end = self.loop.call_later(self._seconds, transport.close)
        super().connection_made(transport)

    def connection_lost(self, error: Exception | None) -> None:
        if self._address is not None:
            self._places.leave(self._address)
            self._end.cancel()
            super().connection_lost(error)


class SmtpReceiver:
    """Listens until closed. inboxes: by address in lower case. busy: whether to refuse mail now."""

    def __init__(
        self,
        intake: MailIntake,
        inboxes: Mapping[str, MailInbox],
        settings: SmtpInSettings,
        *,
        on_stored: Callable[[], None] = lambda: None,
        busy: Callable[[], bool] = lambda: False,
    ) -> None:
        self._settings = settings
        self._handler = _Handler(intake, inboxes, settings, on_stored, busy)
        self._places = Places(most=settings.connections_most, most_each=settings.connections_each)
        self._server: asyncio.Server | None = None

    async def start(self) -> int:
        """Begin to listen; the port."""
        # The library logs every command and with it every address.
        logging.getLogger("mail.log").setLevel(logging.ERROR)
        loop = asyncio.get_running_loop()
        self._server = await loop.create_server(
            self._protocol, host=self._settings.host, port=self._settings.port
        )
        return int(self._server.sockets[0].getsockname()[1])

    def _protocol(self) -> Any:
        return _Server(
            self._handler,
            self._places,
            self._settings.session_seconds,
            data_size_limit=self._settings.size_bytes,
            enable_SMTPUTF8=True,
            decode_data=False,
            hostname="answerable",
            ident="Answerable",
            timeout=self._settings.command_seconds,
            loop=asyncio.get_running_loop(),
        )

    async def close(self) -> None:
        if self._server is not None:
            self._server.close()
            await self._server.wait_closed()
            self._server = None
