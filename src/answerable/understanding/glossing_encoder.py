"""An encoder that reads English alone, given other languages word by word in English."""

from collections.abc import Sequence
from dataclasses import dataclass

from answerable.understanding.dictionary import Dictionary
from answerable.understanding.ports import Encoder, Matrix


@dataclass(frozen=True, eq=False)
class GlossingEncoder:
    """encoder: one that reads English. The name holds the names of both: vectors depend on both.

    Spelling and all that is shown to people are of the text itself; n-grams are of both.
    """

    encoder: Encoder
    dictionary: Dictionary

    @property
    def name(self) -> str:
        return f"{self.encoder.name}-{self.dictionary.name}"

    @property
    def dimensions(self) -> int:
        return self.encoder.dimensions

    @property
    def parts(self) -> tuple[int, ...]:
        return self.encoder.parts

    @property
    def learnt(self) -> frozenset[str]:
        return self.encoder.learnt

    def knows(self, word: str) -> bool:
        return self.encoder.knows(word)

    def as_read(self, text: str) -> str:
        return self.dictionary.in_english(text)

    def reads(self, text: str) -> bool:
        return self.dictionary.covers(text)

    def encode(self, texts: Sequence[str]) -> Matrix:
        return self.encoder.encode([self.as_read(text) for text in texts])
