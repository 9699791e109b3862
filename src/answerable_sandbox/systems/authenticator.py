"""Authenticator apps: the digits that a customer's app shows, and the bank's check of them.

RFC 6238 (TOTP) over RFC 4226 (HOTP). The secret stays here: whoever asks is told yes or no.
"""

from __future__ import annotations

import hashlib
import hmac
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

Algorithm = Literal["sha1", "sha256"]

DIGITS = 6
STEP_SECONDS = 30
SKEW = 1  # steps before and after: a clock that is off, and a person who types slowly


def hotp(secret: bytes, counter: int, *, algorithm: Algorithm, digits: int = DIGITS) -> str:
    """The digits for one counter (RFC 4226, 5.3)."""
    mac = hmac.digest(secret, counter.to_bytes(8, "big"), algorithm)
    offset = mac[-1] & 0x0F
    number = int.from_bytes(mac[offset : offset + 4], "big") & 0x7FFF_FFFF
    return f"{number % 10**digits:0{digits}d}"


def step_of(at: datetime) -> int:
    """The time step that holds at this moment, counted from 1970 (RFC 6238, 4.2)."""
    return int(at.timestamp()) // STEP_SECONDS


def seconds_left(at: datetime) -> int:
    """How long the digits of this moment are still shown: 1 to 30."""
    return STEP_SECONDS - int(at.timestamp()) % STEP_SECONDS


@dataclass(frozen=True, kw_only=True)
class Authenticator:
    """A customer's app, as the bank knows it.

    last_step: of the digits that were accepted last; these and all before are accepted no more.
    """

    secret: bytes
    algorithm: Algorithm = "sha1"
    last_step: int = -1

    def digits(self, at: datetime) -> str:
        """What the app shows now."""
        return hotp(self.secret, step_of(at), algorithm=self.algorithm)

    def accepted_step(self, digits: str, at: datetime) -> int | None:
        """The step whose digits these are, if it is near enough and was not accepted before."""
        now, found = step_of(at), None
        for step in range(now - SKEW, now + SKEW + 1):
            shown = hotp(self.secret, max(step, 0), algorithm=self.algorithm)
            # All are compared: how long it takes tells nothing.
            if hmac.compare_digest(shown.encode(), digits.encode()) and step > self.last_step:
                found = step
        return found


NOBODYS = Authenticator(secret=b"of no customer")
"""What is checked for those who have no app, so that the answer takes as long."""


def seeded_authenticator(customer_id: str, algorithm: Algorithm) -> Authenticator:
    """An invented app for an invented customer; the same each time."""
    secret = hashlib.sha256(f"Northwind app of {customer_id}".encode()).digest()[:20]
    return Authenticator(secret=secret, algorithm=algorithm)
