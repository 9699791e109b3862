"""One-time codes: how they are made, what they are bound to, and when one is accepted.

A code proves that somebody holds the phone, or reads the mailbox, that the back office knows, and
consents to one exact change (dynamic linking): it is bound to tenant, conversation, contact, number
or mail address, and the change's commitment. What is kept of it is a MAC under a key that is not in
the database: six digits are guessed from a bare hash in no time.

The digits of an authenticator app are made by the contact's telephone, and another system says
whether they are right (`flow.app_codes`). They count against the same standing.

Source of the limits: NIST SP 800-63B-4, 3.2.2 (at most 100 wrong in a row) and 3.1.3.2 (at most 10
minutes, once); the rest is stricter.
"""

import hmac
import secrets
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from answerable.kit.canonical import canonical_json
from answerable.kit.ids import ContactId, ConversationId, TenantId

DIGITS = 6
LASTS = timedelta(minutes=10)
TRIES = 5  # wrong ones, of one code
WRONG_IN_AN_HOUR = 10  # of one person, whatever the code, the conversation or the channel
WRONG_IN_A_ROW = 100  # of one person; then only people help
# An app's digits: a step of 30 s (RFC 6238), and one on either side. TRIES holds for as long.
APP_CODE_LASTS = timedelta(seconds=90)
CHECK_WITHIN = timedelta(seconds=60)  # digits of an app are not asked about later: they are others
_HOUR = timedelta(hours=1)


@dataclass(frozen=True, kw_only=True, slots=True)
class Bound:
    """What a code is good for, and for nothing else. sent_to: keyed hash of the number, or of the
    mail address, that it goes to.

    commitment: of the exact change, as it stands in the ledger.
    """

    tenant: TenantId
    conversation: ConversationId
    contact: ContactId
    sent_to: str
    commitment: str


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredCode:
    """A code as it is kept. person: keyed hash of whom the back office knows; tries are theirs.

    tries: wrong ones of this code. used_at: when it was accepted.
    Digits of an app are kept as a code of their own for each time they are entered: sent nowhere,
    no digits that fit, tries 1 once they were counted. made_at: when.
    """

    id: str
    bound: Bound
    person: str
    mac: bytes
    made_at: datetime
    tries: int = 0
    used_at: datetime | None = None


@dataclass(frozen=True, kw_only=True, slots=True)
class Standing:
    """A person's wrong tries. wrong_at: of the latest, oldest first. in_a_row: since a right one.

    A new code changes nothing about it, nor does another conversation or a restart.
    """

    wrong_at: tuple[datetime, ...] = ()
    in_a_row: int = 0

    def is_locked(self, now: datetime) -> bool:
        """Whether no code of this person is accepted now. People can still help them."""
        recent = sum(now - moment < _HOUR for moment in self.wrong_at)
        return recent >= WRONG_IN_AN_HOUR or self.in_a_row >= WRONG_IN_A_ROW

    def after_wrong(self, now: datetime) -> "Standing":
        latest = (*self.wrong_at, now)[-WRONG_IN_AN_HOUR:]
        return Standing(wrong_at=latest, in_a_row=self.in_a_row + 1)

    def after_right(self) -> "Standing":
        """The hour's count stays: it brakes whoever guesses beside a person who knows."""
        return replace(self, in_a_row=0)

    def without(self, moment: datetime) -> "Standing":
        """As if the wrong try of that moment had not been: it was right, or nobody answered."""
        kept = list(self.wrong_at)
        if moment in kept:
            kept.remove(moment)
        return Standing(wrong_at=tuple(kept), in_a_row=max(self.in_a_row - 1, 0))

    def refuses_app_code(self, now: datetime) -> "Verdict | None":
        """Why another system is not even asked whether digits of an app are right; None: it is."""
        if self.is_locked(now):
            return Verdict.LOCKED
        lately = sum(now - moment < APP_CODE_LASTS for moment in self.wrong_at)
        return Verdict.WORN_OUT if lately >= TRIES else None


class Verdict(StrEnum):
    """What becomes of digits that somebody typed. Only WRONG counts against the person."""

    ACCEPTED = "accepted"
    WRONG = "wrong"
    WORN_OUT = "worn_out"  # wrong too often: it takes a new code
    EXPIRED = "expired"
    USED = "used"
    OTHER_CHANGE = "other_change"  # made for another change, or there is none
    LOCKED = "locked"
    NOT_CHECKED = "not_checked"  # who knows whether it is right did not say


class Codes:
    """Makes and checks codes. key: 32 bytes, derived from the master key, in no database."""

    def __init__(self, key: bytes) -> None:
        self._key = key

    def new_digits(self) -> str:
        return f"{secrets.randbelow(10**DIGITS):0{DIGITS}d}"

    def mac(self, code_id: str, bound: Bound, digits: str) -> bytes:
        """What is kept of the digits."""
        message = canonical_json(
            [code_id, bound.tenant, bound.conversation, bound.contact, bound.sent_to,
             bound.commitment, digits]
        )  # fmt: skip
        return hmac.digest(self._key, message, "sha256")

    def judge(
        self,
        code: StoredCode | None,
        digits: str,
        *,
        wanted: Bound,
        standing: Standing,
        now: datetime,
    ) -> Verdict:
        """Whether these digits are that code, for the change that is `wanted` now.

        wanted.sent_to is not looked at: it is where the code went.
        """
        # Worked out whatever else is wrong: how long it takes tells nothing.
        bound = replace(wanted, sent_to=code.bound.sent_to if code else "")
        given = self.mac(code.id if code else "", bound, digits)
        fits = hmac.compare_digest(given, code.mac if code else b"")
        if standing.is_locked(now):
            return Verdict.LOCKED
        if code is None or code.bound != bound:
            return Verdict.OTHER_CHANGE
        if code.used_at is not None:
            return Verdict.USED
        if now - code.made_at >= LASTS:
            return Verdict.EXPIRED
        if code.tries >= TRIES:
            return Verdict.WORN_OUT
        return Verdict.ACCEPTED if fits else Verdict.WRONG


def no_code() -> bytes:
    """Kept where nobody is to be sent a code: no digits fit it, and nothing else shows it."""
    return secrets.token_bytes(32)


def typed_digits(text: str) -> str | None:
    """What was typed, without the spaces that people put in; None if it can be no code."""
    digits = "".join(text.split())
    return digits if len(digits) == DIGITS and digits.isascii() and digits.isdigit() else None
