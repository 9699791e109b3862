"""Delivery over SMTP. A retry sends the same Message-ID, so that a mail whose fate is unknown
(the connection broke after the final dot) is at worst delivered twice and shown once.
"""

import asyncio
import random
import re
import ssl
import time
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from enum import StrEnum

import aiosmtplib
from aiosmtplib import SMTPStatus
from aiosmtplib.errors import (
    SMTPAuthenticationError,
    SMTPException,
    SMTPResponseException,
)

from answerable.channels.email.compose import ComposedMail
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable

_NAME = "smtp"
_ONE_ADDRESS = re.compile(r"[!#-;=?-~]*")  # printable ASCII without quotes, spaces, < and >
_LONGEST_WAIT = timedelta(hours=1)
_SURE_FOR = 1.0  # seconds after an answer for which a connection is not asked whether it is alive
_NOT_YET_SAID = frozenset({530, 534, 535, 538})  # our log-in is wrong, not the mail


class Tls(StrEnum):
    NONE = "none"
    STARTTLS = "starttls"
    IMPLICIT = "implicit"


@dataclass(frozen=True, kw_only=True)
class SmtpSettings:
    """Where mail leaves. timeout: for each command, the one after the final dot included."""

    host: str
    port: int
    tls: Tls = Tls.STARTTLS
    account: str | None = None
    password: str | None = field(default=None, repr=False)
    timeout: timedelta = timedelta(seconds=30)
    connections: int = 4
    hostname: str | None = None  # what we call ourselves in EHLO
    verify_certificate: bool = True


def backoff(attempt: int, *, first: timedelta = timedelta(seconds=30)) -> timedelta:
    """How long to wait after failed attempt number `attempt` (from 1): doubling, one hour at most,
    20 % more or less so that a thousand waiting mails do not knock at once."""
    wait = min(first * float(2 ** min(attempt - 1, 20)), _LONGEST_WAIT)
    return wait * random.uniform(0.8, 1.2)


class SmtpSender:
    """Sends composed mail over a few kept connections. Close it when done."""

    def __init__(self, settings: SmtpSettings) -> None:
        self._settings = settings
        self._idle: list[tuple[aiosmtplib.SMTP, float]] = []  # with when it last answered
        self._free = asyncio.Semaphore(settings.connections)
        self._tls = None if settings.tls is Tls.NONE else _tls_context(settings)

    async def send(self, mail: ComposedMail) -> None:
        """Returns once the server has taken the mail over.

        Raises ConnectorUnavailable if it may work later (4xx, greylisting, no connection, timeout,
        also when it is unknown whether the mail arrived) and ConnectorRefused if it never will.
        """
        async with self._free:
            try:
                async with self._connection() as connection:
                    await _hand_over(connection, mail)
            except SMTPAuthenticationError as error:
                raise _typed(535, "") from error
            except SMTPResponseException as error:
                raise _typed(error.code, error.message) from error
            except (SMTPException, OSError, TimeoutError) as error:
                raise ConnectorUnavailable(
                    _NAME, "the mail server cannot be reached", retry_after=timedelta(seconds=30)
                ) from error

    async def close(self) -> None:
        connections, self._idle = self._idle, []
        for connection, _ in connections:
            await _quit(connection)

    @asynccontextmanager
    async def _connection(self) -> AsyncIterator[aiosmtplib.SMTP]:
        """A connection that answered just now; kept for the next mail unless this one broke it."""
        connection = await self._kept() or await self._connect()
        try:
            yield connection
        except (SMTPException, OSError, TimeoutError, asyncio.CancelledError):
            connection.close()  # its state is unknown: a half-sent mail must not be continued
            raise
        if connection.is_connected:
            self._idle.append((connection, time.monotonic()))

    async def _kept(self) -> aiosmtplib.SMTP | None:
        while self._idle:
            connection, answered_at = self._idle.pop()
            if time.monotonic() < answered_at + _SURE_FOR:
                return connection
            try:
                await connection.rset()
            except (SMTPException, OSError, TimeoutError):
                connection.close()
                continue
            return connection
        return None

    async def _connect(self) -> aiosmtplib.SMTP:
        settings = self._settings
        connection = aiosmtplib.SMTP(
            hostname=settings.host,
            port=settings.port,
            username=settings.account,
            password=settings.password,
            local_hostname=settings.hostname or "localhost",
            timeout=settings.timeout.total_seconds(),
            use_tls=settings.tls is Tls.IMPLICIT,
            start_tls=settings.tls is Tls.STARTTLS,
            tls_context=self._tls,
        )
        await connection.connect()
        if connection.is_ehlo_or_helo_needed:
            await connection.rset()  # says EHLO first, or HELO to a server that knows no other
        return connection


def _tls_context(settings: SmtpSettings) -> ssl.SSLContext:
    context = ssl.create_default_context()
    if not settings.verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    return context


async def _hand_over(connection: aiosmtplib.SMTP, mail: ComposedMail) -> None:
    """What the library's `sendmail` does for one recipient. It reads each address twice with the
    standard library's parser, which took a third of the time of a mail; ours are checked already.
    """
    size = [b"size=%d" % len(mail.content)] if connection.supports_extension("size") else []
    await _tell(connection, b"MAIL", b"FROM:" + _path(mail.envelope_sender), *size)
    await _tell(connection, b"RCPT", b"TO:" + _path(mail.recipient))
    await connection.data(mail.content)


def _path(address: str) -> bytes:
    """An address on a command line, on which nothing else may come with it."""
    if not _ONE_ADDRESS.fullmatch(address):
        raise ConnectorRefused(_NAME, "no mail can be sent to or from this address")
    return f"<{address}>".encode("ascii")


async def _tell(connection: aiosmtplib.SMTP, *command: bytes) -> None:
    response = await connection.execute_command(*command)
    if response.code not in (SMTPStatus.completed, SMTPStatus.will_forward):
        raise SMTPResponseException(response.code, response.message)


async def _quit(connection: aiosmtplib.SMTP) -> None:
    try:
        await connection.quit()
    except (SMTPException, OSError, TimeoutError):
        connection.close()


def _typed(code: int, message: str) -> ConnectorUnavailable | ConnectorRefused:
    """The server's words may hold the address, so only its code goes into ours."""
    if code in _NOT_YET_SAID:
        return ConnectorUnavailable(
            _NAME, "the mail server refused our log-in", retry_after=timedelta(minutes=15)
        )
    if 400 <= code < 500 or code < 200:
        grey = code in (450, 451) or "greylist" in message.lower()
        wait = timedelta(minutes=5) if grey else timedelta(minutes=1)
        return ConnectorUnavailable(_NAME, f"the mail server said {code}", retry_after=wait)
    return ConnectorRefused(_NAME, f"the mail server refused the mail with {code}")
