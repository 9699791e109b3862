"""Entities: things that playbooks need to know and contacts tell, such as a payment's reference.

A definition says what they look like in a small language of shapes that cannot run wild: `#` is a
digit, `@` a letter, all else stands for itself. Matching is linear in the text.
"""

import re
from collections.abc import Mapping, Sequence
from functools import lru_cache

from answerable.definition.schema import EntityKind

LONGEST_TEXT = 20_000  # characters looked at; a reference beyond that is asked for

_CURRENCIES: Mapping[str, tuple[str, ...]] = {
    "EUR": ("eur", "euro", "euros", "€"),
    "USD": ("usd", "dollar", "dollars", "us-dollar", "$"),
    "GBP": ("gbp", "pound", "pounds", "sterling", "pfund", "£"),
    "CHF": ("chf", "franc", "francs", "franken"),
    "JPY": ("jpy", "yen", "¥"),
    "PLN": ("pln", "zloty", "złoty"),
    "SEK": ("sek",),
    "DKK": ("dkk",),
    "NOK": ("nok",),
    "CZK": ("czk", "koruna", "kronen"),
    "CAD": ("cad",),
    "AUD": ("aud",),
    "TRY": ("try", "lira"),
}
_BY_WORD = {word: code for code, words in _CURRENCIES.items() for word in words}
_WORD = re.compile(r"[\w-]+|[€$£¥]")


def extract(text: str, kinds: Sequence[EntityKind]) -> dict[str, str]:
    """The first entity of each kind in `text`, by kind, in canonical form."""
    text = text[:LONGEST_TEXT]
    found = {}
    for kind in kinds:
        value = _first(text, kind)
        if value is not None:
            found[kind.name] = value
    return found


def _first(text: str, kind: EntityKind) -> str | None:
    for shape in kind.shapes:
        match = _shape(shape).search(text)
        if match:
            return match.group(0).upper()
    if kind.values:
        lowered = text.casefold()
        places = [
            (position, canonical)
            for canonical, spellings in kind.values.items()
            for spelling in (canonical, *spellings)
            if (position := _find_word(lowered, spelling.casefold())) >= 0
        ]
        if places:
            return min(places)[1]
    if kind.builtin == "currency-pair":
        return _currency_pair(text)
    return None


@lru_cache(maxsize=1024)
def _shape(shape: str) -> re.Pattern[str]:
    classes = {"#": r"\d", "@": r"[A-Za-z]"}
    body = "".join(classes.get(char, re.escape(char)) for char in shape)
    return re.compile(rf"(?<![\w-]){body}(?![\w-])", re.IGNORECASE)


def _find_word(text: str, word: str) -> int:
    start = text.find(word)
    while start >= 0:
        end = start + len(word)
        before = text[start - 1] if start else " "
        after = text[end] if end < len(text) else " "
        if not before.isalnum() and not after.isalnum():
            return start
        start = text.find(word, end)
    return -1


def _currency_pair(text: str) -> str | None:
    """Two currencies in the order named; one alone is meant against the euro."""
    codes = []
    for word in _WORD.findall(text):
        pieces = [word] if word.casefold() in _BY_WORD else re.split(r"[-_]", word)
        for piece in pieces:
            code = _BY_WORD.get(piece.casefold())
            # "try" is a verb far more often than a currency, unless it is written as a code.
            if code and code not in codes and (piece.casefold() != "try" or piece.isupper()):
                codes.append(code)
    if len(codes) >= 2:
        return f"{codes[0]}-{codes[1]}"
    if codes and codes[0] != "EUR":
        return f"EUR-{codes[0]}"
    return None
