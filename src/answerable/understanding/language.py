"""Which of the tenant's languages a text is in.

The identifier tells it by groups of letters, which say little in a text of five words. So the words
that a language cannot do without, and those that customers begin with, count besides.
"""

import json
import math
import re
import unicodedata
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from functools import cache, cached_property, lru_cache
from itertools import islice
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

from answerable.kit.errors import InvalidInput

SHIPPED = Path(__file__).resolve().parent.parent / "_models" / "languages"
FALLBACK = "en"
FEWEST_LETTERS = 4
COMMON_WORDS = Path(__file__).with_name("lexicon") / "common-words.json"
A_WORD = 3.0  # of the logarithm of the likelihood, for each word that a language has
# By how much another language must be likelier than all of the tenant's: with 10, two of 22,000
# English messages are taken for another's, and 97 to 100 in 100 of others' are found.
SURELY_ANOTHER = 10.0
# Others that a text may be in, besides those with words of their own.
OTHER_WRITING = ("ar", "el", "he", "hi", "ja", "ko", "ru", "th", "uk", "zh")
# A tenant's language that is written like another: the other is not told apart from it.
ALIKE: Mapping[str, Sequence[str]] = {
    "af": ("nl",),
    "be": ("ru", "uk"),
    "bg": ("ru",),
    "ca": ("es",),
    "cs": ("sk",),
    "da": ("no",),
    "gl": ("es", "pt"),
    "lb": ("de",),
    "mk": ("ru",),
    "nb": ("da", "no"),
    "nn": ("da", "no"),
    "no": ("da",),
    "ru": ("uk",),
    "sk": ("cs",),
    "sr": ("ru",),
    "uk": ("ru",),
}
MOST_WORDS = 40
_WORD = re.compile(r"[^\W\d_]+")


class LanguageReader:
    """languages: ISO 639-1, the default first; none: all that the identifier knows.

    tables: the folder that `build_languages` made. Without it the library's own file is read at
    the first question, which takes most of a second and 50 MB.
    """

    def __init__(self, languages: Sequence[str], tables: Path = SHIPPED) -> None:
        self._languages = tuple(dict.fromkeys(tag.split("-")[0].lower() for tag in languages))
        self._default = self._languages[0] if self._languages else FALLBACK
        self._tables = tables

    def language(self, text: str) -> str:
        """The likeliest of the languages, or another one that a text is surely in; the default for
        a text too short to tell, such as "hi"."""
        letters = sum(char.isalpha() for char in text[: FEWEST_LETTERS * 4])
        if letters < FEWEST_LETTERS:
            return self._default
        scores = self._judge.scores(text)
        likeliest = max(scores, key=scores.__getitem__)
        if not self._languages:
            return likeliest
        own = [tag for tag in self._languages if tag in scores]
        best = max(own, key=scores.__getitem__, default=self._default)
        surely = scores[likeliest] - scores.get(best, -math.inf) >= SURELY_ANOTHER
        return likeliest if surely else best

    @property
    def languages(self) -> tuple[str, ...]:
        """ISO 639-1, the default first; none: whatever a text is in."""
        return self._languages

    def number(self, language: str) -> int:
        """Its place among the languages that are told apart; -1: it is none of them."""
        if not self._languages:
            return 0
        return self._languages.index(language) if language in self._languages else -1

    def numbers(self, texts: Sequence[str]) -> NDArray[np.int8]:
        """(texts,): of the language of each; all 0 where any language may come."""
        if not self._languages:
            return np.zeros(len(texts), dtype=np.int8)
        return np.array([self.number(self.language(text)) for text in texts], dtype=np.int8)

    @cached_property
    def _judge(self) -> "_Judge":
        told = set(self._languages)
        if told:
            others = {tag for tags in common_words().values() for tag in tags} | {*OTHER_WRITING}
            told |= others - {one for tag in told for one in ALIKE.get(tag, ())}
        return _judge_of(self._tables, tuple(sorted(told)))


@dataclass(frozen=True, kw_only=True)
class _Judge:
    """words: with the languages that have them, of those that the identifier tells apart."""

    identifier: LanguageIdentifier
    words: Mapping[str, Sequence[str]]

    def scores(self, text: str) -> dict[str, float]:
        """By language, logarithms of the likelihood."""
        scores = {str(language): float(score) for language, score in self.identifier.rank(text)}
        for found in islice(_WORD.finditer(text), MOST_WORDS):
            for language in self.words.get(found[0].lower(), ()):
                scores[language] += A_WORD
        return scores


@lru_cache(maxsize=32)
def _judge_of(tables: Path, languages: tuple[str, ...]) -> _Judge:
    identifier = _identifier_of(tables, languages)
    told = set(identifier.nb_classes)
    had = {word: [one for one in mine if one in told] for word, mine in common_words().items()}
    # A word that all of them have tells nothing.
    words = {word: mine for word, mine in had.items() if 0 < len(mine) < len(told)}
    return _Judge(identifier=identifier, words=words)


@cache
def common_words() -> Mapping[str, Sequence[str]]:
    """By word, also as it is written without accents, the languages that have it."""
    lists = json.loads(COMMON_WORDS.read_text(encoding="utf-8"))
    found: dict[str, list[str]] = {}
    for language, words in lists.items():
        forms = {form for word in words.split() for form in (word, _without_accents(word))}
        for form in sorted(forms):
            found.setdefault(form, []).append(language)
    return found


def _without_accents(word: str) -> str:
    apart = unicodedata.normalize("NFD", word.translate(_WITH_A_STROKE))
    return "".join(char for char in apart if not unicodedata.combining(char))


_WITH_A_STROKE = str.maketrans("łıø", "lio")


@lru_cache(maxsize=32)  # many tenants speak the same languages
def _identifier_of(tables: Path, languages: tuple[str, ...]) -> LanguageIdentifier:
    """Raises InvalidInput if the tables are there and damaged."""
    if not (tables / "languages.json").exists():
        identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
        identifier.set_languages([tag for tag in languages if tag in identifier.labels] or None)
        return identifier
    try:
        names = json.loads((tables / "languages.json").read_text(encoding="utf-8"))["languages"]
        rows = [row for row, name in enumerate(names) if name in languages]
        rows = rows or list(range(len(names)))
        mapped = {
            name: np.load(tables / f"{name}.npy", mmap_mode="r")
            for name in ("moves", "states", "features", "likelihoods", "priors")
        }
        return LanguageIdentifier(
            np.ascontiguousarray(mapped["likelihoods"][rows].T),
            np.array(mapped["priors"][rows]),
            [names[row] for row in rows],
            mapped["moves"].data,  # its items come as Python's ints
            mapped["features"].data,
            tk_row=mapped["states"].data,
        )
    except (OSError, ValueError, KeyError, IndexError, TypeError) as error:
        raise InvalidInput(
            "damaged_languages", f"{tables} does not hold the language tables: {error}"
        ) from error
