"""A text made ready for scanning: same length, ASCII digits, plain separators."""

import re
import unicodedata
from dataclasses import dataclass, field
from functools import cached_property

from answerable.privacy.context import Labels, labels_after, labels_before
from answerable.privacy.spans import Span

# People paste numbers with typographic spaces and dashes, and evade filters with invisible ones.
_SPACES = "\u00a0\u1680\u2000\u2001\u2002\u2003\u2004\u2005\u2006\u2007\u2008\u2009\u200a\u202f"
_INVISIBLE = "\u205f\u3000\u200b\u200c\u200d\u2060\ufeff\u00ad\u200e\u200f"
_DASHES = "\u2010\u2011\u2012\u2013\u2014\u2015\u2212\ufe58\ufe63\uff0d"


_PLAIN = dict.fromkeys(_SPACES + _INVISIBLE, " ") | dict.fromkeys(_DASHES, "-")
_PLAIN |= {"\uff20": "@", "\uff0e": ".", "\uff0b": "+", "\uff0f": "/", "\uff1a": ":", "\u00b7": "."}
# Full-width letters, as in an IBAN typed with an East Asian keyboard.
_PLAIN |= {chr(0xFF21 + n): chr(65 + n) for n in range(26)}
_PLAIN |= {chr(0xFF41 + n): chr(97 + n) for n in range(26)}
_SPECIAL = re.compile("[" + "".join(map(re.escape, _PLAIN)) + r"]|(?![0-9])\d")


def _plain_character(found: re.Match[str]) -> str:
    return _PLAIN.get(found[0]) or str(unicodedata.decimal(found[0]))


def plain(text: str) -> str:
    """`text` with every special digit, space and dash replaced one for one by its ASCII form."""
    if text.isascii():
        return text
    return _SPECIAL.sub(_plain_character, text)


def lowered(text: str) -> str:
    """Lower case of the same length, which `str.lower` does not promise (U+0130)."""
    lower = text.lower()
    return lower if len(lower) == len(text) else "".join(c.lower()[0] for c in text)


@dataclass
class View:
    """One text under inspection, with what has been found in it so far."""

    text: str
    found: list[Span] = field(default_factory=list)

    @cached_property
    def lower(self) -> str:
        return lowered(self.text)

    @cached_property
    def _covered(self) -> bytearray:
        return bytearray(len(self.text) + 1)

    def add(self, kind: str, start: int, end: int, value: str) -> None:
        self.found.append(Span(kind, start, end, value))
        self._covered[start:end] = b"\1" * (end - start)

    def is_free(self, start: int, end: int) -> bool:
        return self._covered.find(1, start, end) < 0

    def labels_before(self, start: int) -> Labels:
        return labels_before(self.lower, start)

    def labels_after(self, end: int) -> Labels:
        return labels_after(self.lower, end)
