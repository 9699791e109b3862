"""Values written over several messages."""

import pytest

from answerable.privacy.continued import find_continued, is_piece
from answerable.privacy.spans import CARD, IBAN, Span


@pytest.mark.parametrize(
    ("before", "text", "expected"),
    [
        (["4111 1111"], "1111 1111", Span(CARD, 0, 9, "4111111111111111")),
        (["My card is 4111-1111"], " 1111-1111 ", Span(CARD, 1, 10, "4111111111111111")),
        (["Hi", "4111", "1111", "1111"], "1111", Span(CARD, 0, 4, "4111111111111111")),
        (["DE89 3704 0044"], "0532 0130 00", Span(IBAN, 0, 12, "DE89370400440532013000")),
        (["it is DE89 3704 0044,"], "0532 0130 00.", Span(IBAN, 0, 12, "DE89370400440532013000")),
    ],
)
def test_the_part_that_completes_a_value_is_found_with_the_whole_value(
    before: list[str], text: str, expected: Span
) -> None:
    assert is_piece(text)
    assert find_continued(before, text) == [expected]


@pytest.mark.parametrize(
    ("before", "text"),
    [
        (["4111 1111"], "1111 1112"),  # the check digit is wrong
        (["I paid 4111 1111 to them"], "1111 1111"),  # it does not end there
        (["4111 1111", "Hello?"], "1111 1111"),  # something else was said between
        ([], "1111 1111"),
        (["order 12"], "34"),
    ],
)
def test_numbers_that_complete_nothing_stay(before: list[str], text: str) -> None:
    assert find_continued(before, text) == []


@pytest.mark.parametrize("text", ["", "12 apples", "Hello 1111", "1" * 60, "yes", "1"])
def test_ordinary_messages_make_nobody_read_those_before(text: str) -> None:
    assert not is_piece(text)
