"""Fitting a kernel head, with exact predictions for messages as if they had been left out.

One inverse gives everything: the head, each example's score had it not been learnt (leave one
out), and its score had its whole intent not been known (leave one intent out), which is what an
out-of-scope message near our subjects looks like. Used in training only.
"""

from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray
from scipy import sparse  # type: ignore[import-untyped]
from scipy.linalg import lapack  # type: ignore[import-untyped]
from threadpoolctl import threadpool_limits  # type: ignore[import-untyped]

from answerable.kit.processors import processors
from answerable.understanding.kernel import KernelHead, emphasis_of, emphasised, largest
from answerable.understanding.ngrams import BUCKETS, Counts, Rarity, rarity, weighted
from answerable.understanding.ports import Matrix

_BLOCK = 500  # rows
_WORTH_THREADS = 4_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Tuning:
    """sharpness: of the meaning kernel. shares: of words and letters. ridge: > 0, distrust.
    beside: how much the encoder's further parts count, 1 being as it gives them."""

    sharpness: float = 3.0
    shares: tuple[float, float] = (0.1, 0.1)
    ridge: float = 0.1
    beside: float = 1.0


@dataclass(frozen=True, kw_only=True)
class Material:
    """What is learnt from, in one order: vectors (examples, dimensions), n-gram counts, targets
    (examples, classes) of 0..1.

    parts: of the vectors, as the encoder names them.
    distrust: (examples,), by how much each one's ridge is multiplied; None: all alike.
    """

    vectors: Matrix
    counts: Sequence[Counts]
    targets: Matrix
    parts: tuple[int, ...]
    distrust: NDArray[np.float32] | None = None

    def part(self, rows: NDArray[np.int64]) -> "Material":
        return Material(
            vectors=self.vectors[rows],
            counts=[self.counts[row] for row in rows.tolist()],
            targets=self.targets[rows],
            parts=self.parts,
            distrust=None if self.distrust is None else self.distrust[rows],
        )


@dataclass(frozen=True, kw_only=True, slots=True)
class Neighbours:
    """Cosines of each example to the most alike of the others, the nearest first; 0 where there are
    fewer.

    known: (examples, 3), of those that belong to a class. apart: likewise, of those that share no
    class with it. strange: (examples, 1), of those that belong to none.
    """

    known: Matrix
    apart: Matrix
    strange: Matrix


@dataclass(frozen=True, kw_only=True)
class Fit:
    """A fitted head, what it says of each example held out, and what further questions need.

    held_out: (examples, classes). inverse: of the regularised kernel, (examples, examples).
    """

    head: KernelHead
    held_out: Matrix
    inverse: Matrix
    neighbours: Neighbours
    targets: Matrix

    def without_intent(self, number: int) -> tuple[NDArray[np.int64], Matrix]:
        """The examples of one class, and their scores had none of them been learnt."""
        rows = np.flatnonzero(self.targets[:, number] > 0)
        block = self.inverse[np.ix_(rows, rows)].astype(np.float64)
        scores = self.targets[rows] - np.linalg.solve(block, self.head.pull[rows])
        return rows, np.delete(scores, number, axis=1).astype(np.float32)


def fit(material: Material, tuning: Tuning, rare: Rarity | None = None) -> Fit:
    """The head with the least squared error plus ridge; deterministic. Memory: 4 bytes times the
    square of the number of examples, and two blocks of rows.

    rare: of the n-grams of a larger set, where several heads are to read the same ones.
    """
    # Threads that wait for each other over a small matrix cost forty times the work itself.
    with threadpool_limits(_threads(len(material.counts)), "blas"):
        return _fit(material, tuning, rare or rarity(material.counts))


def _threads(examples: int) -> int:
    return processors() if examples >= _WORTH_THREADS else 1


def _fit(material: Material, tuning: Tuning, rare: Rarity) -> Fit:
    grams = _gram_matrix(material.counts, rare, tuning.shares)
    emphasis = emphasis_of(material.parts, tuning.beside)
    vectors = emphasised(material.vectors, emphasis)
    kernel, neighbours = _likeness(vectors, material.targets, tuning.sharpness)
    _add_products(kernel, grams)
    ridge = np.float32(tuning.ridge)
    kernel[np.diag_indices_from(kernel)] += (
        ridge if material.distrust is None else ridge * material.distrust
    )
    inverse = _inverse(kernel)
    pull = inverse @ material.targets
    held_out = material.targets - pull / np.diag(inverse)[:, None]
    gram_pull = np.asarray(grams.T @ pull, dtype=np.float32)
    used = np.flatnonzero(np.abs(gram_pull).max(axis=1, initial=0) > 1e-6).astype(np.int32)
    head = KernelHead(
        sharpness=tuning.sharpness,
        shares=tuning.shares,
        emphasis=emphasis,
        # As they will come back from the file, so that a stored model says the same.
        centres=vectors.astype(np.float16).astype(np.float32),
        pull=pull.astype(np.float32),
        rarity=replace(rare, weights=rare.weights.astype(np.float16).astype(np.float32)),
        gram_buckets=used,
        gram_pull=gram_pull[used].astype(np.float16),
    )
    return Fit(
        head=head,
        held_out=held_out,
        inverse=inverse,
        neighbours=neighbours,
        targets=material.targets,
    )


def _likeness(vectors: Matrix, targets: Matrix, sharpness: float) -> tuple[Matrix, Neighbours]:
    """exp(sharpness * (cosine - 1)), (examples, examples), and who is near whom: of a block of rows
    at a time, since a second matrix of this size would double what training needs."""
    kernel = np.empty((len(vectors), len(vectors)), dtype=np.float32)
    classes = sparse.csr_matrix(targets > 0, dtype=np.float32)
    belongs = np.asarray(targets.sum(axis=1) > 0)
    blocks = []
    for start in range(0, len(vectors), _BLOCK):
        rows = kernel[start : start + _BLOCK]
        np.matmul(vectors[start : start + _BLOCK], vectors.T, out=rows)
        shared = (classes[start : start + _BLOCK] @ classes.T).toarray() > 0
        blocks.append(_near(rows, shared, belongs, start))
        rows -= 1
        rows *= np.float32(sharpness)
        np.exp(rows, out=rows)
    return kernel, Neighbours(
        known=np.concatenate([block.known for block in blocks]),
        apart=np.concatenate([block.apart for block in blocks]),
        strange=np.concatenate([block.strange for block in blocks]),
    )


def _near(
    cosines: Matrix, shared: NDArray[np.bool_], belongs: NDArray[np.bool_], first: int
) -> Neighbours:
    """cosines, shared (whether they have a class in common): of some rows, from `first` on, with
    all examples."""
    others = cosines.copy()
    place = np.arange(len(others))
    others[place, first + place] = -np.inf
    return Neighbours(
        known=largest(others[:, belongs], 3),
        apart=largest(np.where(shared, -np.inf, others)[:, belongs], 3),
        strange=largest(others[:, ~belongs], 1),
    )


def _gram_matrix(
    counts: Sequence[Counts], rare: Rarity, shares: tuple[float, float]
) -> sparse.csr_matrix:
    rows = [weighted(count, rare, shares) for count in counts]
    ends = np.cumsum([0] + [len(row.buckets) for row in rows])
    return sparse.csr_matrix(
        (
            np.concatenate([row.weights for row in rows]),
            np.concatenate([row.buckets for row in rows]),
            ends,
        ),
        shape=(len(rows), BUCKETS),
    )


def _add_products(kernel: Matrix, grams: sparse.csr_matrix) -> None:
    """Block by block: the sparse product of everything at once would need several gigabytes."""
    turned = grams.T.tocsr()
    for start in range(0, kernel.shape[0], _BLOCK):
        kernel[start : start + _BLOCK] += (grams[start : start + _BLOCK] @ turned).toarray()


def _inverse(kernel: Matrix) -> Matrix:
    """Of a symmetric positive definite matrix, in its own memory (LAPACK potrf, potri)."""
    # A symmetric matrix read column by column is itself: no copy is needed for Fortran's order.
    factor, failed = lapack.spotrf(kernel.T, lower=1, overwrite_a=1, clean=1)
    if failed:
        raise ArithmeticError("the kernel is not positive definite")
    inverse, failed = lapack.spotri(factor, lower=1, overwrite_c=1)
    if failed:
        raise ArithmeticError("the kernel cannot be inverted")
    lower = np.asarray(inverse)
    diagonal = np.diag(lower).copy()
    for start in range(0, len(lower), _BLOCK):
        # Mirror the lower triangle a block of rows at a time, to need no second matrix.
        end = start + _BLOCK
        upper = np.triu(lower[start:end, start:end].T, 1)
        lower[start:end, start:end] = np.tril(lower[start:end, start:end]) + upper
        lower[start:end, end:] = lower[end:, start:end].T
    lower[np.diag_indices_from(lower)] = diagonal
    return lower
