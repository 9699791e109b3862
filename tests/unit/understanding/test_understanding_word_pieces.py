"""The tokenizer gives the pieces the encoder was trained on."""

import pytest

from answerable.kit.errors import InvalidInput
from answerable.understanding.word_pieces import WordPieces, words_and_signs

VOCABULARY = ["[PAD]", "[UNK]", "[CLS]", "[SEP]", "card", "##s", "un", "##able", "naive", "!", "你"]


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Where's my CARD?", ["where", "'", "s", "my", "card", "?"]),
        ("naïve Café ÅÄÖ", ["naive", "cafe", "aao"]),
        ("Straße", ["straße"]),
        ("İstanbul", ["istanbul"]),
        ("你好 world", ["你", "好", "world"]),
        ("a\u200bb\tc\u00a0d", ["ab", "c", "d"]),
        ("a\x00b\ufffdc", ["abc"]),
        ("$5_+", ["$", "5", "_", "+"]),
        ("don’t “stop”", ["don", "’", "t", "“", "stop", "”"]),
        ("\uac00", ["\u1100\u1161"]),  # Korean syllables fall into their letters
        ("", []),
        ("  \n\t ", []),
    ],
)
def test_texts_fall_into_words_and_signs(text: str, words: list[str]) -> None:
    assert words_and_signs(text) == words


@pytest.mark.parametrize(
    ("text", "numbers"),
    [
        ("cards unable!", [2, 4, 5, 6, 7, 9, 3]),
        ("Naïve 你", [2, 8, 10, 3]),
        ("zebra", [2, 1, 3]),
        ("card" * 30, [2, 1, 3]),
        ("", [2, 3]),
    ],
)
def test_words_are_cut_into_the_longest_known_pieces(text: str, numbers: list[int]) -> None:
    assert WordPieces(VOCABULARY).numbers(text, 128) == numbers


def test_a_long_text_is_cut_off_with_its_end_mark() -> None:
    numbers = WordPieces(VOCABULARY).numbers("card " * 1_000, 16)

    assert len(numbers) == 16
    assert numbers[-1] == 3


def test_a_foreign_vocabulary_is_refused() -> None:
    with pytest.raises(InvalidInput):
        WordPieces(["hello", "world"])
