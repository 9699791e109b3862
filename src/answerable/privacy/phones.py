"""Telephone numbers."""

import re
from collections.abc import Sequence
from functools import lru_cache

import phonenumbers
from phonenumbers import PhoneMetadata

from answerable.definition.terms import PHONE_COUNTRIES
from answerable.privacy import context
from answerable.privacy.dates import DATE
from answerable.privacy.spans import PHONE
from answerable.privacy.view import View

_CANDIDATE = re.compile(r"(?<![\w@.$€£])[+(]{0,2}\d[\d ().\-/]{5,40}")
_EXTENSION = re.compile(r" ?(?:x|ext\.?|extension|durchwahl|dw) ?(\d{1,6})(?!\d)", re.IGNORECASE)
_BREAK = re.compile(r" {2,}| [/(\-]{1,2} (?=[+0(])|[.]{2,}| - ")
_US_SHAPE = re.compile(r"(?:1[ .\-])?\(?[2-9]\d\d\)?[ .\-]?[2-9]\d\d[.\-]\d{4}")
_AMOUNT = re.compile(r"\d{1,3}(?:[. ]\d{3})+(?:\.\d\d)?|\d+\.\d{1,2}|0\.\d+")
_UNIT_AFTER = re.compile(
    r" ?(?:[€$£%]|eur\b|euro|usd|gbp|chf|dollar|pound|kg\b|km\b|times\b|mal\b)", re.IGNORECASE
)


def find_phones(view: View, regions: Sequence[str] = PHONE_COUNTRIES) -> None:
    """Numbers in international form, national numbers valid in `regions`, and whatever the words
    around a number call a telephone number."""
    for candidate in _CANDIDATE.finditer(view.text):
        start = candidate.start()
        for piece in _pieces(candidate[0]):
            if view.is_free(start + piece[0], start + piece[1]):
                _judge(view, start + piece[0], start + piece[1], regions)


def _pieces(text: str) -> list[tuple[int, int]]:
    pieces = []
    start = 0
    for gap in [*_BREAK.finditer(text), None]:
        end = gap.start() if gap is not None else len(text)
        stripped = text[start:end].rstrip(" (.-/")
        lead = len(stripped) - len(stripped.lstrip(" .-/)"))
        if lead < len(stripped):
            pieces.append((start + lead, start + len(stripped)))
        start = gap.end() if gap is not None else end
    return pieces


def _judge(view: View, start: int, end: int, regions: Sequence[str]) -> None:
    text = view.text
    if text[start] == "(" and ")" not in text[start:end]:
        start += 1
    written = text[start:end]
    digits = re.sub(r"\D", "", written)
    if not 6 <= len(digits) <= 17 or not _ends_well(text, end):
        return
    international = written.startswith(("+", "00", "(+", "(00")) and len(digits) >= 8
    if not international and (DATE.fullmatch(written) or _is_amount(text, written, end)):
        return
    if not _is_phone(view, start, end, written, digits, international, regions):
        return
    if extension := _EXTENSION.match(text, end):
        end = extension.end()
        digits += "x" + extension[1]
    view.add(PHONE, start, end, ("+" if written.lstrip("(").startswith("+") else "") + digits)


def _ends_well(text: str, end: int) -> bool:
    following = text[end : end + 1]
    return not (following.isalpha() or following == "_") or _EXTENSION.match(text, end) is not None


def _is_amount(text: str, written: str, end: int) -> bool:
    if _UNIT_AFTER.match(text, end):
        return True
    return "." in written and _AMOUNT.fullmatch(written) is not None


def _is_phone(
    view: View,
    start: int,
    end: int,
    written: str,
    digits: str,
    international: bool,
    regions: Sequence[str],
) -> bool:
    labels = view.labels_before(start)
    named = labels.get(context.PHONE, 99)
    other = min((d for name, d in labels.items() if name != context.PHONE), default=99)
    if written.lstrip("(").startswith("+"):
        return 8 <= len(digits) <= 15
    if international:
        return named <= other or (other > 3 and _is_valid("+" + digits.lstrip("0"), ()))
    if (named <= 6 and named < other) or view.labels_after(end).get(context.PHONE, 9) == 0:
        return 6 <= len(digits) <= 15
    if other <= 3:
        return False
    if _US_SHAPE.fullmatch(written) and "US" in regions:
        return True
    if not digits.startswith(_trunks(tuple(regions))) and not written.startswith("("):
        return False
    return 8 <= len(digits) <= 13 and _is_valid(written, regions)


@lru_cache(64)
def _trunks(regions: tuple[str, ...]) -> tuple[str, ...]:
    """What national numbers begin with in these countries, 0 nearly everywhere. Not the 1 of North
    America, whose numbers have a form by which they are known."""
    prefixes = set()
    for one in regions:
        plan = PhoneMetadata.metadata_for_region(one)
        prefixes.add(plan.national_prefix if plan is not None else None)
    return ("0", *sorted(prefix for prefix in prefixes if prefix and prefix not in ("0", "1")))


def _is_valid(written: str, regions: Sequence[str]) -> bool:
    for region in regions or (None,):
        try:
            if phonenumbers.is_valid_number(phonenumbers.parse(written, region)):
                return True
        except phonenumbers.NumberParseException:
            continue
    return False
