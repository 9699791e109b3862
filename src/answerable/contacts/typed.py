"""Amounts, days and cards as people type them: in one form, or None if they are none."""

import re
from datetime import date
from decimal import Decimal

LARGEST_AMOUNT = Decimal("999999.99")
# Digits, perhaps in groups of three, and perhaps two places behind the other of comma and point.
_AMOUNT = re.compile(r"(\d{1,3}([., '’])\d{3}(?:\2\d{3})*|\d+)(?:(?!\2)[.,](\d{1,2}))?", re.ASCII)
_ISO_DAY = re.compile(r"(\d{4})-(\d{1,2})-(\d{1,2})")
_OUR_DAY = re.compile(r"(\d{1,2})[./](\d{1,2})[./](\d{4})")


def read_amount(text: str) -> str | None:
    """ "1.234,50", "1,234.50", "1234.5 EUR" and "€ 1234,50" are "1234.50"; above 0."""
    bare = re.sub(r"(?i)\s*(eur|euro|€)\s*", "", text).strip()
    found = _AMOUNT.fullmatch(bare)
    if found is None:
        return None
    whole, _, cents = found.groups()
    amount = Decimal(f"{re.sub(r'[^0-9]', '', whole)}.{(cents or '').ljust(2, '0')}")
    return f"{amount:.2f}" if 0 < amount <= LARGEST_AMOUNT else None


def read_day(text: str) -> str | None:
    """ "2026-11-30" as browsers send it, or "30.11.2026" as people type it, as the former."""
    if found := _ISO_DAY.fullmatch(text.strip()):
        year, month, day = found.groups()
    elif found := _OUR_DAY.fullmatch(text.strip()):
        day, month, year = found.groups()
    else:
        return None
    try:
        return date(int(year), int(month), int(day)).isoformat()
    except ValueError:
        return None


def read_last4(text: str) -> str | None:
    """The last four digits of a card, also where all of its number was typed: no more is kept."""
    digits = re.sub(r"[\s*•x-]", "", text, flags=re.IGNORECASE)
    return digits[-4:] if digits.isascii() and digits.isdigit() and 4 <= len(digits) <= 19 else None
