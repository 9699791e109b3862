"""The word lists and templates that the tagger is made of; read when it is built, never after."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from pathlib import Path

from answerable.privacy.tagger import published, tokens

FOLDER = Path(__file__).parent / "lists"
_WRITTEN_OUT = str.maketrans(
    {"ä": "ae", "ö": "oe", "ü": "ue", "ß": "ss", "å": "aa", "ø": "oe", "æ": "ae"}
)
_WITHOUT_MARKS = str.maketrans(
    {"ß": "ss", "ł": "l", "ı": "i", "ø": "o", "đ": "d", "æ": "ae", "œ": "oe"}
)
_SLOT, _WORD = re.compile(r"\{\w\}"), re.compile(r"[^\W\d_]{2,}")
# Words of English that tell a part of a house now and then, and something else mostly.
_PLAIN = "a i and at in of on the to back front left right rear top"
_OF_ALL_TEXTS = frozenset(_PLAIN.split())
_BETWEEN = ("and", "of", "the")  # the words of a country's name; they are in every sentence


def sections(file: str) -> Iterator[tuple[str, list[str]]]:
    """(heading, lines) of a list; lines that begin with # are remarks."""
    heading, lines = "", list[str]()
    for line in (FOLDER / file).read_text(encoding="utf-8").splitlines():
        if line.startswith("[") and line.endswith("]"):
            if lines:
                yield heading, lines
            heading, lines = line[1:-1], []
        elif line and not line.startswith("#"):
            lines.append(line)
    yield heading, lines


def words(lines: Iterable[str]) -> list[str]:
    return [word.replace("_", " ") for line in lines for word in line.split()]


def foreign_words() -> list[str]:
    """The most common words of other languages than English; some are of several."""
    return [word for _, lines in sections("common-other.txt") for word in words(lines)]


def wider_words() -> list[str]:
    """Thousands more of each of them, of which some are names as well."""
    files = sorted((FOLDER / "common").glob("*.txt"))
    return [word for file in files for word in file.read_text(encoding="utf-8").split()]


def inflected(base: str) -> Iterator[str]:
    """English forms of a word, too many rather than too few: a form that is none does no harm."""
    yield base
    if not base.isalpha() or len(base) < 3:
        return
    stem = base[:-1] if base[-1] in "ey" else base
    yield from (base + "s", base + "es", base + "ed", base + "ing", base + "er", base + "ly")
    yield from (stem + "ed", stem + "ing", stem + "er", stem + "est", stem + "ers", base + "d")
    if base[-1] == "y":
        yield from (stem + "ies", stem + "ied", stem + "ily", stem + "ier", stem + "iness")
    else:
        yield from (base + base[-1] + "ed", base + base[-1] + "ing", base + base[-1] + "er")
    yield from (base + "ings", base + "ion", base + "ions", base + "al", base + "ity", base + "ist")
    yield from (base + "ment", base + "ness", base + "able", base + "ful", base + "less")
    yield from ("un" + base, "re" + base)


def typed(word: str) -> Iterator[str]:
    """A word as it is written, and as people type it who have not its letters: "für", "fuer"."""
    yield word
    yield word.translate(_WRITTEN_OUT)
    bare = unicodedata.normalize("NFKD", word.translate(_WITHOUT_MARKS))
    yield "".join(letter for letter in bare if not unicodedata.combining(letter))


def _published(kind: str) -> Iterator[str]:
    for table in published.names(kind).values():
        yield from table


def _kinds(lists: Mapping[str, Sequence[str]]) -> set[str]:
    """Kinds of streets: of "Calle de la" the first word, of "Old Road" the last."""
    before = {kind.split()[0] for kind in lists.get("streets before", ())}
    after = {kind.split()[-1] for kind in lists.get("streets after", ())}
    return {kind.strip(".-/").lower() for kind in before | after} - {""}


def _parts(units: Iterable[str]) -> set[str]:
    """The words of what tells a flat: of "{n}. OG links" both."""
    return {word for unit in units for word in _WORD.findall(_SLOT.sub(" ", unit.lower()))}


def listed_words() -> dict[str, int]:
    """What is known of each word, by word in lower case: flags of `tokens`."""
    known: dict[str, int] = {}

    def note(entries: Iterable[str], flag: int) -> None:
        for entry in entries:
            for part in entry.lower().replace("-", " ").split() if " " in entry else [entry]:
                known[part.lower()] = known.get(part.lower(), 0) | flag

    small = {heading: words(lines) for heading, lines in sections("small.txt")}
    own = [part for part in sections("names.txt") if not part[0].startswith("words")]
    listed = {word.lower() for _, lines in own for word in words(lines)}
    for _, lines in sections("common-en.txt"):
        common = words(lines)
        note(common, tokens.COMMON)
        forms = {form for word in common for form in inflected(word)}
        note((form for form in forms - listed), tokens.COMMON)
    others = foreign_words()
    note(others, tokens.FOREIGN)
    wider = {*others, *wider_words(), *published.words()}
    wider = {form for word in wider for form in typed(word)}
    # What is a word in English too says nothing of the language, and is common as it is.
    note(sorted(word for word in wider if word not in known), tokens.WIDER)
    for heading, lines in sections("names.txt"):
        note(words(lines), tokens.FIRST if heading.endswith("first") else tokens.LAST)
    note(small["currencies"], tokens.COMMON)
    countries: list[str] = []
    for heading, lines in sections("places.txt"):
        if heading.startswith("towns"):
            note((w for w in words(lines) if " " not in w), tokens.TOWN)
        elif heading == "countries":
            countries = words(lines)
            note((country for country in countries if " " not in country), tokens.COUNTRY)
        elif heading in ("streets before", "streets after"):
            streets = {word.rstrip(".") for word in words(lines)}
            note(sorted(streets - set(small["currencies"])), tokens.STREET)
    persons = {name.lower() for kind in ("first", "last") for name in _published(kind)}
    for file in sorted((FOLDER / "addresses").glob("*.txt")):
        lists = {heading: words(lines) for heading, lines in sections(f"addresses/{file.name}")}
        # "Bank", "Line" and "Close" are streets' kinds too, and say something else mostly.
        kinds = {kind for kind in _kinds(lists) if not known.get(kind, 0) & tokens.COMMON}
        note(sorted(kinds), tokens.STREET)
        note(sorted(_parts(lists["units"]) - _OF_ALL_TEXTS), tokens.UNIT)
        # A family's name that is a village somewhere is a family's name.
        towns = {town.lower() for town in lists["towns"] if town.isalpha()}
        note(sorted(towns - listed - persons), tokens.TOWN)
    for kind, flag in (("first", tokens.FIRST), ("last", tokens.LAST)):
        # A word that people use anyway is no name for being one somewhere: "Are", "Paris".
        names = {name.lower() for name in _published(kind)}
        words_too = {name for name in names if known.get(name, 0) & ~tokens.WIDER}
        note((name for name in sorted(names - words_too) if " " not in name), flag)
    parts = {part for country in countries for part in country.split()}  # "Sierra" is a name too
    note(sorted(parts.difference(_BETWEEN)), tokens.COUNTRY)
    note(small["titles"], tokens.TITLE)
    note(small["particles"], tokens.PARTICLE)
    note(small["boxes of the post"], tokens.STREET)
    note(small["parts of houses"], tokens.UNIT)
    return {word: flags for word, flags in sorted(known.items()) if word}
