"""Which of the tenant's languages a text is in."""

from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any

import numpy as np
from numpy.typing import NDArray
from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

from answerable.kit.errors import InvalidInput
from answerable.understanding.kernel import Arrays

FALLBACK = "en"
FEWEST_LETTERS = 4


class LanguageReader:
    """languages: ISO 639-1, the default first; none: all that the identifier knows.

    stored: the identifier cut down to these languages, as `arrays` made it; without, the whole
    one is read from its file at the first question, which takes half a second.
    """

    def __init__(self, languages: Sequence[str], stored: LanguageIdentifier | None = None) -> None:
        self._languages = tuple(dict.fromkeys(tag.split("-")[0].lower() for tag in languages))
        self._default = self._languages[0] if self._languages else FALLBACK
        self._stored = stored

    def language(self, text: str) -> str:
        """The likeliest language; the default for a text too short to tell, such as "hi"."""
        letters = sum(char.isalpha() for char in text[: FEWEST_LETTERS * 4])
        if len(self._languages) == 1 or letters < FEWEST_LETTERS:
            return self._default
        return str(self._identifier.classify(text)[0])

    def arrays(self, prefix: str) -> Arrays:
        """What a stored model needs; nothing where the identifier is not asked, or not cut down."""
        if len(self._languages) < 2:
            return {}
        identifier = self._identifier
        return {
            f"{prefix}.likelihoods": np.asarray(identifier.nb_ptc),
            f"{prefix}.priors": np.asarray(identifier.nb_pc),
            f"{prefix}.names": np.array(identifier.nb_classes),
            f"{prefix}.moves": np.asarray(identifier.tk_nextmove),
            f"{prefix}.states": np.asarray(identifier.tk_row),
            f"{prefix}.features": np.asarray(identifier.tk_output, dtype=np.int32),
        }

    @staticmethod
    def from_arrays(
        arrays: Mapping[str, NDArray[Any]], prefix: str, languages: Sequence[str]
    ) -> "LanguageReader":
        """Raises InvalidInput if only a part of the arrays is there."""
        if f"{prefix}.names" not in arrays:
            return LanguageReader(languages)
        try:
            identifier = LanguageIdentifier(
                arrays[f"{prefix}.likelihoods"],
                arrays[f"{prefix}.priors"],
                arrays[f"{prefix}.names"].tolist(),
                arrays[f"{prefix}.moves"].data,  # its items come as Python's ints
                arrays[f"{prefix}.features"].tolist(),
                tk_row=arrays[f"{prefix}.states"].data,
            )
        except KeyError as error:
            raise InvalidInput("damaged_model", f"model without {error}") from error
        return LanguageReader(languages, identifier)

    @cached_property
    def _identifier(self) -> LanguageIdentifier:
        if self._stored is not None:
            return self._stored
        identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
        known = [tag for tag in self._languages if tag in set(identifier.labels)]
        if known:
            identifier.set_languages(known)
        return identifier
