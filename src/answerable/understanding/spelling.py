"""Misspelt words as they were probably meant, for the model alone: no customer's text is changed.

A word that neither the encoder nor any example knows is read as the example's word that it is an
error away from: a letter missing, wrong, doubled or swapped with its neighbour.
"""

import re
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass, field
from itertools import islice
from typing import Any

import numpy as np
from numpy.typing import NDArray
from rapidfuzz import process
from rapidfuzz.distance import OSA

from answerable.kit.errors import InvalidInput
from answerable.understanding.kernel import Arrays

SHORTEST = 4  # letters: below them one error makes too many words of one
TWO_ERRORS_FROM = 7  # letters
FIRST_LETTER = 5.0  # how much likelier a word is that begins alike
LONGEST = 30  # letters; what is longer is no word
MOST_REMEMBERED = 20_000
MOST_WORDS = 400  # of one text, that are looked at
MOST_MENDED = 40  # of them
MOST_STRANGE = 0.6  # part of a text's words; a text with more is of another language
_CANDIDATES = 20
_WORD = re.compile(r"[^\W\d_]+")


def words_of(texts: Iterable[str], *, least: int = 1) -> dict[str, int]:
    """Words that `least` texts or more have, with how many do."""
    found = Counter(word for text in texts for word in set(_WORD.findall(text.lower())))
    return {word: number for word, number in sorted(found.items()) if number >= least}


@dataclass(frozen=True, kw_only=True)
class Spelling:
    """words: of the examples, with how many have each. is_known: of others, what is a word too."""

    words: Mapping[str, int]
    is_known: Callable[[str], bool]
    _by_length: dict[int, list[str]] = field(default_factory=dict, repr=False, compare=False)
    _meant: dict[str, str] = field(default_factory=dict, repr=False, compare=False)

    def __post_init__(self) -> None:
        for word in self.words:
            if SHORTEST <= len(word) <= LONGEST:
                self._by_length.setdefault(len(word), []).append(word)

    def mended(self, text: str) -> str:
        """The text with misspelt words as meant; the same text if there are none."""
        words = list(islice(_WORD.finditer(text), MOST_WORDS))
        strange = [found for found in words if self._is_strange(found[0].lower())]
        if len(strange) > MOST_STRANGE * len(words):
            return text  # of another language
        pieces, start = [], 0
        for found in strange[:MOST_MENDED]:
            word = found[0].lower()
            meant = self._meant_by(word)
            if meant != word:
                pieces += [text[start : found.start()], meant]
                start = found.end()
        return "".join([*pieces, text[start:]])

    def arrays(self, prefix: str) -> Arrays:
        return {
            f"{prefix}.words": np.frombuffer("\n".join(self.words).encode(), dtype=np.uint8),
            f"{prefix}.counts": np.array(list(self.words.values()), dtype=np.int32),
        }

    @staticmethod
    def from_arrays(
        arrays: Mapping[str, NDArray[Any]], prefix: str, is_known: Callable[[str], bool]
    ) -> "Spelling":
        """Raises InvalidInput if arrays are missing or do not fit together."""
        try:
            words = arrays[f"{prefix}.words"].tobytes().decode().split("\n")
            counts = arrays[f"{prefix}.counts"].astype(int).tolist()
            known = dict(zip(words, counts, strict=True)) if counts else {}
        except (KeyError, ValueError) as error:
            raise InvalidInput("damaged_model", f"model without whole {prefix}") from error
        return Spelling(words=known, is_known=is_known)

    def _is_strange(self, word: str) -> bool:
        return (
            SHORTEST <= len(word) <= LONGEST and word not in self.words and not self.is_known(word)
        )

    def _meant_by(self, word: str) -> str:
        meant = self._meant.get(word)
        if meant is None:
            if len(self._meant) >= MOST_REMEMBERED:
                self._meant.clear()
            meant = self._meant[word] = self._nearest(word)
        return meant

    def _nearest(self, word: str) -> str:
        for errors in (1, 2) if len(word) >= TWO_ERRORS_FROM else (1,):
            lengths = range(len(word) - errors, len(word) + errors + 1)
            candidates = [one for length in lengths for one in self._by_length.get(length, ())]
            near = process.extract(
                word, candidates, scorer=OSA.distance, score_cutoff=errors, limit=_CANDIDATES
            )
            if near:
                return max((one for one, _, _ in near), key=lambda one: self._likelihood(one, word))
        return word

    def _likelihood(self, meant: str, word: str) -> float:
        return self.words[meant] * (FIRST_LETTER if meant[0] == word[0] else 1.0)
