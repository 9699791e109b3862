"""A head: scores of classes by likeness to labelled examples, in meaning and in spelling."""

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from answerable.kit.errors import InvalidInput
from answerable.understanding.ngrams import Rarity, rows_of, weighted
from answerable.understanding.ports import Matrix

Arrays = dict[str, NDArray[Any]]


@dataclass(frozen=True, kw_only=True)
class KernelHead:
    """Kernel regression on exp(sharpness * (cosine - 1)) plus the product of n-grams.

    centres: (examples, dimensions), unit rows. pull: (examples, classes). rarity: of the n-grams.
    gram_buckets: (used,), ascending. gram_pull: (used, classes), half precision to save memory.
    shares: largest part of words and of letter groups in the kernel, beside 1 for the meaning.
    Source: regularised least squares for classes, Rifkin et al. 2003.
    """

    sharpness: float
    shares: tuple[float, float]
    centres: Matrix
    pull: Matrix
    rarity: Rarity
    gram_buckets: NDArray[np.int32]
    gram_pull: NDArray[np.float16]

    @property
    def classes(self) -> int:
        return int(self.pull.shape[1])

    def scores(self, vectors: Matrix, counts: Sequence[Counter[int]]) -> tuple[Matrix, Matrix]:
        """Scores (texts, classes), near 1 where a class's examples are alike, near 0 where
        nothing is; and the cosines (texts, examples) they come from."""
        cosines = vectors @ self.centres.T
        scores = np.exp(self.sharpness * (cosines - 1)) @ self.pull
        for row, count in enumerate(counts):
            grams = weighted(count, self.rarity, self.shares)
            rows, known = rows_of(self.gram_buckets, grams.buckets)
            scores[row] += grams.weights[known] @ self.gram_pull[rows[known]].astype(np.float32)
        return scores, cosines

    def arrays(self, prefix: str) -> Arrays:
        return {
            f"{prefix}.settings": np.array([self.sharpness, *self.shares], dtype=np.float64),
            f"{prefix}.centres": self.centres.astype(np.float16),
            f"{prefix}.pull": self.pull,
            f"{prefix}.buckets": self.rarity.buckets,
            f"{prefix}.rarity": self.rarity.weights.astype(np.float16),
            f"{prefix}.gram_buckets": self.gram_buckets,
            f"{prefix}.gram_pull": self.gram_pull,
        }

    @staticmethod
    def from_arrays(arrays: Mapping[str, NDArray[Any]], prefix: str) -> "KernelHead":
        """Raises InvalidInput if arrays are missing or do not fit together."""
        try:
            sharpness, words, letters = arrays[f"{prefix}.settings"].astype(float).tolist()
            head = KernelHead(
                sharpness=sharpness,
                shares=(words, letters),
                # Not copied where it is mapped: all processes of a machine then share it.
                centres=np.asarray(arrays[f"{prefix}.centres"], dtype=np.float32),
                pull=arrays[f"{prefix}.pull"].astype(np.float32),
                rarity=Rarity(
                    buckets=arrays[f"{prefix}.buckets"].astype(np.int32),
                    weights=arrays[f"{prefix}.rarity"].astype(np.float32),
                ),
                gram_buckets=arrays[f"{prefix}.gram_buckets"].astype(np.int32),
                gram_pull=arrays[f"{prefix}.gram_pull"].astype(np.float16),
            )
        except (KeyError, ValueError, IndexError) as error:
            raise InvalidInput("damaged_model", f"model without a whole {prefix} head") from error
        fits = (
            head.centres.shape[0] == head.pull.shape[0]
            and head.gram_pull.shape == (len(head.gram_buckets), head.classes)
            and head.rarity.weights.shape == head.rarity.buckets.shape
        )
        if not fits:
            raise InvalidInput("damaged_model", f"the arrays of the {prefix} head do not fit")
        return head
