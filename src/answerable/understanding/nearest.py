"""The labelled examples that a message is most like: what an agent is shown as the reason."""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from answerable.kit.errors import InvalidInput
from answerable.understanding.kernel import Arrays
from answerable.understanding.outcomes import text_digest
from answerable.understanding.ports import Matrix
from answerable.understanding.understanding import Near

MOST = 3
LEAST = 0.3  # cosine; what is less alike explains nothing
_DECIMALS = 3


@dataclass(frozen=True, kw_only=True)
class LearntExamples:
    """One entry a text that was learnt from; never the texts themselves.

    digests: `text_digest` as a number. labels: number of its intent, -1 for none.
    """

    digests: NDArray[np.uint64]
    labels: NDArray[np.int16]

    @staticmethod
    def of(texts: Sequence[str], targets: Matrix) -> "LearntExamples":
        """targets: (texts, intents), as in `Material`."""
        best = targets.argmax(axis=1) if targets.shape[1] else np.zeros(len(texts), dtype=int)
        has = targets.sum(axis=1) > 0
        return LearntExamples(
            digests=np.array([int(text_digest(text), 16) for text in texts], dtype=np.uint64),
            labels=np.where(has, best, -1).astype(np.int16),
        )

    def nearest(self, cosines: Matrix, names: Sequence[str]) -> tuple[Near, ...]:
        """cosines: (units, examples), of the message's parts with each example; best first."""
        if not len(self.digests):
            return ()
        best = cosines.max(axis=0)
        return tuple(
            Near(
                example=f"{int(self.digests[row]):016x}",
                intent=names[label] if (label := int(self.labels[row])) >= 0 else None,
                likeness=round(min(float(best[row]), 1.0), _DECIMALS),
            )
            for row in _largest(best)
            if best[row] >= LEAST
        )

    def arrays(self) -> Arrays:
        return {"examples.digests": self.digests, "examples.labels": self.labels}

    @staticmethod
    def from_arrays(
        arrays: Mapping[str, NDArray[Any]], amount: int, intents: int
    ) -> "LearntExamples":
        """Raises InvalidInput if they are not of so many examples and intents."""
        digests, labels = arrays["examples.digests"], arrays["examples.labels"]
        fits = digests.shape == labels.shape == (amount,) and digests.dtype == np.uint64
        if not fits or (amount and not -1 <= labels.min() <= labels.max() < intents):
            raise InvalidInput("damaged_model", "the examples of the model do not fit its arrays")
        return LearntExamples(digests=digests, labels=labels.astype(np.int16))


def _largest(values: NDArray[np.float32]) -> list[int]:
    """Places of the MOST largest, best first, of equal ones the first; a few passes are many
    times as fast as to sort thousands."""
    left, places = values.copy(), []
    for _ in range(min(MOST, len(left))):
        places.append(int(left.argmax()))
        left[places[-1]] = -np.inf
    return places


def texts_of(near: Sequence[Near], texts: Iterable[str]) -> dict[str, str]:
    """By `Near.example`, those of `texts` that are meant."""
    wanted = {one.example for one in near}
    return {digest: text for text in texts if (digest := text_digest(text)) in wanted}
