"""Small heads beside the intents: mood, urgency, spam, churn, abuse, from lists of our own."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from answerable.kit.errors import InvalidInput
from answerable.understanding.calibration import softmax
from answerable.understanding.kernel import Arrays, KernelHead
from answerable.understanding.ports import Matrix

MOODS = ("negative", "neutral", "positive")
HAM_OR_SPAM = ("ham", "spam")
STAYING_OR_LEAVING = ("staying", "leaving")
CIVIL_OR_ABUSIVE = ("civil", "abusive")


@dataclass(frozen=True, kw_only=True)
class LabelHead:
    """One of `labels` fits a text. temperature: > 0, fitted on held-out sentences."""

    labels: tuple[str, ...]
    temperature: float
    head: KernelHead

    def probabilities(self, vectors: Matrix, counts: Sequence[Counter[int]]) -> Matrix:
        """(texts, labels); rows sum to 1."""
        scores, _ = self.head.scores(vectors, counts)
        return softmax(scores, self.temperature)

    def arrays(self, prefix: str) -> Arrays:
        return {
            **self.head.arrays(prefix),
            f"{prefix}.temperature": np.array([self.temperature]),
        }

    @staticmethod
    def from_arrays(
        arrays: Mapping[str, NDArray[Any]], prefix: str, labels: tuple[str, ...]
    ) -> "LabelHead":
        """Raises InvalidInput if the arrays are not those of a head with these labels."""
        head = KernelHead.from_arrays(arrays, prefix)
        temperature = arrays.get(f"{prefix}.temperature")
        if temperature is None or temperature.shape != (1,) or head.classes != len(labels):
            raise InvalidInput("damaged_model", f"model without a whole {prefix} head")
        return LabelHead(labels=labels, temperature=float(temperature[0]), head=head)


def sentiment(probabilities: Matrix) -> float:
    """-1..1 from the moods (units, 3): the whole text and its worst sentence count alike.

    Praise counts only as far as there is no blame beside it: sarcasm is both, and meant as blame.
    Squared, blame is told from all else with an AUROC of .893, plainly .880, as a mere difference
    .867; praise is told less well for it, .706 against .727 and .770 (benchmarks/heads.py).
    """
    negative, positive = probabilities[:, 0], probabilities[:, 2]
    tones = positive * (1 - negative) ** 2 - negative
    return float((tones[0] + tones.min()) / 2)


def most_urgent(probabilities: Matrix) -> int:
    """The level, as a place in URGENCIES, of the most urgent unit (units, 4).

    A level is reached when it and those above it are likelier than not.
    """
    at_least = probabilities[:, ::-1].cumsum(axis=1)[:, ::-1].max(axis=0)
    for level in (3, 2, 1):
        if at_least[level] >= 0.5:
            return level
    return 0


def likeliest(probabilities: Matrix) -> float:
    """0..1, how sure the surest unit is of the second of two labels (units, 2).

    One sentence in which somebody gives notice, or threatens, is enough in a long letter.
    """
    return float(probabilities[:, 1].max())
