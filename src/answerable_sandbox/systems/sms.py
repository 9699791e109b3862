"""The SMS gateway: text messages to phones, shaped as Twilio keeps them."""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from answerable_sandbox.idempotency import Idempotency
from answerable_sandbox.journal import Journal
from answerable_sandbox.problems import Problem
from answerable_sandbox.settings import Clock

MESSAGES_KEPT = 20_000
REPORTS_KEPT = 200
BODY_LENGTH = 1600
_E164 = re.compile(r"\+[1-9]\d{6,14}")
# The vendor's own test numbers: what happens depends on the recipient.
INVALID_NUMBER = "+15005550001"
UNREACHABLE_NUMBER = "+15005550009"
UNSUBSCRIBED_NUMBER = "+15005550004"


@dataclass(frozen=True, kw_only=True)
class TextMessage:
    """One text message; its delivery is a matter of time, see `status`.

    sender: the number it comes from; "" while a messaging service is to choose one.
    service: the messaging service's id. callback: where reports of it go.
    """

    sid: str
    account_sid: str
    to: str
    sender: str
    body: str
    created_at: datetime
    service: str | None = None
    callback: str | None = None

    def status(self, now: datetime) -> str:
        """queued, then sent after 1 s, then delivered (or undelivered) after 3 s."""
        age = now - self.created_at
        if age < timedelta(seconds=1):
            return "queued"
        if age < timedelta(seconds=3):
            return "sent"
        return "undelivered" if self.to == UNREACHABLE_NUMBER else "delivered"

    def as_json(self, now: datetime) -> dict[str, Any]:
        """The message in the vendor's form."""
        status = self.status(now)
        failed = status == "undelivered"
        return {
            "sid": self.sid,
            "account_sid": self.account_sid,
            "api_version": "2010-04-01",
            "to": self.to,
            "from": self.sender or None,
            "messaging_service_sid": self.service,
            "body": self.body,
            "status": status,
            "direction": "outbound-api",
            "num_segments": str(max(1, -(-len(self.body) // 160))),
            "num_media": "0",
            "price": None,
            "price_unit": "USD",
            "error_code": 30003 if failed else None,
            "error_message": "Unreachable destination handset" if failed else None,
            "date_created": format_datetime(self.created_at),
            "date_updated": format_datetime(now),
            "date_sent": None if status == "queued" else format_datetime(self.created_at),
            "uri": f"/2010-04-01/Accounts/{self.account_sid}/Messages/{self.sid}.json",
        }


@dataclass(frozen=True, kw_only=True)
class Report:
    """What the gateway is to tell about a message. fields: the form's, to be signed."""

    message: TextMessage
    status: str
    fields: dict[str, str]


@dataclass(frozen=True, kw_only=True)
class SentReport:
    """A report that went out. answer: the HTTP status it met; None: nobody answered."""

    at: datetime
    to: str
    status: str
    answer: int | None


class SmsGateway:
    """Accepted text messages, newest kept. Every one is journalled when it is accepted."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._idempotency = Idempotency()
        self._numbered = 0
        self.messages: deque[TextMessage] = deque(maxlen=MESSAGES_KEPT)
        self._reported: dict[str, str] = {}  # the last status that was reported, by sid
        self.reports: deque[SentReport] = deque(maxlen=REPORTS_KEPT)

    def send(
        self,
        *,
        account_sid: str,
        to: str,
        sender: str,
        body: str,
        idempotency_key: str | None,
        service: str = "",
        callback: str = "",
    ) -> dict[str, Any]:
        """Accept a message for delivery; the vendor's form of it.

        Raises Problem 400, its code being one of the vendor's error numbers.
        """
        payload = {"To": to, "From": sender or service, "Body": body}

        def apply() -> dict[str, Any]:
            _check(to, sender or service, body)
            _check_callback(callback)
            self._numbered += 1
            digest = hashlib.sha256(str(self._numbered).encode()).hexdigest()
            message = TextMessage(
                sid=f"SM{digest[:32]}",
                account_sid=account_sid,
                to=to,
                sender=sender,
                body=body,
                created_at=self._clock(),
                service=service or None,
                callback=callback or None,
            )
            self.messages.append(message)
            self._journal.record("sms", "message sent", payload, idempotency_key=idempotency_key)
            return message.as_json(self._clock())

        return self._idempotency.once(idempotency_key, [account_sid, payload], apply)

    def due_reports(self) -> list[Report]:
        """What is to be reported now, in the order in which it happened. `reported` ends it."""
        now = self._clock()
        due = []
        for message in self.messages:
            status = message.status(now)
            if message.callback is None or self._reported.get(message.sid) == status:
                continue
            due.append(Report(message=message, status=status, fields=_report(message, status)))
        return due

    def reported(self, report: Report, answer: int | None) -> None:
        """The other side answered a report with this HTTP status; None: not at all.

        The vendor does not come again with a report that was not taken.
        """
        self._reported[report.message.sid] = report.status
        self.reports.append(
            SentReport(at=self._clock(), to=report.message.to, status=report.status, answer=answer)
        )
        payload = {"MessageSid": report.message.sid, "MessageStatus": report.status}
        self._journal.record(
            "sms", "status reported", {**payload, "answered": answer}, kind="report"
        )

    def get(self, sid: str) -> TextMessage:
        """Raises Problem 404 `20404` if there is none."""
        for message in self.messages:
            if message.sid == sid:
                return message
        raise Problem(404, "20404", "The requested resource was not found")


def sign(address: str, fields: Mapping[str, str], token: str) -> str:
    """The vendor's signature of a call to `address` with these form fields."""
    text = address + "".join(f"{name}{fields[name]}" for name in sorted(fields))
    return base64.b64encode(hmac.new(token.encode(), text.encode(), hashlib.sha1).digest()).decode()


def _report(message: TextMessage, status: str) -> dict[str, str]:
    fields = {
        "AccountSid": message.account_sid,
        "ApiVersion": "2010-04-01",
        "From": message.sender or "+15005550006",
        "MessageSid": message.sid,
        "MessageStatus": status,
        "SmsSid": message.sid,
        "SmsStatus": status,
        "To": message.to,
    }
    return {**fields, "ErrorCode": "30003"} if status == "undelivered" else fields


def _check_callback(callback: str) -> None:
    if callback and not callback.startswith(("http://", "https://")):
        raise Problem(400, "21609", "The 'StatusCallback' URL is not a valid URL.")


def _check(to: str, sender: str, body: str) -> None:
    if not to or not _E164.fullmatch(to) or to == INVALID_NUMBER:
        raise Problem(400, "21211", "Invalid 'To' Phone Number")
    if to == UNSUBSCRIBED_NUMBER:
        raise Problem(400, "21610", "Attempt to send to unsubscribed recipient")
    if not sender:
        raise Problem(400, "21603", "A 'From' or 'MessagingServiceSid' is required")
    if not body:
        raise Problem(400, "21602", "Message body is required")
    if len(body) > BODY_LENGTH:
        raise Problem(400, "21617", "The message body exceeds the 1600 character limit")
