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
    NAME_LIKE,
    NUMBER,
    PARTICLE,
    PLACE_LIKE,
    SMALL,
    SPACE,
    START,
    STOP,
    STREET,
    UNIT,
    Token,
)

_LONGEST_HOLE = 3  # words within an address that the tagger did not know
_LONGEST_STREET = 4  # words of the first of two streets that meet at a corner
_JOINED = (SPACE, COMMA, LINE)
_STREETS = """straße strasse str straat gasse allee gatan vägen laan gracht plein steenweg stræde
gränd stigen vænget"""
_STREET_ENDS = tuple(_STREETS.split())
# These end other words as well: "Arbeitsweg 20 Minuten".
_OTHER_STREETS = """weg platz damm ufer ring markt steig pfad dijk kade singel vej vejen gade gaden
väg torget torvet gate gata veien brink skiego ckiego dzkiego skiej ckiej dzkiej owej wicza"""
_OTHER_STREET_ENDS = tuple(_OTHER_STREETS.split())
_MEASURED = """min minuten minuter minutter stunden tage tagen mal km m meter euro eur kr kronor
kroner uur dagen keer dagar gånger gange dage prozent teile stück x zł złotych razy"""
_MEASURES = frozenset(_MEASURED.split())
_NUMBERED = "n nº nr no num núm número numéro č čp º nro"
_NUMBER_WORDS = frozenset(_NUMBERED.split())
_SHORTEST_STREET = 7  # letters
_LONGEST_NAME = 6  # words of a street's name behind its kind
_OLD = ("alte", "neue", "groß", "klein", "lange", "kurze", "hohe", "obere", "untere")
_TOWN_WORDS = """am an der im in ob a b i d bei dem den de do da del di la le les el los sur sous
en nad pod ved upon on under aan op"""
_IN_TOWNS = frozenset(_TOWN_WORDS.split())
_BEGIN = frozenset(("am", "im", "zum", "zur"))
_AT = frozenset(("at", "to", "is", "in", "near", "on", "from", "with"))
_WITHIN_COUNTRIES = frozenset(("and", "of", "the"))
_LONGEST_HOUSE_NUMBER = 4  # digits
_SHORT_KIND = 6  # letters
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


def ends_like_a_street(token: Token) -> bool:
    """True for "Corellistraat", "Amagerbrogade" and "Mickiewicza"."""
    length = token.end - token.start
    if token.lower.endswith(_STREET_ENDS):
        return length > _SHORTEST_STREET
    capital = token.shape in (CAPITALISED, CAPITALS)
    return capital and length >= _SHORTEST_STREET and token.lower.endswith(_OTHER_STREET_ENDS)


@dataclass(frozen=True)
class _Reading:
    """Of each token its label, and whether it is free."""

    labels: list[int]
    tokens: Sequence[Token]
    free: Sequence[bool]

    def add_plain_streets(self) -> None:
        for place in range(len(self.tokens)):
            if self.tokens[place].known & STREET:
                self._add_named_street(place)
            number, street = self.tokens[place], self.tokens[place - 1]
            if not place or not number.is_number or number.before != SPACE or not _is_short(number):
                continue
            if not self._is_street(street, place + 1):
                continue
            if not self.free[place] or not self.free[place - 1]:
                continue
            self._add(place - 1, place + 1)
            before = place - 2
            while before >= 0 and self.labels[before] == NAME:
                if self.tokens[before + 1].before != SPACE:
                    break
                self.labels[before] = ADDRESS  # "Dirk de Derdelaan 4"
                before -= 1

    def _is_street(self, street: Token, after: int) -> bool:
        """True for a word that has its kind in it. after: the place behind its number."""
        measured = self._word(after) in _MEASURES and self.tokens[after].before == SPACE
        return ends_like_a_street(street) and not measured

    def _add_named_street(self, start: int) -> None:
        """ "C/ Señores Curas 88", "Strada Teiului nr. 9", "Lg. do Rato, n.º 5": a kind of street
        that is no word of every day, a name, and a short number."""
        if self.tokens[start].known & (COMMON | FOREIGN | NAME_LIKE):
            return
        named = False
        for place in range(start + 1, min(len(self.tokens), start + _LONGEST_NAME + 2)):
            token = self.tokens[place]
            near = token.before in (SPACE, COMMA) or place - start < 3 or self._is_mark(place - 1)
            if not self.free[place] or not near or token.before == LINE:
                return
            if token.is_number:
                if named and _is_short(token):
                    self._add(start, place + 1)
                return
            if self._is_mark(place):
                continue
            if token.before == COMMA or (
                token.shape == SMALL
                and token.known & (COMMON | FOREIGN)
                and not token.known & PARTICLE
            ):
                return
            named = named or not token.known & PARTICLE

    def _is_mark(self, place: int) -> bool:
        return self._word(place) in _NUMBER_WORDS

    def add_beginning(self, start: int) -> None:
        """ "Chemin des" before "Vignes 9", "Alten" before "Markt 2", "Am" that begins a line, the
        number of a flat before that of a house, the "C." of "C.so"."""
        if start and self.free[start - 1] and self.tokens[start].before == STOP:
            before = self.tokens[start - 1]
            if before.end - before.start == 1 and self.tokens[start].start == before.end + 1:
                self._add(start - 1, start)
                return
        if start and self._joins(start) and self.tokens[start - 1].shape == NUMBER:
            first = self.tokens[start : start + _LONGEST_HOLE]
            # "47 Elm Street", "2 47 Elm Street", but not the day in "on the 14 Lindenstraße 5".
            lacks = first[0].shape == CAPITALISED and not any(one.is_number for one in first)
            if _is_short(self.tokens[start - 1]) and (first[0].is_number or lacks):
                self._add(start - 1, start)
                if lacks:
                    self.add_beginning(start - 1)
                return
        if start and self._joins(start) and self.tokens[start - 1].shape == CAPITALISED:
            before = self.tokens[start - 1]
            begins = before.lower in _BEGIN and before.before in (LINE, COMMA, COLON)
            if begins or before.lower.startswith(_OLD):
                self._add(start - 1, start)
                return
        for place in range(start - 1, max(-1, start - _LONGEST_HOLE - 1), -1):
            token = self.tokens[place]
            if not (self._joins(place + 1) or self._is_short_kind(place)):
                return
            if self.labels[place] == ADDRESS:
                return
            named = self.tokens[place + 1].known & PARTICLE and self.labels[place] == NAME
            if token.shape == CAPITALISED and (token.known & STREET or named):
                self._add(place, start)  # "Chemin des", "Carry van"
                return
            if not token.known & PARTICLE and token.shape != CAPITALISED:
                return

    def add_corner(self, start: int, end: int) -> None:
        """ "The corner of Elm Street and Oak Lane" is one place: neither street tells it alone."""
        first = start
        while first > max(0, start - _LONGEST_STREET - 2) and self._word(first) != "corner":
            first -= 1
        if self._word(first) != "corner" or self._word(first + 1) != "of":
            self._add_crossing(start)
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

    def _add_crossing(self, start: int) -> None:
        """ "At Mission and 5th Street", without the word."""
        first = start - 2
        if first < 0 or self._word(start - 1) != "and" or self.tokens[first].shape != CAPITALISED:
            return
        begins = self.tokens[first].before in (START, LINE, COLON)
        if (begins or self._word(first - 1) in _AT) and all(self.free[first:start]):
            self._add(first, start)

    def add_end(self, end: int) -> int:
        """Where the address really ends that the tagger lets end at `end`."""
        while end < len(self.tokens) and self.free[end] and self._follows(end):
            longer = self._hole(end) or self._state(end) or self._country(end)
            longer = longer or self._rest_of_town(end)
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
            if not self._follows(place) or not self.free[place]:
                return 0
            if place > at and self._country(place):
                return place
            if label == ADDRESS:
                return place if place > at and not plain else 0
            if self._is_letter_of_a_number(place):
                continue
            known = token.known & (COMMON | FOREIGN) and not token.known & PARTICLE
            person = label == NAME and not token.known & PLACE_LIKE
            if person or token.is_number or (known and token.shape == SMALL):
                return 0
            plain = plain or bool(known and token.end - token.start > 3)
        return 0

    def _is_letter_of_a_number(self, place: int) -> bool:
        """ "m." in "ul. Długa 14 m. 5"."""
        token = self.tokens[place]
        if token.end - token.start > 1 or place + 1 == len(self.tokens):
            return False
        return token.before == SPACE and self.tokens[place + 1].is_number

    def _rest_of_town(self, at: int) -> int:
        """Behind "60313 Frankfurt am Main" and "29001 Castro del Rio": where the town ends."""
        town, code = self.tokens[at - 1], self.tokens[at - 2]
        if at < 2 or town.shape == SMALL or code.end - code.start not in _POSTCODE:
            return 0
        place = at
        while place < min(len(self.tokens), at + _LONGEST_HOLE) and self._word(place) in _IN_TOWNS:
            if self.tokens[place].before != SPACE or not self.free[place]:
                return 0
            place += 1
        if place == at or place == len(self.tokens) or not self.free[place]:
            return 0
        last = self.tokens[place]
        return place + 1 if last.before == SPACE and last.shape == CAPITALISED else 0

    def _state(self, at: int) -> int:
        """Behind "Hamilton ON" and "Leeds, GB 12345": where a code of two, three letters ends."""
        token = self.tokens[at]
        length = token.end - token.start
        if token.shape != CAPITALS or length > 3 or self.tokens[at - 1].shape == CAPITALS:
            return 0
        if length == 3 and token.known & COMMON:  # "PIN"
            return 0
        if at + 1 < len(self.tokens) and self.tokens[at + 1].before == COLON:  # "UID: ATU1234"
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

    def _follows(self, place: int) -> bool:
        """True if the token goes on where the one before ends: "Lg. do Rato", "m. 5", ", Bl. 4"."""
        token, before = self.tokens[place], self.tokens[place - 1]
        if token.before != STOP:
            return token.before in _JOINED
        length = before.end - before.start
        if length == 1 or (before.known & UNIT and token.is_number):
            return True
        # The kind that begins an address: behind "Mill Ln." another sentence may follow.
        begins = place < 2 or self.labels[place - 2] != ADDRESS
        return begins and bool(before.known & STREET) and length < _SHORT_KIND

    def _is_short_kind(self, place: int) -> bool:
        """ "Lg. do Rato": an abbreviation's stop ends no sentence."""
        token = self.tokens[place]
        short = token.known & STREET and token.end - token.start < _SHORT_KIND
        return bool(short) and self.free[place] and self.tokens[place + 1].before == STOP

    def _joins(self, place: int) -> bool:
        """True if the token before `place` is free and only a space parts the two."""
        return self.free[place - 1] and self.tokens[place].before == SPACE

    def _word(self, place: int) -> str:
        return self.tokens[place].lower if place < len(self.tokens) else ""

    def _add(self, start: int, end: int) -> None:
        self.labels[start:end] = [ADDRESS] * (end - start)


def _is_short(number: Token) -> bool:
    return number.end - number.start <= _LONGEST_HOUSE_NUMBER
