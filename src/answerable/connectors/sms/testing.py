"""A gateway in memory, which behaves as the contract of `SmsSender` says."""

from dataclasses import dataclass, field

from answerable.contacts.sms import (
    LONGEST_TEXT,
    MaybeSent,
    Sent,
    SmsOutcome,
    SmsRefused,
    is_number,
)
from answerable.kit.errors import ConnectorUnavailable


@dataclass
class FakeSms:
    """sent: (to, text, key) of what went out, in order. next: what becomes of the next messages,
    instead of being sent; MaybeSent is sent all the same."""

    sent: list[tuple[str, str, str]] = field(default_factory=list)
    next: list[SmsOutcome | ConnectorUnavailable] = field(default_factory=list)

    async def send(self, to: str, text: str, key: str) -> SmsOutcome:
        if not is_number(to):
            return SmsRefused(reason="number_invalid")
        if not text.strip() or len(text) > LONGEST_TEXT:
            return SmsRefused(reason="text_too_long" if text.strip() else "text_empty")
        outcome = self.next.pop(0) if self.next else Sent(id=f"SM{len(self.sent):032x}")
        if isinstance(outcome, ConnectorUnavailable):
            raise outcome
        if isinstance(outcome, Sent | MaybeSent):
            self.sent.append((to, text, key))
        return outcome
