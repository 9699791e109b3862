"""Misspelt words are read as meant, and nothing else is."""

from pathlib import Path

import pytest

from answerable.kit.errors import InvalidInput
from answerable.understanding.examples import Example
from answerable.understanding.model import Model
from answerable.understanding.ports import Encoder
from answerable.understanding.spelling import MOST_MENDED, Spelling, words_of
from answerable.understanding.train import train

ENGLISH = {"where", "does", "boat", "what", "please", "form", "from", "here"}


@pytest.fixture
def spelling() -> Spelling:
    texts = [
        "Where is my new card?",
        "My card was charged twice",
        "Verify my top-up",
        "card stolen",
    ]
    return Spelling(words=words_of(texts), is_known=ENGLISH.__contains__)


@pytest.mark.parametrize(
    ("written", "read"),
    [
        ("my cardd was stolenn", "my card was stolen"),  # doubled
        ("my cad was chrged", "my cad was charged"),  # missing; three letters are left
        ("my cadr was xharged", "my card was charged"),  # swapped, wrong
        ("my card was cahrgedd twicee", "my card was charged twice"),  # two errors in a long word
        ("what does the boat do from here", "what does the boat do from here"),  # words
        ("my cardd, please!  Thanks", "my card, please!  Thanks"),  # the rest stays
        ("", ""),
        ("12345 !!! 😀", "12345 !!! 😀"),
    ],
)
def test_a_misspelt_word_is_read_as_meant(spelling: Spelling, written: str, read: str) -> None:
    assert spelling.mended(written) == read


def test_a_text_of_another_language_is_left_as_it_is(spelling: Spelling) -> None:
    text = "Meine Karrd wurde gestern gestohlen"

    assert spelling.mended(text) == text


def test_the_likelier_word_is_taken() -> None:
    spelling = Spelling(words={"card": 9, "cart": 1, "bard": 20}, is_known=lambda _: False)

    assert spelling.mended("my own card or carb") == "my own card or card"


def test_so_many_words_of_a_text_are_mended_and_no_more(spelling: Spelling) -> None:
    mended = spelling.mended("card cardd " * 100)

    assert mended.count("cardd") == 100 - MOST_MENDED


@pytest.mark.parametrize("text", ["x" * 100_000, "a " * 50_000, "wrod " * 20_000, "é" * 10_000])
def test_what_is_no_text_stays_as_it_is(spelling: Spelling, text: str) -> None:
    assert spelling.mended(text) == text


def test_a_misspelt_message_is_understood(encoder: Encoder, tmp_path: Path) -> None:
    said = {
        "refund": ["I want a refund", "please give my money back", "refund this purchase"],
        "delivery": ["where is my parcel", "the delivery is late", "parcel did not arrive"],
    }
    examples = [Example(text=t, intents=(name,)) for name, texts in said.items() for t in texts]
    train(examples, encoder=encoder).save(tmp_path)

    stored = Model.load(tmp_path, encoder)
    [understood] = stored.understand(["were is my parcle, delivrey is latte"])

    assert understood.intents[0].name == "delivery"
    assert stored.spelling.mended("my parcle") == "my parcel"


def test_words_that_do_not_fit_their_numbers_are_refused(spelling: Spelling) -> None:
    arrays = spelling.arrays("spelling")
    arrays["spelling.counts"] = arrays["spelling.counts"][:-1]

    with pytest.raises(InvalidInput, match="spelling"):
        Spelling.from_arrays(arrays, "spelling", ENGLISH.__contains__)


def test_no_words_at_all_are_kept_too() -> None:
    arrays = Spelling(words={}, is_known=ENGLISH.__contains__).arrays("spelling")

    assert Spelling.from_arrays(arrays, "spelling", ENGLISH.__contains__).words == {}
