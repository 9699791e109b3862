"""The sender's own data, as the record of them has it, found again in what they write.

Text and record are compared without spaces, punctuation and accents: so "Haupt-Str. 5 a" is
"Hauptstraße 5a", and "Mueller" is "Müller".
"""

import re
import unicodedata
from bisect import bisect_right
from collections.abc import Iterator, Sequence
from itertools import accumulate, pairwise, product
from typing import NamedTuple

from phonenumbers import COUNTRY_CODE_TO_REGION_CODE

from answerable.privacy.record import Record
from answerable.privacy.spans import ACCOUNT_NUMBER, ADDRESS, EMAIL, NAME, PHONE
from answerable.privacy.view import View, lowered, plain

SHORTEST_NAME = 4  # letters, of a name or its part alone: "Al" and "May" are words
SHORTEST_STREET = 6  # letters, without its number; half of them with it
SHORTEST_CODE = 5  # of a postcode or a customer's id: shorter ones are years and amounts too
SHORTEST_NUMBER = 6  # digits of a telephone number without what comes before it
LONGEST_GAP = 3  # characters between two words of one value

_WORD = re.compile(r"[^\W\d_]+|\d+")  # "5a" are two
_DIGITS = re.compile(r"\d+")
_NAME = re.compile(r"[^\W\d_]+(?:['’\-][^\W\d_]+)*")
# An accent may be a character of its own.
_NO_GAP = re.compile(r"[^\s,.;\-/'’()@\[\]{}<>_+\u0300-\u036f]")
_NO_PHONE_GAP = re.compile(r"[^ .\-/()]")
_AT_WORDS = ("", "at", "arroba", "chiocciola", "arobase", "malpa")
_DOT_WORDS = ("", "dot", "punkt", "point", "punto", "kropka")
_NO_MARK = str.maketrans("øłđıæœ", "oldiao", "")
_SHORT = {
    "street": "st", "avenue": "ave", "road": "rd", "lane": "ln", "drive": "dr", "court": "ct",
    "square": "sq", "boulevard": "blvd", "place": "pl", "apartment": "apt",
}  # fmt: skip
# What people dial before a number: within their country, and from another.
_TRUNKS = frozenset(("", "0", "1", "8", "06"))
_ABROAD = ("00", "011", "")


class _Value(NamedTuple):
    """letters: as `_letters` makes them. capital: only where it is written with one."""

    kind: str
    letters: str
    value: str
    capital: bool = False


class _Words(NamedTuple):
    """A text's words without what is between them. at: where each begins in `letters`."""

    letters: str
    at: Sequence[int]
    spans: Sequence[tuple[int, int]]

    def places(self, letters: str) -> Iterator[tuple[int, int]]:
        """First and last word wherever these letters are whole words."""
        place = self.letters.find(letters)
        while place >= 0:
            first = bisect_right(self.at, place) - 1
            last = bisect_right(self.at, place + len(letters) - 1) - 1
            if self.at[first] == place and self._end(last) == place + len(letters):
                yield first, last
            place = self.letters.find(letters, place + 1)

    def _end(self, word: int) -> int:
        return self.at[word + 1] if word + 1 < len(self.at) else len(self.letters)


def find_own(view: View, record: Record) -> None:
    """All but telephone numbers, where nothing stronger was found. Of a name also its parts with a
    capital; of an address also the street and the postcode, but not the town alone."""
    if record == Record():
        return
    words = _words_of(view, _WORD)
    values = (
        *_emails(record, words.letters), *_ids(record), *_addresses(record, words.letters),
        *_names(record, words.letters),
    )  # fmt: skip
    for value in values:
        for first, last in words.places(value.letters):
            start, end = words.spans[first][0], words.spans[last][1]
            if (
                view.is_free(start, end)
                and (not value.capital or view.text[start].isupper())
                and _is_together(view, words.spans[first : last + 1], _NO_GAP)
            ):
                view.add(value.kind, start, end, value.value)


def find_own_phones(view: View, record: Record) -> None:
    """Their numbers with and without the country's prefix. The value is the one on record,
    however it is written."""
    if not record.phones:
        return
    words = _words_of(view, _DIGITS)
    if len(words.letters) < SHORTEST_NUMBER:
        return
    for phone in record.phones:
        country, number = _parts_of(phone)
        if len(number) >= SHORTEST_NUMBER:
            value = f"+{country}{number}" if country else number
            for first, last in _dialled(words, country, number):
                start, end = words.spans[first][0], words.spans[last][1]
                whole = _is_together(view, words.spans[first : last + 1], _NO_PHONE_GAP)
                if whole and view.is_free(start, end):
                    view.add(PHONE, _with_sign(view.text, start, end), end, value)


def _dialled(words: _Words, country: str, number: str) -> Iterator[tuple[int, int]]:
    """First and last group of digits wherever a text has the number with what may lead it."""
    place = words.letters.find(number)
    while place >= 0:
        last = bisect_right(words.at, place + len(number) - 1) - 1
        within = bisect_right(words.at, place) - 1
        if words.at[last] + _length(words.spans[last]) == place + len(number):
            for first in range(max(0, within - 3), within + 1):
                if _may_lead(words.letters[words.at[first] : place], country):
                    yield first, last
        place = words.letters.find(number, place + 1)


def _may_lead(prefix: str, country: str) -> bool:
    """Whether one dials this before a number of the country; country: "" if it is not known."""
    if prefix in _TRUNKS:
        return True
    for way in _ABROAD:
        if prefix.startswith(way):
            code = prefix.removeprefix(way)
            for one in (code, code.removesuffix("0")):
                if one == country or (not country and _is_country(one)):
                    return bool(one)
    return False


def _parts_of(phone: str) -> tuple[str, str]:
    """The country's prefix, "" if it has none, and the number without a leading 0."""
    written = re.split(r"[^\W\d_]", plain(phone).replace("(0)", ""), maxsplit=1)[0]
    digits = re.sub(r"\D", "", written)
    if written.lstrip(" (").startswith(("+", "00")):
        digits = digits.removeprefix("00")
        for length in (1, 2, 3):
            if _is_country(digits[:length]):
                return digits[:length], digits[length:]
    return "", digits.removeprefix("0")


def _is_country(code: str) -> bool:
    return code.isdecimal() and code[0] != "0" and int(code) in COUNTRY_CODE_TO_REGION_CODE


def _with_sign(text: str, start: int, end: int) -> int:
    """`start`, or before the "+" or the bracket that belongs to the number."""
    if text[start - 1 : start] == "+":
        start -= 1
    opened = text[start - 1 : start] == "(" and ")" in text[start:end].partition("(")[0]
    return start - 1 if opened else start


def _emails(record: Record, letters: str) -> Iterator[_Value]:
    """Also with words for the signs: "anna at example dot com"."""
    for email in record.emails:
        local, _, domain = email.partition("@")
        before, after = ([_letters(part) for part in one.split(".")] for one in (local, domain))
        if len(after) > 1 and before[-1] and before[-1] in letters and after[0] in letters:
            for at, dot in product(_AT_WORDS, _DOT_WORDS):
                for name in {"".join(before), dot.join(before)}:
                    yield _Value(EMAIL, f"{name}{at}{dot.join(after)}", email.lower())


def _ids(record: Record) -> Iterator[_Value]:
    for one in record.customers:
        letters = _letters(one)
        if len(letters) >= SHORTEST_CODE and any(map(str.isdecimal, letters)):
            yield _Value(ACCOUNT_NUMBER, letters, one.lower())


def _addresses(record: Record, letters: str) -> Iterator[_Value]:
    """The ways in which an address or a part of it is told, the longest first."""
    for one in record.addresses:
        parts = [(_letters(part), part.lower()) for part in (one.street, one.postal_code, one.town)]
        street, code, town = parts
        name = _without_number(one.street)
        named = _letters(name)
        if not any(part and part in letters for part in (named or street[0], code[0])):
            continue  # whatever follows has one of them in it
        place = [part for part in (code, town) if part[0]]
        if street[0] and place:
            yield _joined(street, *place)
        if len(place) == 2:
            if street[0]:
                yield _joined(street, town)
                yield _joined(street, town, code)
            yield _joined(code, town)
            yield _joined(town, code)
        if len(street[0]) >= SHORTEST_STREET // 2:
            yield _joined(street)
        # No town alone: half of a town's people write about it.
        if len(code[0]) >= SHORTEST_CODE:
            yield _joined(code)
        if len(named) >= SHORTEST_STREET:
            yield _joined((named, name.lower()))


def _joined(*parts: tuple[str, str]) -> _Value:
    return _Value(ADDRESS, "".join(part[0] for part in parts), " ".join(part[1] for part in parts))


def _without_number(street: str) -> str:
    """Empty if the number is in the middle, or if there is none."""
    words = _WORD.findall(street)
    named = [n for n, word in enumerate(words) if len(word) > 1 and not word.isdecimal()]
    if not named or len(named) == len(words) or named[-1] - named[0] >= len(named):
        return ""
    return " ".join(words[named[0] : named[-1] + 1])


def _names(record: Record, letters: str) -> Iterator[_Value]:
    for name in record.names:
        words = [(_letters(word), word.lower()) for word in _NAME.findall(name)]
        if not any(word[0] in letters for word in words):
            continue
        if len(words) > 1 and sum(len(word[0]) for word in words) >= SHORTEST_NAME:
            value = " ".join(word[1] for word in words)
            for order in (words, words[::-1]):
                yield _Value(NAME, "".join(word[0] for word in order), value)
        for written, word in words:
            if len(word) >= SHORTEST_NAME:
                yield _Value(NAME, written, word, capital=True)


def _words_of(view: View, word: re.Pattern[str]) -> _Words:
    spans = [found.span() for found in word.finditer(view.lower)]
    words = [_plain(view.lower[start:end]) for start, end in spans]
    return _Words("".join(words), list(accumulate(map(len, words), initial=0))[:-1], spans)


def _letters(text: str) -> str:
    lower = text.lower() if text.isascii() else lowered(plain(text))
    return "".join(map(_plain, _WORD.findall(lower)))


def _plain(word: str) -> str:
    """A word in small letters as it is compared: without accents, street words short."""
    if not word.isascii():
        word = unicodedata.normalize("NFKD", word.replace("ß", "ss").translate(_NO_MARK))
        word = "".join(letter for letter in word if not unicodedata.combining(letter))
    word = word.replace("ae", "a").replace("oe", "o").replace("ue", "u")
    if word.endswith("strasse"):
        return word.removesuffix("asse")
    return _SHORT.get(word, word)


def _is_together(
    view: View, spans: Sequence[tuple[int, int]], not_between: re.Pattern[str]
) -> bool:
    """Whether little and nothing else stands between these words, and no letter beside them."""
    start, end = spans[0][0], spans[-1][1]
    if view.text[start - 1 : start].isalnum() or view.text[end : end + 1].isalnum():
        return False
    return all(
        after - before <= LONGEST_GAP and not_between.search(view.text, before, after) is None
        for (_, before), (after, _) in pairwise(spans)
    )


def _length(span: tuple[int, int]) -> int:
    return span[1] - span[0]
