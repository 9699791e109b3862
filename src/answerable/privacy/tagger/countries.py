"""How each country writes its addresses: lists, and addresses made up of them at random."""

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache
from random import Random

from answerable.privacy.tagger.lists import FOLDER, sections, words

_SLOT = re.compile(r"\{(\w+)\}")
_PLACE = {"n": 30, "m": 999}  # the largest number that is put there
_SMALL, _CAPITALS = "abcdefgh", "ABCDEFGHJKLMNPRSTVWX"
_LINES = ["\n", "\n", "\n", ",\n", "\n ", ", ", " "]
_WHOLE = 0.2  # of the streets, those in which no kind stands
# Which countries' addresses stand in sentences of a locale of the templates.
SPOKEN_IN: Mapping[str, Sequence[str]] = {
    "en": ("gb", "us", "xx"),
    "in": ("xx",),
    "nordic": ("sv", "da"),
}


@dataclass(frozen=True, kw_only=True)
class Country:
    """Lists as in `lists/addresses`: kinds of streets by where they stand, and forms in which {n}
    is a small number, {m} a larger one, {l} a letter and {L} a capital one.

    layouts: of {street}, {number}, {unit}, {postcode}, {town} and {region}; "|" ends a line.
    templates: sentences with {a}, {s} and {w}. innocent: messages without an address.
    """

    before: Sequence[str]
    after: Sequence[str]
    glued: Sequence[str]
    names: Sequence[str]
    stems: Sequence[str]
    whole: Sequence[str]
    towns: Sequence[str]
    regions: Sequence[str]
    units: Sequence[str]
    numbers: Sequence[str]
    postcodes: Sequence[str]
    layouts: Sequence[str]
    templates: Sequence[str]
    innocent: Sequence[str]

    def street(self, random: Random, others: Sequence[str]) -> str:
        """A street without its number. others: names of persons, of whom streets are named too."""
        if random.random() < _WHOLE:
            return random.choice(self.whole)
        forms = [kind for kind in (self.before, self.after, self.glued) if kind]
        kinds = random.choice(forms)
        kind = random.choice(kinds)
        if kinds is self.glued:
            return _glued(random.choice(self.stems), kind)
        name = random.choice(others if random.random() < 0.3 else self.names)
        return f"{kind} {name}" if kinds is self.before else f"{name} {kind}"

    def address(self, random: Random, street: str) -> str:
        """Whole, in one of the country's forms."""
        values = {
            "street": street,
            "number": self.number(random),
            "unit": self.filled(random, self.units),
            "postcode": self.postcode(random),
            "town": random.choice(self.towns),
            "region": random.choice(self.regions),
        }
        between = random.choice(_LINES)
        layout = random.choice(self.layouts).replace("|", between)
        return _SLOT.sub(lambda slot: values[slot[1]], layout)

    def short(self, random: Random, street: str) -> str:
        """Street and number in the order of the country."""
        layout = random.choice(self._short_layouts)
        number = self.number(random)
        return layout.replace("{street}", street).replace("{number}", number)

    def number(self, random: Random) -> str:
        return self.filled(random, self.numbers)

    def postcode(self, random: Random) -> str:
        pattern = random.choice(self.postcodes)
        drawn = (random.choice("0123456789") if sign == "9" else sign for sign in pattern)
        return "".join(random.choice(_CAPITALS) if sign == "A" else sign for sign in drawn)

    @staticmethod
    def filled(random: Random, forms: Sequence[str]) -> str:
        def value(slot: re.Match[str]) -> str:
            kind = slot[1]
            if kind in _PLACE:
                return str(random.randint(1, _PLACE[kind]))
            return random.choice(_SMALL if kind == "l" else _CAPITALS)

        return _SLOT.sub(value, random.choice(forms))

    @property
    def _short_layouts(self) -> Sequence[str]:
        return [
            layout for layout in self.layouts if set(_SLOT.findall(layout)) == {"street", "number"}
        ]


def _glued(stem: str, kind: str) -> str:
    """ "Linden" and "straße"; a stem that ends in a hyphen or a space is not glued."""
    return stem + (kind.capitalize() if stem[-1] in "- " else kind)


@cache
def countries() -> Mapping[str, Country]:
    """By code, as the files are named."""
    return {file.stem: _read(file.name) for file in sorted((FOLDER / "addresses").glob("*.txt"))}


def _read(name: str) -> Country:
    lines = dict(sections(f"addresses/{name}"))

    def listed(heading: str) -> list[str]:
        return words(lines.get(heading, []))

    return Country(
        before=listed("streets before"),
        after=listed("streets after"),
        glued=listed("streets glued"),
        names=listed("names"),
        stems=listed("names glued"),
        whole=listed("whole streets"),
        towns=listed("towns"),
        regions=listed("regions"),
        units=listed("units"),
        numbers=listed("numbers"),
        postcodes=listed("postcodes"),
        layouts=lines["layouts"],
        templates=lines["templates"],
        innocent=lines["innocent"],
    )
