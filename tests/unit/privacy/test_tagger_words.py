"""What a word counts as depends on the language that stands around it; what is measured is no part
of the lists that the tagger learns from."""

import json
import re
from collections.abc import Iterator
from pathlib import Path

import pytest

from answerable.privacy.tagger.features import is_unread, open_tokens
from answerable.privacy.tagger.lists import FOLDER, typed
from answerable.privacy.tagger.tokens import (
    COMMON,
    FIRST,
    FOREIGN,
    LAST,
    WIDER,
    Reader,
    Token,
)
from answerable.privacy.tagger.vocabulary import Vocabulary

LABELLED = Path(__file__).resolve().parents[3] / "benchmarks" / "labelled"
MEASURED = (
    "personal-data",
    "names-languages",
    "addresses-languages",
    *(f"intents-{tag}" for tag in ("de", "fr", "es", "it", "nl", "pt", "pl")),
)
WORDS = {
    "this": COMMON,
    "is": COMMON,
    "the": COMMON,
    "from": COMMON,
    "ich": FOREIGN,
    "habe": FOREIGN,
    "eine": FOREIGN,
    "in": COMMON | FOREIGN,
    "datei": WIDER,
    "vogel": WIDER | LAST,
    "linda": WIDER | FIRST,
    "calle": FOREIGN,
    "vivo": FOREIGN,
    "en": FOREIGN,
    "mayor": WIDER,
    "raus": WIDER,
}


@pytest.fixture(scope="module")
def reader() -> Reader:
    return Reader(Vocabulary.from_words(WORDS))


def token_of(reader: Reader, text: str, word: str) -> Token:
    return next(token for token in reader.tokens_of(text) if token.lower == word)


def test_a_word_of_a_longer_list_is_common_where_its_language_is_written(reader: Reader) -> None:
    assert token_of(reader, "ich habe eine Datei", "datei").known == FOREIGN
    assert token_of(reader, "ich habe raus", "raus").known == FOREIGN
    assert token_of(reader, "this is the Datei", "datei").known == 0


def test_what_is_a_name_too_stays_one_with_a_capital_letter(reader: Reader) -> None:
    assert token_of(reader, "ich habe eine Vogel", "vogel").known == LAST
    assert token_of(reader, "ich habe eine vogel", "vogel").known == LAST | FOREIGN
    assert token_of(reader, "this is from linda", "linda").known == FIRST


def test_only_german_nouns_have_capital_letters_within_a_sentence(reader: Reader) -> None:
    assert token_of(reader, "vivo en calle Mayor", "mayor").known == 0
    assert token_of(reader, "vivo en calle mayor", "mayor").known == FOREIGN


def test_no_token_has_the_mark_of_a_longer_list(reader: Reader) -> None:
    for text in ("this is Datei", "ich habe Datei", " ".join(WORDS)):
        assert not any(token.known & WIDER for token in reader.tokens_of(text))


def test_in_a_language_of_no_list_only_capital_letters_tell(reader: Reader) -> None:
    tokens = reader.tokens_of("Hei, minun nimeni on Pekka ja korttini on hukassa")

    assert is_unread(tokens)
    assert [
        token.lower
        for token, opened in zip(tokens, open_tokens(tokens), strict=True)
        if opened
    ] == ["pekka"]  # fmt: skip
    assert not is_unread(reader.tokens_of("this is from the nimeni in the datei"))


@pytest.mark.parametrize(
    ("word", "also"),
    [("für", "fuer"), ("für", "fur"), ("straße", "strasse"), ("reçu", "recu"), ("łódź", "lodz")],
)
def test_a_word_is_known_as_it_is_typed_without_its_letters(word: str, also: str) -> None:
    assert also in set(typed(word))


def test_the_longer_lists_are_in_lower_case_and_name_no_word_twice() -> None:
    for file in sorted((FOLDER / "common").glob("*.txt")):
        words = file.read_text(encoding="utf-8").split()
        assert words == sorted({word.lower() for word in words}), file.name


def test_nothing_that_is_measured_was_learnt() -> None:
    measured = {
        run
        for name in MEASURED
        for line in (LABELLED / f"{name}.jsonl").read_text(encoding="utf-8").splitlines()
        for run in _eight_in_a_row(json.loads(line)["text"])
    }

    copied = [
        line
        for file in sorted(FOLDER.rglob("*.txt"))
        for line in file.read_text(encoding="utf-8").splitlines()
        if not measured.isdisjoint(_eight_in_a_row(line))
    ]

    assert measured
    assert copied == []


def _eight_in_a_row(text: str) -> Iterator[tuple[str, ...]]:
    words = re.findall(r"[^\W_]+", text.lower())
    for start in range(len(words) - 7):
        yield tuple(words[start : start + 8])
