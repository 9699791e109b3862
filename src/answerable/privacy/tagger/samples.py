"""Sentences to learn from, filled in at random from the templates and the lists."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from random import Random

from answerable.privacy.tagger import places, published
from answerable.privacy.tagger.countries import countries
from answerable.privacy.tagger.lists import FOLDER, foreign_words, sections, wider_words, words
from answerable.privacy.tagger.model import ADDRESS, NAME, NONE

_SLOT = re.compile(r"\{(\w+)\}")
_NAMES = {heading: words(lines) for heading, lines in sections("names.txt")}
_PUBLISHED = {kind: published.names(kind) for kind in ("first", "last")}
# Locales whose names are in a writing of their own, and where these are taken from.
_OWN_WRITING = {"ru": ("ru_RU",), "uk": ("uk_UA",), "bg": ("bg_BG", "mk_MK"), "el": ("el_GR",)}
_COUNTRIES = sorted(set(_PUBLISHED["first"]) & set(_PUBLISHED["last"]))
_LOCALES = sorted({heading.split()[0] for heading in _NAMES})
_TEMPLATES = [(heading, line) for heading, lines in sections("templates.txt") for line in lines]
_TEMPLATES += [(code, line) for code, country in countries().items() for line in country.templates]
_COMMON = words(next(sections("common-en.txt"))[1])
_OTHER_COMMON = foreign_words() + wider_words()
_INNOCENT = (FOLDER / "innocent.txt").read_text("utf-8").splitlines()
_INNOCENT_OTHER = (FOLDER / "innocent-other.txt").read_text("utf-8").splitlines()
_NO_ADDRESS = [line for country in countries().values() for line in country.innocent]
_SMALL = {heading: words(lines) for heading, lines in sections("small.txt")}
_MONTHS, _DAYS, _FIRM_ENDS = _SMALL["months"], _SMALL["days"], _SMALL["firm ends"]
_GERMAN_FIRST, _GERMAN_LAST = _SMALL["german beginnings"], _SMALL["german ends"]
_PARTICLES = _SMALL["name particles"]
_VOWELS, _CONSONANTS = "aeiou", "bcdfghjklmnprstvwz"
_PERSONAL = dict.fromkeys(("n", "f", "l", "fl"), NAME) | dict.fromkeys(
    ("a", "s", "st", "w"), ADDRESS
)
_OF_PERSONS = [
    (locale, template)
    for locale, template in _TEMPLATES
    if {_PERSONAL.get(slot) for slot in _SLOT.findall(template)} - {None} == {NAME}
]


INVENTED = 600  # lines of common words in each round, without anything personal
PEOPLED = 0.5  # of them, with somebody in them after all
PUBLISHED = 0.35  # of the names, from other countries' lists
WORDS = 0.08  # of the others, from those that are words as well, beyond their share


@dataclass(frozen=True)
class Sample:
    """text, and a label for each of its characters."""

    text: str
    labels: bytes


def samples(random: Random, rounds: int) -> Iterator[Sample]:
    """Each template `rounds` times, and once more where only persons are in it: there are more ways
    to write an address than a name, and what is learnt of the one is lost to the other."""
    for _ in range(rounds):
        for locale, template in (*_TEMPLATES, *_OF_PERSONS):
            yield _filled(random, locale, template)
        for innocent, share in ((_INNOCENT, 8), (_INNOCENT_OTHER, 8), (_NO_ADDRESS, 3)):
            for line in random.sample(innocent, len(innocent) // share):
                yield Sample(line, bytes([NONE]) * len(line))
        for _ in range(INVENTED):
            yield _invented(random)


def _invented(random: Random) -> Sample:
    """Words in no order that makes sense: a name needs a reason, an unknown word is none."""
    source = _COMMON if random.random() < 0.7 else _OTHER_COMMON
    said = [
        _made_up(random) if random.random() < 0.1 else random.choice(source)
        for _ in range(random.randint(2, 9))
    ]
    said[0] = said[0].capitalize() if random.random() < 0.6 else said[0]
    if random.random() < 0.2:
        said.insert(random.randrange(len(said)), _number(random))
    if random.random() < PEOPLED:
        return _peopled(random, said)
    line = " ".join(said) + random.choice(["", ".", "?", "!"])
    return Sample(line, bytes([NONE]) * len(line))


def _peopled(random: Random, said: list[str]) -> Sample:
    """A capital letter within English is a reason: the words beside it say nothing here."""
    names = [_name(random, "en", random.choice("fnnl")) for _ in range(random.randint(1, 3))]
    joined = names[0] if len(names) < 3 else f"{names[0]}, {names[1]}"
    joined += "" if len(names) < 2 else f" and {names[-1]}"
    place = random.choice([0, random.randrange(len(said) + 1)])
    if place == 0:
        said[0] = said[0].lower()
    before = " ".join(said[:place]) + (" " if place else "")
    after = random.choice(["", "", "'s", ",", ":", "."]) if place < len(said) else ""
    after += " " + " ".join(said[place:]) + random.choice([".", "?", ""])
    labels = bytearray([NAME]) * len(joined)
    mark = joined.find(",")
    while mark >= 0:
        labels[mark] = NONE
        mark = joined.find(",", mark + 1)
    if " and " in joined:
        at = joined.index(" and ")
        labels[at : at + 5] = bytes([NONE]) * 5
    return Sample(
        before + joined + after, bytes([NONE]) * len(before) + labels + bytes([NONE]) * len(after)
    )


def _filled(random: Random, locale: str, template: str) -> Sample:
    between = random.choice(["\n", "\n", "\n", "\n\n", "\n ", ", ", " "])
    template = template.replace("|", between if random.random() < 0.4 else "\n")
    text, labels, end = "", bytearray(), 0
    for slot in _SLOT.finditer(template):
        fixed = template[end : slot.start()]
        value = _value(random, locale, slot[1])
        text += fixed + value
        labels += bytes([NONE]) * len(fixed)
        labels += bytes([_PERSONAL.get(slot[1], NONE)]) * len(value)
        end = slot.end()
    text += template[end:]
    labels += bytes([NONE]) * (len(template) - end)
    writing = random.random()
    changed = text.lower() if writing < 0.25 else text.upper() if writing < 0.28 else text
    return Sample(changed if len(changed) == len(text) else text, bytes(labels))


def _value(random: Random, locale: str, slot: str) -> str:
    match slot:
        case "f" | "l" | "fl" | "n":
            return _name(random, locale, slot)
        case "a":
            return places.address(random, _place(random, locale))
        case "s":
            return places.street(random, _place(random, locale))
        case "st" | "w":
            return places.street_name(random, _place(random, locale))
        case "t":
            return places.town(random, locale)
        case "c":
            return places.country(random)
        case "o":
            return _firm(random)
        case "b":
            return _brand(random)
        case "m":
            return random.choice(_MONTHS)
        case "w":
            return random.choice(_DAYS)
        case "d":
            return _number(random)
        case "k":
            return _german_noun(random)
        case _:
            return random.choice(_COMMON) if random.random() < 0.5 else _made_up(random)


def _place(random: Random, locale: str) -> str:
    if random.random() < 0.75:
        return locale
    return random.choice(places.LOCALES)


def _name(random: Random, locale: str, kind: str) -> str:
    home = locale if locale in _LOCALES and random.random() < 0.4 else random.choice(_LOCALES)
    home = "words" if random.random() < WORDS else home
    if kind == "n":
        kind = random.choices(["f", "fl", "l"], [50, 44, 6])[0]
    if locale in _OWN_WRITING:
        return _in_own_writing(random, random.choice(_OWN_WRITING[locale]), kind)
    if random.random() < PUBLISHED:
        country = random.choice(_COUNTRIES)
        first, last = (random.choice(_PUBLISHED[part][country]) for part in ("first", "last"))
    else:
        first = _blended(random, _NAMES[f"{home} first"])
        last = _blended(random, _NAMES[f"{home} last"])
    if random.random() < 0.06:
        first = f"{first}-{random.choice(_NAMES[f'{home} first']).title()}"
    if random.random() < 0.08:
        last = f"{random.choice(_PARTICLES)} {last}"
    elif random.random() < 0.06:
        last = f"{last}-{random.choice(_NAMES[f'{home} last']).title()}"
    if kind == "f":
        return first
    if kind == "l":
        return last
    middle = random.random()
    if middle < 0.06:
        return f"{first} {random.choice('ABCDEFGHJKLMNPRSTW')}. {last}"
    if middle < 0.12:
        return f"{random.choice('ABCDEFGHJKLMNPRSTW')}. {last}"
    if middle < 0.16:
        return f"{first} {random.choice(_NAMES[f'{home} first']).title()} {last}"
    return f"{first} {last.upper()}" if middle < 0.19 else f"{first} {last}"


def _in_own_writing(random: Random, country: str, kind: str) -> str:
    first, last = (random.choice(_PUBLISHED[part][country]) for part in ("first", "last"))
    if kind != "fl":
        return first if kind == "f" else last
    way = random.random()
    if way < 0.1:
        return f"{first[0]}. {last}"
    return f"{last} {first}" if way < 0.25 else f"{first} {last}"


def _blended(random: Random, names: list[str]) -> str:
    """A name of the list, or one that no list has: the beginning of one and the end of another."""
    one = random.choice(names)
    if random.random() < 0.4:
        other = random.choice(names)
        one = one[: (len(one) + 1) // 2] + other[len(other) // 2 :]
    if random.random() < 0.02:
        return random.choice(["Mc", "Mac", "O'", "D'", "De", "Fitz"]) + one.title()
    return one.title().replace("'S", "'s")


def _firm(random: Random) -> str:
    kind = random.random()
    made = _made_up(random).title()
    if kind < 0.35:
        return f"{made} {random.choice(_FIRM_ENDS)}"
    if kind < 0.5:
        owner = random.choice(_NAMES[f"{random.choice(_LOCALES)} last"]).title()
        return f"{owner} {random.choice(_FIRM_ENDS)}"
    if kind < 0.65:
        return f"{random.choice(_COMMON).title()} {random.choice(_FIRM_ENDS)}"
    if kind < 0.75:
        return random.choice(_COMMON).title() + random.choice(_COMMON).title()
    return (
        f"{random.choice(_COMMON).title()} {random.choice(_COMMON).title()}"
        if kind < 0.85
        else made
    )


def _brand(random: Random) -> str:
    """What bears a person's name and is none: "McDonald's", "Anna's Bistro", "Duke Energy"."""
    if random.random() < 0.7:
        return random.choice(_SMALL["brands"])
    owner = _name(random, "en", random.choice("fl"))
    kind = random.choice(_SMALL["what owners name"])
    kind = kind.title() if random.random() < 0.5 else kind
    return f"{owner}'s {kind}" if random.random() < 0.6 else f"{owner} {kind}"


def _made_up(random: Random) -> str:
    return "".join(
        random.choice(_CONSONANTS)
        + random.choice(_VOWELS)
        + random.choice(["", "", "n", "s", "r", "t"])
        for _ in range(random.randint(2, 4))
    )


def _german_noun(random: Random) -> str:
    """A compound as German makes them at will; no list has them all."""
    first = random.choice(_GERMAN_FIRST)
    return (first + random.choice(_GERMAN_LAST)).capitalize()


def _number(random: Random) -> str:
    kind = random.random()
    if kind < 0.5:
        return str(random.randint(1, 60))
    return str(random.randint(61, 9999)) if kind < 0.85 else str(random.randint(10000, 9999999))
