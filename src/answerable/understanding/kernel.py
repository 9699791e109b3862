"""A head: scores of classes by likeness to labelled examples, in meaning and in spelling."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from itertools import accumulate
from typing import Any

import numpy as np
from numpy.typing import NDArray

from answerable.kit.errors import InvalidInput
from answerable.understanding.ngrams import Counts, Rarity, rows_of, weighted
from answerable.understanding.ports import Matrix

Arrays = dict[str, NDArray[Any]]
_ROWS, _COLUMNS = 4, 256  # of a product


@dataclass(frozen=True, kw_only=True)
class KernelHead:
    """Kernel regression on exp(sharpness * (cosine - 1)) plus the product of n-grams.

    emphasis: (dimensions,), by which each dimension is multiplied before texts are compared.
    centres: (examples, dimensions), unit rows, so multiplied. pull: (examples, classes).
    rarity: of the n-grams. gram_buckets: (used,), ascending. gram_pull: (used, classes), half
    precision to save memory.
    shares: largest part of words and of letter groups in the kernel, beside 1 for the meaning.
    Source: regularised least squares for classes, Rifkin et al. 2003.
    """

    sharpness: float
    shares: tuple[float, float]
    emphasis: Matrix
    centres: Matrix
    pull: Matrix
    rarity: Rarity
    gram_buckets: NDArray[np.int32]
    gram_pull: NDArray[np.float16]

    @property
    def classes(self) -> int:
        return int(self.pull.shape[1])

    def scores(self, vectors: Matrix, grams: Matrix) -> tuple[Matrix, Matrix]:
        """Scores (texts, classes), near 1 where a class's examples are alike, near 0 where
        nothing is; and the cosines (texts, examples) they come from. Each row depends on its own
        text only.

        grams: what `gram_scores` gave for these texts.
        """
        cosines = product(emphasised(vectors, self.emphasis), self.centres.T)
        kernel = np.exp(self.sharpness * (cosines - 1))
        return product(kernel, self.pull) + grams, cosines

    def gram_scores(self, counts: Sequence[Counts]) -> Matrix:
        """(texts, classes): the part of the scores that spelling alone gives, without a vector."""
        scores = np.empty((len(counts), self.classes), dtype=np.float32)
        for row, count in enumerate(counts):
            grams = weighted(count, self.rarity, self.shares)
            rows, known = rows_of(self.gram_buckets, grams.buckets)
            scores[row] = grams.weights[known] @ self.gram_pull[rows[known]].astype(np.float32)
        return scores

    def telling(self, counts: Sequence[Counts], grams: Matrix) -> NDArray[np.float64]:
        """(texts,): how far spelling alone says that each is about some class: the spread of its
        scores, less where the examples do not know its n-grams. 0 where there are no classes.

        grams: what `gram_scores` gave for them.
        """
        if not self.classes:
            return np.zeros(len(counts))
        known = [
            float(self.rarity.find(count.buckets)[1].mean()) if len(count.buckets) else 0.0
            for count in counts
        ]
        return np.asarray(grams.std(axis=1, dtype=np.float64) * np.square(known))

    def arrays(self, prefix: str) -> Arrays:
        return {
            f"{prefix}.settings": np.array([self.sharpness, *self.shares], dtype=np.float64),
            f"{prefix}.emphasis": self.emphasis,
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
            # Models of earlier recipes have none, and compare texts as the encoder gives them.
            plain = np.ones(arrays[f"{prefix}.centres"].shape[1], dtype=np.float32)
            head = KernelHead(
                sharpness=sharpness,
                shares=(words, letters),
                emphasis=np.asarray(arrays.get(f"{prefix}.emphasis", plain), dtype=np.float32),
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
            and head.emphasis.shape == head.centres.shape[1:]
            and head.gram_pull.shape == (len(head.gram_buckets), head.classes)
            and head.rarity.weights.shape == head.rarity.buckets.shape
        )
        if not fits:
            raise InvalidInput("damaged_model", f"the arrays of the {prefix} head do not fit")
        return head


def emphasis_of(parts: Sequence[int], beside: float) -> Matrix:
    """(dimensions,): all parts but the first count `beside` times as much in a cosine as they do by
    themselves, beside the first."""
    return np.concatenate(
        [np.full(size, 1.0 if place == 0 else beside**0.5) for place, size in enumerate(parts)]
    ).astype(np.float32)


def emphasised(vectors: Matrix, emphasis: Matrix) -> Matrix:
    """(texts, dimensions), of length 1 again; each row depends on itself only."""
    if (emphasis == 1).all():
        return vectors
    turned = vectors * emphasis
    lengths = np.linalg.norm(turned, axis=1, keepdims=True)
    return np.asarray(turned / np.maximum(lengths, 1e-9), dtype=np.float32)


def product(rows: Matrix, by: Matrix) -> Matrix:
    """rows @ by, (rows, columns of by), of which no row depends on its neighbours.

    A product's last digits depend on its shape, so all that are made here have one shape, whatever
    is asked. It is one for which OpenBLAS needs no copy of `by`, which would take longer than the
    product.
    """
    found = np.empty((len(rows), by.shape[1]), dtype=np.float32)
    for start in range(0, len(rows), _ROWS):
        some = rows[start : start + _ROWS]
        if len(some) < _ROWS:
            some = np.concatenate([some, np.zeros((_ROWS - len(some), rows.shape[1]), some.dtype)])
        for first in range(0, by.shape[1], _COLUMNS):
            part = some @ by[:, first : first + _COLUMNS]
            found[start : start + _ROWS, first : first + _COLUMNS] = part[: len(rows) - start]
    return found


def largest(values: Matrix, count: int) -> Matrix:
    """(rows, count): the largest of each row, from the largest down; 0 where there are fewer.

    What is minus infinity does not count. A pass for each is five times as fast as a partition.
    """
    missing = max(0, count - values.shape[1])
    left = np.pad(values, ((0, 0), (0, missing)), constant_values=-np.inf)
    rows = np.arange(len(left))
    found = np.empty((len(left), count), dtype=left.dtype)
    for place in range(count):
        best = left.argmax(axis=1)
        found[:, place] = left[rows, best]
        left[rows, best] = -np.inf
    return np.where(np.isneginf(found), 0, found)


def spans_of(sizes: Sequence[int]) -> list[slice]:
    """Of rows that lie one part after the other."""
    ends = list(accumulate(sizes))
    return [slice(end - size, end) for end, size in zip(ends, sizes, strict=True)]
