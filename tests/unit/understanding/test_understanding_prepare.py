"""What the models read of a message."""

import pytest

from answerable.understanding.prepare import MOST_SENTENCES, prepared, units


@pytest.mark.parametrize(
    ("text", "plain"),
    [
        ("My <iban:1> is wrong", "My account is wrong"),
        ("<card:12> and <national_id:1>", "card and id number"),
        ("call <phone:2>", "call phone"),
        ("a  b\t c\r\n\r\n d ", "a b c\nd"),
        ("ｃａｒｄ", "card"),
        ("c\u200bard", "card"),
        ("\ud800 broken", "? broken"),
        ("x < 3 and y > 4", "x < 3 and y > 4"),
        ("", ""),
    ],
)
def test_a_message_takes_its_plain_form(text: str, plain: str) -> None:
    assert prepared(text) == plain


def test_a_short_text_is_one_unit() -> None:
    assert units("Where is my card? I need it.") == ["Where is my card? I need it."]


def test_a_mail_is_scored_whole_and_by_sentence() -> None:
    found = units(prepared("Hello,\nmy card is lost. Please block it!\nBest regards\nAnna"))

    assert found[0].startswith("Hello, my card")
    assert found[1:] == ["Hello,", "my card is lost.", "Please block it!", "Best regards", "Anna"]


def test_the_number_of_sentences_is_bounded() -> None:
    found = units(prepared("\n".join(f"Sentence {n}." for n in range(5_000))))

    assert len(found) == 1 + MOST_SENTENCES
    assert found[1] == "Sentence 0."
    assert found[-1] == "Sentence 4999."


def test_what_is_said_again_and_again_crowds_nothing_out() -> None:
    text = "\n".join(["I wait.", "Nobody calls."] * 100 + ["My card was stolen."])

    assert units(text)[1:] == ["I wait.", "Nobody calls.", "My card was stolen."]
