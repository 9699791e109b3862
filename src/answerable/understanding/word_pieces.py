"""Text to the numbered word pieces that the sentence encoder was trained on (BERT, uncased).

Written for one vocabulary file; words are cached, because support messages repeat themselves.
"""

import re
import unicodedata
from collections.abc import Sequence
from pathlib import Path

from answerable.kit.errors import InvalidInput

LONGEST_WORD = 100  # letters; a longer "word" is one unknown piece, as in the encoder's training
_CACHE_SIZE = 20_000  # words; about 4 MB
_ASCII_PIECES = re.compile(r"[a-z0-9]+|[!-/:-@\[-`{-~]")
_CJK = (
    (0x4E00, 0x9FFF),
    (0x3400, 0x4DBF),
    (0x20000, 0x2A6DF),
    (0x2A700, 0x2B73F),
    (0x2B740, 0x2B81F),
    (0x2B820, 0x2CEAF),
    (0xF900, 0xFAFF),
    (0x2F800, 0x2FA1F),
)


def words_and_signs(text: str) -> list[str]:
    """Lower-case words without accents; punctuation and CJK characters stand alone."""
    if text.isascii():
        return _ASCII_PIECES.findall(_visible(text).lower())
    spaced = "".join(f" {c} " if _is_cjk(ord(c)) else c for c in _visible(text))
    bare = "".join(
        c for c in unicodedata.normalize("NFD", spaced) if unicodedata.category(c) != "Mn"
    ).lower()
    found: list[str] = []
    for chunk in bare.split():
        word = ""
        for character in chunk:
            if _is_punctuation(character):
                if word:
                    found.append(word)
                found.append(character)
                word = ""
            else:
                word += character
        if word:
            found.append(word)
    return found


class WordPieces:
    """The encoder's tokenizer.

    vocabulary: pieces in the order of their numbers; continuations begin with `##`.
    """

    def __init__(self, vocabulary: Sequence[str]) -> None:
        self._number = {piece: index for index, piece in enumerate(vocabulary)}
        try:
            self._unknown = self._number["[UNK]"]
            self._start = self._number["[CLS]"]
            self._end = self._number["[SEP]"]
        except KeyError as error:
            raise InvalidInput("foreign_encoder", f"vocabulary without {error}") from error
        self._cache: dict[str, tuple[int, ...]] = {}

    @staticmethod
    def load(path: Path) -> "WordPieces":
        return WordPieces(path.read_text(encoding="utf-8").rstrip("\n").split("\n"))

    def knows(self, word: str) -> bool:
        """Whether it is one piece."""
        found = words_and_signs(word)
        if len(found) != 1:
            return False
        pieces = self._pieces(found[0])
        return len(pieces) == 1 and pieces[0] != self._unknown

    def numbers(self, text: str, longest: int) -> list[int]:
        """Piece numbers with start and end marks, `longest` at most (the rest is cut off)."""
        pieces = [self._start]
        for word in words_and_signs(text):
            pieces.extend(self._pieces(word))
            if len(pieces) >= longest:
                break
        del pieces[longest - 1 :]
        pieces.append(self._end)
        return pieces

    def _pieces(self, word: str) -> tuple[int, ...]:
        known = self._cache.get(word)
        if known is None:
            known = self._split(word)
            if len(self._cache) >= _CACHE_SIZE:
                self._cache.clear()
            self._cache[word] = known
        return known

    def _split(self, word: str) -> tuple[int, ...]:
        """Greedy: the longest known piece first."""
        if len(word) > LONGEST_WORD:
            return (self._unknown,)
        pieces: list[int] = []
        start = 0
        while start < len(word):
            for end in range(len(word), start, -1):
                piece = word[start:end] if start == 0 else "##" + word[start:end]
                number = self._number.get(piece)
                if number is not None:
                    pieces.append(number)
                    start = end
                    break
            else:
                return (self._unknown,)
        return tuple(pieces)


def _visible(text: str) -> str:
    """Without control and format characters; every kind of space becomes a space."""
    if text.isascii() and text.isprintable():
        return text
    return "".join(
        " " if c in "\t\n\r" or c.isspace() else c
        for c in text
        if c in "\t\n\r" or (c != "\ufffd" and not unicodedata.category(c).startswith("C"))
    )


def _is_cjk(point: int) -> bool:
    return point >= 0x3400 and any(low <= point <= high for low, high in _CJK)


def _is_punctuation(character: str) -> bool:
    point = ord(character)
    if point < 128:
        return not (character.isalnum() or character.isspace())
    return unicodedata.category(character).startswith("P")
