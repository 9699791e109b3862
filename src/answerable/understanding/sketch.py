"""Sketches: 64 bits of a text's meaning, by which many texts are compared at no cost.

Each bit says on which side of a random plane the vector lies (Charikar, 2002): of two texts whose
meanings are at an angle a, a share a / pi of the bits differs. Nothing can be read back from them.
"""

from collections.abc import Sequence
from functools import cache

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.ports import Matrix

BITS = 64


def sketch(vector: NDArray[np.float32]) -> str:
    """Sixteen hexadecimal digits for (dimensions,)."""
    bits = np.packbits(vector @ _planes(len(vector)) > 0)
    return bits.tobytes().hex()


def as_numbers(sketches: Sequence[str]) -> NDArray[np.uint64]:
    """(sketches,), for `distances`."""
    return np.array([int(one, 16) for one in sketches], dtype=np.uint64)


def distances(one: np.uint64, others: NDArray[np.uint64]) -> NDArray[np.uint8]:
    """(others,): in how many bits each differs from `one`, 0..64."""
    different: NDArray[np.uint8] = np.bitwise_count(others ^ one)
    return different


@cache
def _planes(dimensions: int) -> Matrix:
    # RandomState, because its numbers are promised to stay the same: stored sketches are compared.
    return np.random.RandomState(1).standard_normal((dimensions, BITS)).astype(np.float32)
