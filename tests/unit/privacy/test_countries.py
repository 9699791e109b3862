"""What the tagger learns addresses from: every country's lists give whole addresses."""

import re
from random import Random

import pytest

from answerable.privacy.tagger.countries import SPOKEN_IN, Country, countries

PERSONS = ["Okonkwo", "Lindqvist"]


@pytest.mark.parametrize("code", sorted(countries()))
def test_no_place_of_an_address_is_left_empty(code: str) -> None:
    random, country = Random(1), countries()[code]

    for _ in range(300):
        made = country.address(random, country.street(random, PERSONS))
        assert made.strip()
        assert not re.search(r"[{}|]", made)
        assert "_" not in made


@pytest.mark.parametrize("code", sorted(countries()))
def test_a_short_one_is_a_street_and_a_number(code: str) -> None:
    random, country = Random(1), countries()[code]

    for _ in range(50):
        made = country.short(random, "Xanv")
        assert "Xanv" in made
        assert len(made) > len("Xanv")


@pytest.mark.parametrize("code", sorted(countries()))
def test_a_countrys_sentences_ask_for_what_can_be_filled_in(code: str) -> None:
    country = countries()[code]
    asked = {slot for line in country.templates for slot in re.findall(r"\{(\w+)\}", line)}

    assert asked & {"a", "s"}
    assert asked <= {"a", "s", "w", "n", "t"}
    assert not [line for line in country.innocent if "{" in line]


def test_countries_that_speak_alike_are_there() -> None:
    spoken = {code for codes in SPOKEN_IN.values() for code in codes}

    assert spoken <= set(countries())


def test_a_kind_is_glued_as_a_country_does() -> None:
    german = Country(
        before=[], after=[], glued=["straße"], names=[], stems=["Linden", "Bahnhof-"],
        whole=["Zeil"], towns=["Ulm"], regions=["Bayern"], units=["{n}. OG"], numbers=["{n}"],
        postcodes=["D-99999"],
        layouts=["{street} {number}", "{street} {number}|{postcode} {town}"],
        templates=[], innocent=[],
    )  # fmt: skip

    made = {german.street(Random(seed), PERSONS) for seed in range(50)}

    assert made == {"Lindenstraße", "Bahnhof-Straße", "Zeil"}
    assert re.fullmatch(r"D-\d{5}", german.postcode(Random(1)))
