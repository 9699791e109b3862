"""What understanding asks of the outside: sentences as vectors."""

from collections.abc import Sequence
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Matrix = NDArray[np.float32]


class Encoder(Protocol):
    """Turns texts into vectors whose cosine says how alike their meanings are.

    name: names weights and preparation; a model trained with one encoder works with no other.
    """

    @property
    def name(self) -> str: ...

    @property
    def dimensions(self) -> int: ...

    @property
    def parts(self) -> tuple[int, ...]:
        """How many dimensions each part has that says something of its own, the main one first."""
        ...

    @property
    def learnt(self) -> frozenset[str]:
        """Of the texts that it was taught on, if that is known, each one's `text_digest`: how
        well it reads these says nothing about others."""
        ...

    def __hash__(self) -> int: ...

    def knows(self, word: str) -> bool:
        """Whether it is a word to the encoder, and no guess from its letters."""
        ...

    def as_read(self, text: str) -> str:
        """What `encode` reads instead: another language's words in English where it knows that
        alone; else the same text."""
        ...

    def reads(self, text: str) -> bool:
        """Whether it is written in what `encode` knows: of other texts it sees syllables."""
        ...

    def encode(self, texts: Sequence[str]) -> Matrix:
        """(texts, dimensions), rows of length 1; a row depends on its own text only."""
        ...
