"""Which of the tenant's languages a text is in."""

from collections.abc import Sequence
from functools import cached_property

from py3langid.langid import MODEL_FILE, LanguageIdentifier  # type: ignore[import-untyped]

FALLBACK = "en"
FEWEST_LETTERS = 4


class LanguageReader:
    """languages: ISO 639-1, the default first; none: all that the identifier knows.

    The identifier is read from its file at the first question only.
    """

    def __init__(self, languages: Sequence[str]) -> None:
        self._languages = tuple(dict.fromkeys(tag.split("-")[0].lower() for tag in languages))
        self._default = self._languages[0] if self._languages else FALLBACK

    def language(self, text: str) -> str:
        """The likeliest language; the default for a text too short to tell, such as "hi"."""
        letters = sum(char.isalpha() for char in text[: FEWEST_LETTERS * 4])
        if len(self._languages) == 1 or letters < FEWEST_LETTERS:
            return self._default
        return str(self._identifier.classify(text)[0])

    @cached_property
    def _identifier(self) -> LanguageIdentifier:
        identifier = LanguageIdentifier.from_model_file(MODEL_FILE)
        known = [tag for tag in self._languages if tag in set(identifier.labels)]
        if known:
            identifier.set_languages(known)
        return identifier
