"""A value written over several messages: "my card is 4111 1111", then "1111 1111".

What was said before is stored and acknowledged, and stays as it is; of the message that completes
the value its part is found, with the whole value.
"""

import re
from collections.abc import Sequence

from answerable.privacy.detect import find
from answerable.privacy.spans import CARD, IBAN, NATIONAL_ID, TAX_ID, Span

MOST_BEFORE = 3  # messages looked back at: a card in four groups
LONGEST = 48  # characters of a piece
_TAIL = 80  # characters of the message before: what is asked for stands there too
_CHECKED = (CARD, IBAN, NATIONAL_ID, TAX_ID)  # with check digits, so that chance makes none
_PIECE = re.compile(r"\W*[A-Za-z]{0,4}(?:[\s.\-/]*\d){2,30}\W*")
_ENDS_IN_PIECE = re.compile(r"\d[\s.,\-/]*$")


def is_piece(text: str) -> bool:
    """Whether a message is so much like a piece of a number that those before must be read."""
    return len(text) <= LONGEST and _PIECE.fullmatch(text) is not None


def find_continued(before: Sequence[str], text: str) -> list[Span]:
    """The part of `text`, a piece, that completes a value begun in `before` (oldest first)."""
    joined, boundary = text, 0
    for earlier in reversed(before[-MOST_BEFORE:]):
        if _ENDS_IN_PIECE.search(earlier) is None:
            break
        tail = earlier[-_TAIL:].rstrip(" \t\n.,-/") + " "
        joined, boundary = tail + joined, boundary + len(tail)
        for span in find(joined):
            if span.type in _CHECKED and span.start < boundary < span.end:
                lead = len(text) - len(text.lstrip())
                return [Span(span.type, lead, span.end - boundary, span.value)]
    return []
