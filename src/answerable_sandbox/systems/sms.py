"""The SMS gateway: text messages to phones, shaped as Twilio keeps them."""

from __future__ import annotations

import hashlib
import re
from collections import deque
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import format_datetime
from typing import Any

from answerable_sandbox.idempotency import Idempotency
from answerable_sandbox.journal import Journal
from answerable_sandbox.problems import Problem
from answerable_sandbox.settings import Clock

MESSAGES_KEPT = 20_000
BODY_LENGTH = 1600
_E164 = re.compile(r"\+[1-9]\d{6,14}")
# The vendor's own test numbers: what happens depends on the recipient.
INVALID_NUMBER = "+15005550001"
UNREACHABLE_NUMBER = "+15005550009"
UNSUBSCRIBED_NUMBER = "+15005550004"


@dataclass(frozen=True, kw_only=True)
class TextMessage:
    """One text message; its delivery is a matter of time, see `status`."""

    sid: str
    account_sid: str
    to: str
    sender: str
    body: str
    created_at: datetime

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
            "from": self.sender,
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


class SmsGateway:
    """Accepted text messages, newest kept. Every one is journalled when it is accepted."""

    def __init__(self, journal: Journal, clock: Clock) -> None:
        self._journal = journal
        self._clock = clock
        self._idempotency = Idempotency()
        self._numbered = 0
        self.messages: deque[TextMessage] = deque(maxlen=MESSAGES_KEPT)

    def send(
        self, *, account_sid: str, to: str, sender: str, body: str, idempotency_key: str | None
    ) -> dict[str, Any]:
        """Accept a message for delivery; the vendor's form of it.

        Raises Problem 400, its code being one of the vendor's error numbers.
        """
        payload = {"To": to, "From": sender, "Body": body}

        def apply() -> dict[str, Any]:
            _check(to, sender, body)
            self._numbered += 1
            digest = hashlib.sha256(str(self._numbered).encode()).hexdigest()
            message = TextMessage(
                sid=f"SM{digest[:32]}",
                account_sid=account_sid,
                to=to,
                sender=sender,
                body=body,
                created_at=self._clock(),
            )
            self.messages.append(message)
            self._journal.record("sms", "message sent", payload, idempotency_key=idempotency_key)
            return message.as_json(self._clock())

        return self._idempotency.once(idempotency_key, [account_sid, payload], apply)

    def get(self, sid: str) -> TextMessage:
        """Raises Problem 404 `20404` if there is none."""
        for message in self.messages:
            if message.sid == sid:
                return message
        raise Problem(404, "20404", "The requested resource was not found")


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
