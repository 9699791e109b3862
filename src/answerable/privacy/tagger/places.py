"""Postal addresses as people of several countries write them, made up at random."""

from random import Random

from answerable.privacy.tagger import published
from answerable.privacy.tagger.countries import SPOKEN_IN, Country, countries
from answerable.privacy.tagger.lists import sections, words

_LISTS = {heading: words(lines) for heading, lines in sections("places.txt")}
_BEFORE, _AFTER, _GLUED = (_LISTS[f"streets {place}"] for place in ("before", "after", "glued"))
_NAMES, _PHRASES = _LISTS["streets names"], _LISTS["streets phrases"]
COUNTRIES = _LISTS["countries"]
_SURNAMES = [w for heading, ls in sections("names.txt") if heading.endswith("last")
             for w in words(ls)]  # fmt: skip
_PERSONS = [name.title() for name in _SURNAMES]
_LETTERS = "ABCDEFGHJKLMNPRSTUVWY"
_SMALL = {heading: words(lines) for heading, lines in sections("small.txt")}
_FLATS, _BOXES = _SMALL["flats"], _SMALL["boxes"]
_TOWNS = [town for table in published.towns().values() for town in table]
_STREETS = list(published.streets().values())
_PUBLISHED = 0.3  # of the towns and streets, from other countries' lists
_OWN = 0.7  # of the addresses, in a country's own forms; the others are mixed up, as by software
LOCALES = (
    "en", "de", "fr", "es", "it", "nl", "pl", "tr", "pt", "in", "nordic", "cs", "ro", "hu", "el"
)  # fmt: skip


def town(random: Random, locale: str) -> str:
    if random.random() < _PUBLISHED:
        return random.choice(_TOWNS)
    towns = _LISTS.get(f"towns {locale}") if random.random() < 0.6 else None
    towns = towns or _LISTS[random.choice([name for name in _LISTS if name.startswith("towns")])]
    one = random.choice(towns)
    if random.random() < 0.45:
        # Towns of nobody's list: the beginning of one and the end of another.
        other = random.choice(towns)
        one = one.split(" ")[-1][: max(3, len(one) // 2)] + other.split(" ")[-1][-4:]
    return one.title()


def country(random: Random) -> str:
    one = random.choice(COUNTRIES)
    return one.upper() if one in ("usa", "uk") else one.title()


def number(random: Random) -> str:
    one = str(random.randint(1, 99 if random.random() < 0.6 else 9000))
    tail = random.random()
    if tail < 0.08:
        return one + random.choice("abcABC")
    if tail < 0.12:
        return f"{one}/{random.randint(1, 60)}"
    return f"{one}-{random.randint(1, 60)}" if tail < 0.14 else one


def street_name(random: Random, locale: str) -> str:
    """A street with its kind in it, without the number."""
    home = _own(random, locale)
    return home.street(random, _PERSONS) if home else _mixed_street_name(random, locale)


def _own(random: Random, locale: str) -> Country | None:
    """A country of the locale, or none where the address is to be mixed up."""
    if random.random() > _OWN:
        return None
    return countries().get(random.choice(SPOKEN_IN.get(locale, (locale,))))


def _mixed_street_name(random: Random, locale: str) -> str:
    if random.random() < _PUBLISHED / 2:
        return random.choice(random.choice(_STREETS))
    name = random.choice(_NAMES if random.random() < 0.45 else _SURNAMES).title()
    if locale in ("de", "nl", "nordic"):
        form = random.random()
        if form < 0.6:
            return name + random.choice(_GLUED)
        if form < 0.75:
            return f"{name} {random.choice(_GLUED).title()}"
        if form < 0.85:
            return f"{random.choice(_SURNAMES).title()}-{name}-{random.choice(_GLUED).title()}"
        return (
            f"{random.choice(['Am', 'An der', 'Im', 'Auf dem', 'Zum', 'Aan de', 'Op de'])} {name}"
        )
    if locale in ("fr", "es", "it", "pl", "pt"):
        ready = random.choice(_PHRASES) if random.random() < 0.6 else name
        kind = random.choice(_BEFORE)
        return f"{kind if random.random() < 0.4 else kind.capitalize()} {ready.title()}"
    if locale == "tr" and random.random() < 0.8:
        return f"{name} {random.choice(['Sokak', 'Caddesi', 'Sok.', 'Cad.', 'Mah.', 'Bulvarı'])}"
    first = f"{random.choice(_NAMES).title()} " if random.random() < 0.12 else ""
    return f"{first}{name} {random.choice(_AFTER).title()}"


def street(random: Random, locale: str) -> str:
    """Street and number in the order of the country; now and then in another's."""
    home = _own(random, locale)
    if home:
        return home.short(random, home.street(random, _PERSONS))
    return _mixed_street(random, locale)


def _mixed_street(random: Random, locale: str) -> str:
    if random.random() < 0.07:
        return f"{random.choice(_BOXES)} {random.randint(1, 99999)}"
    if random.random() < 0.12:
        return _any_street(random)
    name = _mixed_street_name(random, locale)
    if locale in ("en", "fr", "in"):
        bis = " bis" if locale == "fr" and random.random() < 0.08 else ""
        comma = "," if locale == "fr" and random.random() < 0.2 else ""
        return f"{number(random)}{bis}{comma} {name}"
    mark = random.choice(["No: ", "no ", "nº ", "n. "]) if random.random() < 0.08 else ""
    comma = "," if locale in ("es", "it", "pt") and random.random() < 0.4 else ""
    return f"{name}{comma} {mark}{number(random)}"


def _any_street(random: Random) -> str:
    """Forms that customers and their software mix up: numbers on both sides, no kind of street."""
    name = _mixed_street_name(random, random.choice(LOCALES))
    if random.random() < 0.4:
        name = " ".join(random.choice(_SURNAMES).title() for _ in range(random.randint(1, 2)))
    if random.random() < 0.5:
        return f"{number(random)} {name} {number(random)}"
    return f"{number(random)} {name}" if random.random() < 0.5 else f"{name} {number(random)}"


def _field_post(random: Random) -> str:
    """Where soldiers and sailors get their post."""
    kind = random.choice(["FPO", "APO"])
    unit = random.choice([f"PSC {random.randint(1, 9999)}, Box {random.randint(1, 999)}",
                          f"Unit {random.randint(1, 9999)} Box {random.randint(1, 999)}",
                          f"USS {random.choice(_SURNAMES).title()}",
                          f"USNS {random.choice(_SURNAMES).title()}",
                          f"USCGC {random.choice(_SURNAMES).title()}"])  # fmt: skip
    state = random.choice(["AA", "AE", "AP"])
    return (
        unit + random.choice(["\n", ", ", " "]) + f"{kind} {state} {random.randint(10000, 99999)}"
    )


def postcode(random: Random, locale: str) -> str:
    digits = [str(random.randint(0, 9)) for _ in range(6)]
    if locale == "en" and random.random() < 0.5:
        pair = "".join(random.choice(_LETTERS) for _ in range(2))
        return f"{pair}{random.randint(1, 99)} {digits[0]}{random.choice(_LETTERS)}{pair[0]}"
    if locale == "nl":
        return f"{''.join(digits[:4])} {random.choice(_LETTERS)}{random.choice(_LETTERS)}"
    if locale == "pl":
        return f"{''.join(digits[:2])}-{''.join(digits[2:5])}"
    if locale == "nordic" and random.random() < 0.5:
        return f"{''.join(digits[:3])} {''.join(digits[3:5])}"
    return "".join(digits[: 6 if locale == "in" else random.choice((4, 5, 5, 5))])


def address(random: Random, locale: str) -> str:
    """Street, number, and mostly flat, postcode, town and country."""
    home = _own(random, locale)
    if home:
        return home.address(random, home.street(random, _PERSONS))
    if random.random() < 0.07:
        return _field_post(random)
    lines = [_mixed_street(random, locale)]
    if random.random() < 0.25:
        flat = f"{random.choice(_FLATS)} {number(random)}"
        lines.insert(random.randint(0, 1), flat)
    if random.random() < 0.85:
        name = town(random, locale)
        if random.random() < 0.08:
            name = name.upper()
        code = postcode(random, locale)
        state = "".join(random.choice(_LETTERS) for _ in range(random.choice((2, 2, 3))))
        forms = (
            [f"{code} {name}"] * 5
            + [name] * 2
            + [f"{name} {code}"] * (5 if locale in ("en", "in") else 1)
        )
        forms += [f"{name}, {state} {code}"] * (3 if locale == "en" else 1)
        forms += [
            f"{name} {state} {code}",
            f"{name} {state}",
            f"{name}, {state}",
            f"{name}, {state}, {code}",
            f"{name}\n, {state}\n {code}",
        ]
        lines.append(random.choice(forms))
        if random.random() < 0.35:
            land = country(random)
            lines.append(f"{land} {code}" if random.random() < 0.4 else land)
    between = random.choice([", ", ", ", ", ", "\n", "\n", ",\n", " ", "\n ", " - "])
    return between.join(lines)
