"""What is known of the sender is found again in what they write."""

from typing import get_args

import pytest

from answerable.definition.terms import ALWAYS_DROPPED, PersonalData
from answerable.privacy.detect import find
from answerable.privacy.mask import DEFAULT_POLICY, mask, policy_with
from answerable.privacy.record import OwnAddress, Record, as_data, record_of
from answerable.privacy.spans import TYPES

RECORD = Record(
    names=("Hope Rivers",),
    addresses=(OwnAddress(street="Unit 7 Quayside", town="Hull"),),
    phones=("+44 (0)1632 960 983",),
)
JÖRG = Record(
    names=("Jörg Grün-Weiß",),
    addresses=(OwnAddress(street="Lindenstraße 5a", postal_code="34117", town="Kassel"),),
    phones=("+493012345678",),
    emails=("j.weiss@mail.kassel.internal",),
    customers=("K-20417", "1999"),
)


def found(text: str, record: Record = RECORD) -> list[tuple[str, str]]:
    return [(span.type, text[span.start : span.end]) for span in find(text, record=record)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it is hope rivers again", [("name", "hope rivers")]),
        ("rivers, hope: as in your files", [("name", "rivers, hope")]),
        ("RIVERS", [("name", "RIVERS")]),
        ("I hope the rivers are full", []),
        ("we moved from unit 7, quayside, hull", [("address", "unit 7, quayside, hull")]),
        ("ring 44 0 1632 960983 please", [("phone", "44 0 1632 960983")]),
        ("order 9440163296098312", []),
        ("order 1632960983, of 3 parcels", [("phone", "1632960983")]),
        ("order 1632960984, of 3 parcels", []),
    ],
)
def test_the_senders_own_data_is_found_word_for_word(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert found(text) == expected


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("ich bin joerg gruen weiss", [("name", "joerg gruen weiss")]),
        ("ich bin JORG GRUNWEISS", [("name", "JORG GRUNWEISS")]),
        ("aus der linden-str. 5 A in kassel", [("address", "linden-str. 5 A")]),
        ("lindenstr 5a 34117 kassel", [("address", "lindenstr 5a 34117 kassel")]),
        ("an 34 117, wie immer", [("address", "34 117")]),
        ("an 34117, wie immer", [("address", "34117")]),
        ("was ist mit kassel los", []),
        (
            "mein vertrag k 20417 und nr k20417",
            [("account_number", "k 20417"), ("account_number", "k20417")],
        ),
        ("seit 1999 und k204171", []),
        (
            "schreibt an j weiss at mail punkt kassel punkt internal",
            [("email", "j weiss at mail punkt kassel punkt internal")],
        ),
    ],
)
def test_it_is_found_in_other_spellings(text: str, expected: list[tuple[str, str]]) -> None:
    assert found(text, JÖRG) == expected


@pytest.mark.parametrize(
    "written",
    ["+493012345678", "+49 (0)30 12345678", "0049 30/1234 5678", "(030) 12 34 56 78",
     "030-12345678", "3012345678", "49 30 12345678", "0 3 0 1 2 3 4 5 6 7 8"],
)  # fmt: skip
def test_a_number_is_one_value_with_and_without_the_countrys_prefix(written: str) -> None:
    text = f"Bestellung 7, {written}, danke"

    [span] = find(text, record=JÖRG)

    assert (span.type, span.value) == ("phone", "+493012345678")
    assert text[span.start : span.end] == written


@pytest.mark.parametrize("written", ["+443012345678", "93012345678", "30123456789"])
def test_another_number_with_the_same_digits_is_not_the_senders(written: str) -> None:
    values = [span.value for span in find(f"Bestellung {written}", record=JÖRG)]

    assert "+493012345678" not in values


def test_without_a_record_of_theirs_all_that_is_nothing() -> None:
    assert found("an 34117, vertrag k 20417, order 1632960983", Record()) == []


def test_what_a_connector_tells_is_read_as_a_record_and_nothing_else_is() -> None:
    told = {
        "names": ["Ada Low", 7, "x" * 201],
        "phones": "030 1",
        "addresses": ["1 Mill Lane", {"street": "2 Mill Lane", "town": None}, {}],
        "iban": ["DE"],
    }

    record = record_of(told)

    assert record == Record(
        names=("Ada Low",),
        addresses=(OwnAddress(street="1 Mill Lane"), OwnAddress(street="2 Mill Lane")),
    )
    assert record_of(as_data(JÖRG)) == JÖRG
    assert record_of("nonsense") == Record()
    assert "Jörg" not in repr(JÖRG)


def test_a_definition_knows_the_types_that_are_found() -> None:
    assert set(get_args(PersonalData)) == set(TYPES)


def test_a_masked_value_keeps_its_end_and_a_dropped_one_nothing() -> None:
    policy = policy_with({"phone": "mask", "email": "drop", "iban": "keep"})

    result = mask(
        "call +49 30 1234567, mail ben@example.com, IBAN DE89 3704 0044 0532 0130 00",
        number=lambda kind, value: 1,
        policy=policy,
    )

    assert result.text == "call <phone:1>, mail <email:1>, IBAN DE89 3704 0044 0532 0130 00"
    assert result.values == {"phone:1": "•••• 4567"}
    assert result.normal == {}
    assert result.dropped == ("email:1",)


def test_without_a_word_of_the_definition_all_is_as_usual() -> None:
    assert policy_with({}) == DEFAULT_POLICY
    assert all(DEFAULT_POLICY[kind] == "drop" for kind in ALWAYS_DROPPED)
