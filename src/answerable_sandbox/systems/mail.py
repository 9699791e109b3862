"""The customers' mailboxes: what Answerable sent to them, and what they wrote."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from email import message_from_bytes, policy
from email.message import EmailMessage
from email.utils import format_datetime, make_msgid
from typing import Any

from answerable_sandbox.journal import Journal
from answerable_sandbox.problems import Problem
from answerable_sandbox.settings import Clock

MAILS_KEPT = 5_000
MAIL_BYTES_KEPT = 64 * 1024 * 1024
MAIL_BYTES = 10 * 1024 * 1024
_SHOWN_HEADERS = (
    "From", "To", "Cc", "Reply-To", "Subject", "Date", "Message-ID", "In-Reply-To", "References",
    "Auto-Submitted",
)  # fmt: skip


@dataclass(frozen=True, kw_only=True)
class Mail:
    """A mail that was accepted for customers.

    sender, recipients: the envelope's, which decide who gets it; headers may say otherwise.
    text: what a person would read, as plain text; never HTML to be rendered.
    """

    id: int
    received_at: datetime
    sender: str
    recipients: tuple[str, ...]
    headers: dict[str, str]
    text: str
    raw: bytes

    @property
    def subject(self) -> str:
        """The subject, or a stand-in."""
        return self.headers.get("Subject") or "(no subject)"

    def as_json(self) -> dict[str, Any]:
        """The mail as the JSON interface shows it; the raw source has its own address."""
        return {
            "id": self.id,
            "received_at": self.received_at.isoformat(),
            "sender": self.sender,
            "recipients": list(self.recipients),
            "headers": self.headers,
            "subject": self.subject,
            "message_id": self.headers.get("Message-ID"),
            "text": self.text,
            "size_bytes": len(self.raw),
        }


@dataclass(frozen=True, kw_only=True)
class Sending:
    """A mail that a customer wrote, and what became of it."""

    at: datetime
    sender: str
    to: str
    subject: str
    message_id: str
    outcome: str


class Mailboxes:
    """Mails to customers, bounded by number and bytes; the oldest go first."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._numbered = 0
        self._bytes = 0
        self._mails: deque[Mail] = deque()
        self.sent: deque[Sending] = deque(maxlen=500)
        # (fault id, sender, recipient) -> when it was first turned away
        self.greylisted: dict[tuple[int, str, str], datetime] = {}

    def accept(self, sender: str, recipients: list[str], raw: bytes) -> Mail:
        """Store a mail; journalled as taken into effect."""
        headers, text = read_mail(raw)
        self._numbered += 1
        mail = Mail(
            id=self._numbered,
            received_at=self._clock(),
            sender=_text(sender),
            recipients=tuple(_text(recipient) for recipient in recipients),
            headers=headers,
            text=text,
            raw=raw,
        )
        self._mails.append(mail)
        self._bytes += len(raw)
        while len(self._mails) > MAILS_KEPT or self._bytes > MAIL_BYTES_KEPT:
            self._bytes -= len(self._mails.popleft().raw)
        payload = {
            "from": mail.sender,
            "to": mail.recipients,
            "subject": mail.subject,
            "mail": mail.id,
        }
        self._journal.record(
            "mail", "mail received", payload, idempotency_key=headers.get("Message-ID")
        )
        return mail

    def mails(self, to: str | None = None) -> list[Mail]:
        """Accepted mails for one recipient (any letter case) or all, oldest first."""
        wanted = to.strip().lower() if to else None
        return [
            mail
            for mail in self._mails
            if wanted is None or wanted in (recipient.lower() for recipient in mail.recipients)
        ]

    def get(self, id_: int) -> Mail:
        """Raises Problem 404 if there is none (any more)."""
        for mail in self._mails:
            if mail.id == id_:
                return mail
        raise Problem(404, "not_found", "There is no such mail, or it was forgotten since.")


def read_mail(raw: bytes) -> tuple[dict[str, str], str]:
    """The headers worth showing and the readable text; never raises, whatever the bytes are."""
    try:
        message = message_from_bytes(raw, policy=policy.default)
        headers = {name: _text(str(message[name])) for name in _SHOWN_HEADERS if message[name]}
        body = message.get_body(preferencelist=("plain", "html"))
        text = _text(str(body.get_content())) if body is not None else ""
    # The stdlib parser raises all sorts of errors on hostile mail, RecursionError included.
    except Exception:
        return {}, raw.decode("utf-8", "replace")
    return headers, text


def _text(value: str) -> str:
    """The value without the half surrogates that stand for bytes in an unknown encoding."""
    return value.encode("utf-8", "replace").decode()


def write_mail(
    *, sender: str, to: str, subject: str, text: str, now: datetime, in_reply_to: str | None
) -> EmailMessage:
    """A customer's mail, with the headers that a mail program would set.

    Raises Problem 422 if a header value could not be one, e.g. has a line break in it.
    """
    message = EmailMessage(policy=policy.SMTP)
    try:
        message["From"] = sender
        message["To"] = to
        message["Subject"] = subject
        message["Date"] = format_datetime(now)
        message["Message-ID"] = make_msgid(domain="customers.example.com")
        if in_reply_to:
            message["In-Reply-To"] = in_reply_to
            message["References"] = in_reply_to
    except (ValueError, IndexError) as error:
        raise Problem(422, "header_invalid", "A header of the mail is not well formed.") from error
    message.set_content(text)
    return message
