"""What is known of the sender is found again in what they write."""

from typing import get_args

import pytest

from answerable.definition.terms import ALWAYS_DROPPED, PersonalData
from answerable.privacy.detect import Record, find
from answerable.privacy.mask import DEFAULT_POLICY, mask, policy_with
from answerable.privacy.spans import TYPES

RECORD = Record(
    names=("Hope Rivers",), addresses=("Unit 7 Quayside, Hull",), phones=("+44 (0)1632 960 983",)
)


def found(text: str) -> list[tuple[str, str]]:
    return [(span.type, text[span.start : span.end]) for span in find(text, record=RECORD)]


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("it is hope rivers again", [("name", "hope rivers")]),
        ("RIVERS", [("name", "RIVERS")]),
        ("I hope the rivers are full", []),
        ("we moved from unit 7, quayside, hull", [("address", "unit 7, quayside, hull")]),
        ("ring 44 0 1632 960983 please", [("phone", "44 0 1632 960983")]),
        ("order 9440163296098312", []),
    ],
)
def test_the_senders_own_data_is_found_word_for_word(
    text: str, expected: list[tuple[str, str]]
) -> None:
    assert found(text) == expected


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
