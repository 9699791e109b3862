"""The sender's own data, as the record of them has it, found again in what they write."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

from answerable.privacy.spans import ADDRESS, NAME, PHONE
from answerable.privacy.view import View

SHORTEST_PART = 4  # of a name, to be looked for alone: "Al" and "May" are words
_WORD = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
_SPACES = r"[\s,.\-/]{1,3}"


@dataclass(frozen=True, kw_only=True, slots=True)
class Record:
    """What is known of who writes: from their mail's header, or a connector's facts.

    Each as written there; found whatever the capitals, spaces and punctuation are.
    """

    names: Sequence[str] = ()
    addresses: Sequence[str] = ()
    phones: Sequence[str] = ()


def find_own(view: View, record: Record) -> None:
    """Exact matches, where nothing stronger was found. Of a name also its parts with a capital."""
    for phone in record.phones:
        digits = re.sub(r"\D", "", phone)
        if len(digits) >= 6:
            _find(view, PHONE, r"[ ().\-/]{0,2}".join(digits), digits, whole=r"\d")
    for address in record.addresses:
        words = re.findall(r"\w+", address.lower())
        if len(words) > 1:
            _find(view, ADDRESS, _SPACES.join(map(re.escape, words)), " ".join(words))
    for name in record.names:
        words = _WORD.findall(name)
        if len(words) > 1:
            pattern = _SPACES.join(re.escape(word.lower()) for word in words)
            _find(view, NAME, pattern, " ".join(words).lower())
        for word in words:
            if len(word) >= SHORTEST_PART:
                _find(view, NAME, re.escape(word.lower()), word.lower(), capital=True)


def _find(
    view: View, kind: str, pattern: str, value: str, *, whole: str = r"\w", capital: bool = False
) -> None:
    for found in re.finditer(rf"(?<!{whole}){pattern}(?!{whole})", view.lower):
        start, end = found.span()
        if view.is_free(start, end) and (not capital or view.text[start].isupper()):
            view.add(kind, start, end, value)
