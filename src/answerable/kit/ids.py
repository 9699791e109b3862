"""Ids that sort by the time they were made, and types that keep them apart."""

import os
import time
from typing import NewType

TenantId = NewType("TenantId", str)
ConversationId = NewType("ConversationId", str)
ContactId = NewType("ContactId", str)
AgentId = NewType("AgentId", str)

_ALPHABET = "0123456789ABCDEFGHJKMNPQRSTVWXYZ"  # Crockford's base 32: no I, L, O, U


def new_id(prefix: str) -> str:
    """`prefix_` and 26 characters: 48 bits of milliseconds, then 80 random bits.

    Later ids sort after earlier ones (to the millisecond), which keeps index pages warm.
    """
    number = (time.time_ns() // 1_000_000) << 80 | int.from_bytes(os.urandom(10), "big")
    digits = []
    for _ in range(26):
        digits.append(_ALPHABET[number & 31])
        number >>= 5
    return f"{prefix}_{''.join(reversed(digits))}"
