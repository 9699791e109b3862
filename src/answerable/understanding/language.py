"""Which of the tenant's languages a text is in."""

import json
from collections.abc import Sequence
from functools import cached_property, lru_cache
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

from answerable.kit.errors import InvalidInput

SHIPPED = Path(__file__).resolve().parent.parent / "_models" / "languages"
FALLBACK = "en"
FEWEST_LETTERS = 4


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
        """The likeliest language; the default for a text too short to tell, such as "hi"."""
        letters = sum(char.isalpha() for char in text[: FEWEST_LETTERS * 4])
        if len(self._languages) == 1 or letters < FEWEST_LETTERS:
            return self._default
        return str(self._identifier.classify(text)[0])

    @property
    def several(self) -> bool:
        """Whether a few languages are told apart, and not one or all of them meant."""
        return len(self._languages) > 1

    def number(self, language: str) -> int:
        """Its place among the languages that are told apart; -1: it is none of them."""
        return self._languages.index(language) if language in self._languages else -1

    def numbers(self, texts: Sequence[str]) -> NDArray[np.int8]:
        """(texts,): of the language of each; all 0 where any language may come."""
        if not self.several:
            return np.zeros(len(texts), dtype=np.int8)
        return np.array([self.number(self.language(text)) for text in texts], dtype=np.int8)

    @cached_property
    def _identifier(self) -> LanguageIdentifier:
        return _identifier_of(self._tables, tuple(sorted(self._languages)))


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
