"""What belongs to an address though the tagger left it out: its country, its state, its corner."""

from collections.abc import Sequence
from dataclasses import dataclass

from answerable.privacy.tagger.model import ADDRESS, NAME, NONE
from answerable.privacy.tagger.tokens import (
    CAPITALISED,
    CAPITALS,
    COLON,
    COMMA,
    COMMON,
    COUNTRY,
    FOREIGN,
    LINE,
    NUMBER,
    PARTICLE,
    PLACE_LIKE,
    SMALL,
    SPACE,
    STREET,
    Token,
)

_LONGEST_HOLE = 3  # words within an address that the tagger did not know
_LONGEST_STREET = 4  # words of the first of two streets that meet at a corner
_JOINED = (SPACE, COMMA, LINE)
_STREETS = "straße strasse straat gasse allee gatan vägen laan gracht plein"
_STREET_ENDS = tuple(_STREETS.split())
_OLD = ("alte", "neue", "groß", "klein", "lange", "kurze", "hohe", "obere", "untere")
_BEGIN = frozenset(("am", "im", "zum", "zur"))
_WITHIN_COUNTRIES = frozenset(("and", "of", "the"))
_LONGEST_HOUSE_NUMBER = 4  # digits
_POSTCODE = range(4, 7)  # digits


def complete(labels: list[int], tokens: Sequence[Token], free: Sequence[bool]) -> None:
    """Lengthens in `labels` the addresses that are there, and adds "Lindenstraat 12".

    free: not yet known to be something else; no other token becomes a part of an address.
    Cost grows linearly with the number of tokens.
    """
    reading = _Reading(labels, tokens, free)
    reading.add_plain_streets()
    place = 0
    while place < len(tokens):
        if labels[place] != ADDRESS:
            place += 1
            continue
        end = place + 1
        while end < len(tokens) and labels[end] == ADDRESS:
            end += 1
        reading.add_beginning(place)
        reading.add_corner(place, end)
        place = reading.add_end(end)


@dataclass(frozen=True)
class _Reading:
    """Of each token its label, and whether it is free."""

    labels: list[int]
    tokens: Sequence[Token]
    free: Sequence[bool]

    def add_plain_streets(self) -> None:
        for place in range(1, len(self.tokens)):
            number, street = self.tokens[place], self.tokens[place - 1]
            if not number.is_number or number.before != SPACE or not _is_short(number):
                continue
            named = street.lower.endswith(_STREET_ENDS) and street.end - street.start > 8
            if not named or not self.free[place] or not self.free[place - 1]:
                continue
            self._add(place - 1, place + 1)
            before = place - 2
            while before >= 0 and self.labels[before] == NAME:
                if self.tokens[before + 1].before != SPACE:
                    break
                self.labels[before] = ADDRESS  # "Dirk de Derdelaan 4"
                before -= 1

    def add_beginning(self, start: int) -> None:
        """ "Chemin des" before "Vignes 9", "Alten" before "Markt 2", "Am" that begins a line, the
        number of a flat before that of a house."""
        if start and self._joins(start) and self.tokens[start].is_number:
            before = self.tokens[start - 1]
            if before.shape == NUMBER and _is_short(before):
                self._add(start - 1, start)
            return
        if start and self._joins(start) and self.tokens[start - 1].shape == CAPITALISED:
            before = self.tokens[start - 1]
            begins = before.lower in _BEGIN and before.before in (LINE, COMMA, COLON)
            if begins or before.lower.startswith(_OLD):
                self._add(start - 1, start)
                return
        for place in range(start - 1, max(-1, start - _LONGEST_HOLE - 1), -1):
            token = self.tokens[place]
            if not self._joins(place + 1) or self.labels[place] == ADDRESS:
                return
            if token.known & STREET and token.shape == CAPITALISED:
                self._add(place, start)
                return
            if not token.known & PARTICLE and token.shape != CAPITALISED:
                return

    def add_corner(self, start: int, end: int) -> None:
        """ "The corner of Elm Street and Oak Lane" is one place: neither street tells it alone."""
        first = start
        while first > max(0, start - _LONGEST_STREET - 2) and self._word(first) != "corner":
            first -= 1
        if self._word(first) != "corner" or self._word(first + 1) != "of":
            return
        first -= first > 0 and self._word(first - 1) == "the"
        last = end
        if self._word(last) == "and":
            last += 1
            while last < len(self.tokens) and self.tokens[last].before in _JOINED:
                if self.labels[last] == NONE and not self.tokens[last].known & STREET:
                    break
                last += 1
        if all(self.free[first:last]):
            self._add(first, last if last > end + 1 else end)

    def add_end(self, end: int) -> int:
        """Where the address really ends that the tagger lets end at `end`."""
        while end < len(self.tokens) and self.free[end] and self.tokens[end].before in _JOINED:
            longer = self._hole(end) or self._state(end) or self._country(end)
            if longer:
                self._add(end, longer)
                end = longer
            elif self.labels[end] == ADDRESS:
                end += 1
            else:
                break
        return end

    def _hole(self, at: int) -> int:
        """The next place with an address, if only words that may be a town's part it from `at`.

        Words of every day are a town's ("Iron Springs") if a country follows.
        """
        plain = False
        for place in range(at, min(len(self.tokens), at + _LONGEST_HOLE + 1)):
            token, label = self.tokens[place], self.labels[place]
            if token.before not in _JOINED or not self.free[place]:
                return 0
            if place > at and self._country(place):
                return place
            if label == ADDRESS:
                return place if place > at and not plain else 0
            known = token.known & (COMMON | FOREIGN) and not token.known & PARTICLE
            person = label == NAME and not token.known & PLACE_LIKE
            if person or token.is_number or (known and token.shape == SMALL):
                return 0
            plain = plain or bool(known and token.end - token.start > 3)
        return 0

    def _state(self, at: int) -> int:
        """Behind "Hamilton ON" and "Leeds, GB 12345": where a code of two, three letters ends."""
        token = self.tokens[at]
        length = token.end - token.start
        if token.shape != CAPITALS or length > 3 or self.tokens[at - 1].shape == CAPITALS:
            return 0
        if length == 3 and token.known & COMMON:  # "PIN"
            return 0
        return self._with_postcode(at + 1)

    def _country(self, at: int) -> int:
        """Behind "Bosnia and Herzegovina 78990": where the country ends, and its postcode."""
        inside = self._word(at) in _WITHIN_COUNTRIES and self.tokens[at - 1].known & COUNTRY
        if not self.tokens[at].known & COUNTRY and self._word(at) != "the" and not inside:
            return 0
        end = place = at
        certain = 0
        while place < len(self.tokens) and self.free[place]:
            token = self.tokens[place]
            if place > at and token.before != SPACE:
                break
            if token.known & COUNTRY and (token.shape != SMALL or not token.known & COMMON):
                end = place + 1
                certain += 1 if token.known & COMMON else 2
            elif token.lower not in _WITHIN_COUNTRIES and not token.known & COUNTRY:
                break
            place += 1
        if certain < 2:
            return 0
        if end < len(self.tokens) and self.labels[end - 1] == self.labels[end] == NAME:
            return 0  # "Jordan Smith"
        return self._with_postcode(end)

    def _with_postcode(self, end: int) -> int:
        if end < len(self.tokens) and self.free[end] and self.tokens[end].before in _JOINED:
            token = self.tokens[end]
            return end + (token.shape == NUMBER and token.end - token.start in _POSTCODE)
        return end

    def _joins(self, place: int) -> bool:
        """True if the token before `place` is free and only a space parts the two."""
        return self.free[place - 1] and self.tokens[place].before == SPACE

    def _word(self, place: int) -> str:
        return self.tokens[place].lower if place < len(self.tokens) else ""

    def _add(self, start: int, end: int) -> None:
        self.labels[start:end] = [ADDRESS] * (end - start)


def _is_short(number: Token) -> bool:
    return number.end - number.start <= _LONGEST_HOUSE_NUMBER
