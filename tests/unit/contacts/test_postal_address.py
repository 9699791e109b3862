"""An address is put into one form, and what is wrong is said field by field."""

import pytest

from answerable.contacts.postal_address import COUNTRIES, POSTAL_CODE_EXAMPLES, read_address

GOOD = {"street": "Ahornweg 12", "postal_code": "20095", "city": "Hamburg", "country": "DE"}


def test_spaces_lines_and_invisible_characters_are_put_in_order() -> None:
    typed = {
        "street": "  Ahornweg\u00a012\r\n Hinterhaus\u200b ", "postal_code": " 20095 ",
        "city": "Hamburg\x00", "country": "de",
    }  # fmt: skip
    values, wrong = read_address(typed)
    assert (values, wrong) == ({**GOOD, "street": "Ahornweg 12 Hinterhaus"}, {})


def test_the_same_letters_are_the_same_characters() -> None:
    values, _ = read_address({**GOOD, "city": "Ko\u0308ln"})
    assert values["city"] == "Köln"


@pytest.mark.parametrize(
    ("change", "wrong"),
    [
        ({"street": " "}, {"street": "missing"}),
        ({"street": "12345"}, {"street": "invalid"}),
        ({"street": "x" * 101}, {"street": "too_long"}),
        ({"postal_code": "2009"}, {"postal_code": "invalid"}),
        ({"postal_code": "٢٠٠٩٥"}, {"postal_code": "invalid"}),
        ({"country": "XX"}, {"country": "invalid"}),
        ({"city": ""}, {"city": "missing"}),
        ({"country": "GB", "postal_code": "sw1a 1aa"}, {}),
        ({"country": "GB", "postal_code": "12345"}, {"postal_code": "invalid"}),
        ({"country": "NL", "postal_code": "1012 ab"}, {}),
        ({"country": "IE", "postal_code": "d02 x285"}, {}),
    ],
)
def test_what_is_wrong_is_said_by_field(change: dict[str, str], wrong: dict[str, str]) -> None:
    assert read_address({**GOOD, **change})[1] == wrong


def test_nothing_typed_is_everything_missing() -> None:
    assert read_address({})[1] == dict.fromkeys(GOOD, "missing")


def test_countries_are_codes() -> None:
    assert all(len(code) == 2 and code.isupper() for code in COUNTRIES)


@pytest.mark.parametrize(("country", "example"), POSTAL_CODE_EXAMPLES.items())
def test_each_example_of_a_postal_code_is_one(country: str, example: str) -> None:
    given = {"street": "Some street 1", "city": "Town", "postal_code": example, "country": country}

    assert read_address(given)[1] == {}
