"""Text messages to contacts: what the flow asks of a gateway, and what it hears of them later.

A text message cannot be taken back and costs money: one that may have been sent is not sent again.
"""

import re
from dataclasses import dataclass
from typing import Protocol, runtime_checkable

LONGEST_TEXT = 1_600  # characters: what gateways take as one message, in several parts
_E164 = re.compile(r"\+[1-9][0-9]{6,14}")
# How far a message has come, in this order: news may come late and in any order.
PROGRESS = ("accepted", "scheduled", "queued", "sending", "sent")
ENDS = ("delivered", "read", "undelivered", "failed", "canceled")


@dataclass(frozen=True, kw_only=True)
class Sent:
    """The gateway took it. id: the gateway's own."""

    id: str


@dataclass(frozen=True, kw_only=True)
class MaybeSent:
    """The call left and no answer came. Never send it again by yourself: ask the contact."""


@dataclass(frozen=True, kw_only=True)
class SmsRefused:
    """It was not sent and will not be. reason: a stable word, such as `number_invalid`."""

    reason: str


SmsOutcome = Sent | MaybeSent | SmsRefused


@runtime_checkable
class SmsSender(Protocol):
    """A gateway for text messages."""

    async def send(self, to: str, text: str, key: str) -> SmsOutcome:
        """Send once. to: E.164. key: the effect's idempotency key; what is heard later of this
        message is kept under it.

        Raises ConnectorUnavailable if it was certainly not sent and may be tried again.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class SmsReport:
    """What the gateway said of a message. key: of the effect that sent it.

    status: one of PROGRESS or ENDS. error: the gateway's number for what went wrong.
    """

    key: str
    message_id: str
    status: str
    error: str | None = None

    @property
    def rank(self) -> int:
        """A report with a lower or the same rank than the one that is known changes nothing."""
        return len(PROGRESS) if self.status in ENDS else PROGRESS.index(self.status)


def is_number(text: str) -> bool:
    """Whether it is written as E.164 says; not whether anybody has it."""
    return _E164.fullmatch(text) is not None


def last_two(number: str) -> str:
    """All that may be shown of a number in logs, metrics and events."""
    return number[-2:] if len(number) > 4 else ""
