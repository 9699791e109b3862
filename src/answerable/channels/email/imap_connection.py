"""One connection to an IMAP mailbox. Blocking: all calls are made from one thread.

Works below `imap_tools`' message level on purpose: that parses each mail in this process, and its
`flag` expunges what other programs marked as deleted.
"""

import contextlib
import imaplib
import re
import socket
import ssl
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from urllib.parse import unquote, urlsplit

from imap_tools.errors import ImapToolsError
from imap_tools.mailbox import BaseMailBox, MailBox, MailBoxStartTls, MailBoxUnencrypted

from answerable.channels.email.smtp_out import Tls
from answerable.kit.errors import InvalidInput

_SIZE = re.compile(rb"UID (\d+).*?RFC822\.SIZE (\d+)|RFC822\.SIZE (\d+).*?UID (\d+)", re.DOTALL)
_HEAD_BYTES = 256 * 1024
_MONTHS = "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec".split()  # noqa: SIM905

# What a broken connection, a rude server and a time-out look like.
IMAP_FAILURES = (imaplib.IMAP4.error, ImapToolsError, OSError, EOFError)


@dataclass(frozen=True, kw_only=True)
class ImapSettings:
    """Where mail arrives.

    timeout: for each command. wait: how long to idle, or to pause where the server cannot idle.
    read_all: on the first connection take in what was read before too, not only unread mail.
    """

    host: str
    port: int
    account: str
    password: str = field(repr=False)
    tls: Tls = Tls.IMPLICIT
    folder: str = "INBOX"
    timeout: timedelta = timedelta(seconds=30)
    wait: timedelta = timedelta(minutes=5)
    read_all: bool = False
    verify_certificate: bool = True
    size_bytes: int = 30 * 2**20

    @classmethod
    def from_url(cls, url: str) -> "ImapSettings":
        """`imaps://account:password@host:993/INBOX`, or `imap://` with `?tls=none|starttls`."""
        parts = urlsplit(url)
        if parts.scheme not in ("imap", "imaps") or not parts.hostname or not parts.username:
            raise InvalidInput("imap_url", "write imaps://account:password@host:993/INBOX")
        implicit = parts.scheme == "imaps"
        tls = Tls.IMPLICIT if implicit else Tls.STARTTLS
        if parts.query:
            tls = Tls(parts.query.removeprefix("tls="))
        return cls(
            host=parts.hostname,
            port=parts.port or (993 if implicit else 143),
            account=unquote(parts.username),
            password=unquote(parts.password or ""),
            tls=tls,
            folder=unquote(parts.path.strip("/")) or "INBOX",
        )


@dataclass(frozen=True, kw_only=True)
class MailboxState:
    uidvalidity: int
    uid_next: int


@dataclass(frozen=True, kw_only=True)
class FetchedMail:
    """cut: the mail is larger than allowed and this is only its beginning."""

    content: bytes
    cut: bool


class ImapConnection:
    """Raises what `IMAP_FAILURES` lists; after that it is of no more use."""

    def __init__(self, settings: ImapSettings) -> None:
        self._settings = settings
        self._mailbox = _connect(settings)
        self._client: imaplib.IMAP4 = self._mailbox.client

    def log_in(self) -> None:
        account, password = self._settings.account, self._settings.password
        if account.isascii() and password.isascii():
            self._mailbox.login(account, password, initial_folder=None)
        else:
            self._mailbox.login_utf8(account, password, initial_folder=None)

    def select(self) -> MailboxState:
        """Open the folder, again each time: only so do we learn that it was made anew."""
        self._mailbox.folder.set(self._settings.folder)
        return MailboxState(uidvalidity=self._told("UIDVALIDITY"), uid_next=self._told("UIDNEXT"))

    def _told(self, name: str) -> int:
        _, values = self._client.response(name)
        value = values[-1] if values else None
        if not isinstance(value, bytes) or not value.isdigit():
            raise imaplib.IMAP4.error(f"the server does not tell {name}")
        return int(value)

    def uids(self, *, after: int) -> list[int]:
        """Of all mail above `after` and of all unread mail, ascending.

        Unread mail below `after` is there if we stopped between storing and marking it, or if the
        server used a number twice; the digest tells the two apart.
        """
        newer = [uid for uid in self._search(f"UID {after + 1}:*") if uid > after]
        return sorted({*newer, *self._search("UNSEEN")})

    def first_uid_since(self, day: datetime) -> int | None:
        """The lowest number of the mail that arrived on `day` or later."""
        month = _MONTHS[day.month - 1]
        return min(self._search(f"SINCE {day.day:02d}-{month}-{day.year}"), default=None)

    def _search(self, criteria: str) -> list[int]:
        return [int(uid) for uid in self._mailbox.uids(criteria, charset=None)]

    def fetch(self, uid: int) -> FetchedMail | None:
        """A mail's bytes, left unread; None if it is gone. Of too large a mail, the beginning."""
        size = self._size(uid)
        if size is None:
            return None
        cut = size > self._settings.size_bytes
        section = f"BODY.PEEK[]<0.{_HEAD_BYTES}>" if cut else "BODY.PEEK[]"
        content = self._literal(uid, f"(UID {section})")
        return None if content is None else FetchedMail(content=content, cut=cut)

    def _size(self, uid: int) -> int | None:
        for item in self._fetched(uid, "(UID RFC822.SIZE)"):
            match = _SIZE.search(item if isinstance(item, bytes) else item[0])
            if match is not None and int(match[1] or match[4]) == uid:
                return int(match[2] or match[3])
        return None

    def _literal(self, uid: int, parts: str) -> bytes | None:
        for item in self._fetched(uid, parts):
            if isinstance(item, tuple) and b"BODY[]" in item[0]:
                return bytes(item[1])
        return None

    def _fetched(self, uid: int, parts: str) -> list[bytes | tuple[bytes, bytes]]:
        status, items = self._client.uid("FETCH", str(uid), parts)
        if status != "OK":  # some servers say NO to a mail that was expunged meanwhile
            if uid in self._search(f"UID {uid}"):
                raise imaplib.IMAP4.error("the server refuses a mail that it has")
            return []
        return [item for item in items if item is not None]

    def mark_seen(self, uid: int) -> None:
        status, _ = self._client.uid("STORE", str(uid), "+FLAGS.SILENT", r"(\Seen)")
        if status != "OK":
            raise imaplib.IMAP4.error("a mail could not be marked as read")

    @property
    def can_idle(self) -> bool:
        return "IDLE" in self._client.capabilities

    def wait(self) -> None:
        """Returns when something changes in the folder, or after `settings.wait`."""
        self._mailbox.idle.wait(timeout=self._settings.wait.total_seconds())

    def interrupt(self) -> None:
        """End what the connection's thread is waiting for; the one call for other threads."""
        with contextlib.suppress(OSError):  # it is closed already
            self._client.sock.shutdown(socket.SHUT_RDWR)

    def close(self) -> None:
        try:
            self._mailbox.logout()
        except IMAP_FAILURES:
            self._client.shutdown()


def _connect(settings: ImapSettings) -> BaseMailBox:
    seconds = settings.timeout.total_seconds()
    context = ssl.create_default_context()
    if not settings.verify_certificate:
        context.check_hostname = False
        context.verify_mode = ssl.CERT_NONE
    match settings.tls:
        case Tls.IMPLICIT:
            return MailBox(settings.host, settings.port, timeout=seconds, ssl_context=context)
        case Tls.STARTTLS:
            return MailBoxStartTls(
                settings.host, settings.port, timeout=seconds, ssl_context=context
            )
        case Tls.NONE:
            return MailBoxUnencrypted(settings.host, settings.port, timeout=seconds)
