"""A reply's subject says what is answered, in the customer's language where there was none."""

import pytest

from answerable.flow.reply_subject import reply_subject


@pytest.mark.parametrize(
    ("subject", "language", "said"),
    [
        ("My card", "en", "Re: My card"),
        ("Re: My card", "en", "Re: My card"),
        ("AW: Meine Karte", "de", "AW: Meine Karte"),
        (None, "en", "Your message"),
        ("", "de", "Ihre Nachricht"),
        (None, "fr", "Votre message"),
        (None, "de-AT", "Ihre Nachricht"),
        (None, "xx", "Your message"),
    ],
)
def test_a_subject_answers_what_was_written(subject: str | None, language: str, said: str) -> None:
    assert reply_subject(subject, language) == said
