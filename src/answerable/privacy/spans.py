"""What detection returns: typed spans of a text, and which of two overlapping ones wins."""

from collections.abc import Iterable
from dataclasses import dataclass

CARD = "card"
CVV = "cvv"
IBAN = "iban"
BIC = "bic"
PHONE = "phone"
EMAIL = "email"
NATIONAL_ID = "national_id"
TAX_ID = "tax_id"
DATE_OF_BIRTH = "date_of_birth"
ACCOUNT_NUMBER = "account_number"
PASSPORT = "passport"
IP = "ip"
NAME = "name"
ADDRESS = "address"

# Strongest evidence first. An IBAN outranks a card because digits inside a valid IBAN may pass Luhn
# by chance; a card outranks an e-mail so that a card number is dropped wherever it stands.
PRIORITY = {
    kind: rank
    for rank, kind in enumerate(
        (
            IBAN,
            CARD,
            CVV,
            EMAIL,
            NATIONAL_ID,
            TAX_ID,
            BIC,
            IP,
            DATE_OF_BIRTH,
            PASSPORT,
            ACCOUNT_NUMBER,
            PHONE,
            ADDRESS,
            NAME,
        )
    )
}
TYPES = tuple(PRIORITY)


@dataclass(frozen=True, slots=True)
class Span:
    """One piece of personal data in a text.

    start, end: character offsets into the original text, end exclusive.
    value: normalised, so that two spellings of one value are equal (digits of a card,
    an IBAN without spaces in capitals, an e-mail address in lower case).
    """

    type: str
    start: int
    end: int
    value: str


def overlaps(spans: Iterable[Span], start: int, end: int) -> bool:
    """True if any of `spans` shares a character with [start, end)."""
    return any(span.start < end and start < span.end for span in spans)


def resolve(spans: list[Span]) -> list[Span]:
    """The spans that stay when of each overlapping pair the stronger, then the longer one wins.

    In order of position. Runs in n log n: a loser never wins again against a later rival.
    """
    if len(spans) < 2:
        return spans
    taken = bytearray(max(span.end for span in spans))
    kept = []
    for span in sorted(spans, key=lambda s: (PRIORITY[s.type], s.start - s.end, s.start)):
        if not any(taken[span.start : span.end]):
            taken[span.start : span.end] = b"\1" * (span.end - span.start)
            kept.append(span)
    return sorted(kept, key=lambda s: s.start)
