"""Words and letter groups of a text as numbers in a fixed range: spelling where meaning fails.

Hashing needs no vocabulary file, meets unknown words without complaint, and gives the same
numbers in training and at work.
"""

import re
import zlib
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

HALF = 1 << 16
BUCKETS = 2 * HALF  # words and word pairs in the lower half, letter groups in the upper
MOST_WORDS = 400
LONGEST_WORD = 40
_WORD = re.compile(r"\w+|[^\w\s]")
_CACHE_SIZE = 20_000


@dataclass(frozen=True, kw_only=True, slots=True)
class Counts:
    """N-grams of one text: bucket numbers, ascending, and how often each occurs, >= 1."""

    buckets: NDArray[np.int32]
    times: NDArray[np.float32]


@dataclass(frozen=True, kw_only=True, slots=True)
class Grams:
    """Weighted n-grams of one text: bucket numbers, ascending, and their weights."""

    buckets: NDArray[np.int32]
    weights: NDArray[np.float32]


class Ngrams:
    """Counts n-grams; the cache of known words makes it fast and nothing else.

    as_read: what an encoder reads instead of a text; n-grams of that are counted besides, so that
    examples in one language are like messages in another by their words too.
    """

    def __init__(self, as_read: Callable[[str], str] = str) -> None:
        self._as_read = as_read
        self._letters: dict[str, tuple[int, ...]] = {}

    def counts(self, text: str) -> Counts:
        """How often each bucket occurs in `text`."""
        read = self._as_read(text)
        found: list[int] = []
        for said in (text,) if read == text else (text, read):
            words = _WORD.findall(said.lower())[:MOST_WORDS]
            found += [_bucket(word) for word in words]
            found += [_bucket(f"{one} {two}") for one, two in pairwise(words)]
            for word in words:
                found += self._letter_groups(word)
        buckets, times = np.unique(np.array(found, dtype=np.int32), return_counts=True)
        return Counts(buckets=buckets, times=times.astype(np.float32))

    def _letter_groups(self, word: str) -> tuple[int, ...]:
        known = self._letters.get(word)
        if known is None:
            padded = f" {word[:LONGEST_WORD]} "
            known = tuple(
                HALF + _bucket(padded[start : start + size])
                for size in (2, 3, 4, 5)
                for start in range(len(padded) - size + 1)
            )
            if len(self._letters) >= _CACHE_SIZE:
                self._letters.clear()
            self._letters[word] = known
        return known


@dataclass(frozen=True, kw_only=True, slots=True)
class Rarity:
    """How much each bucket tells; what is not among them tells nothing.

    buckets: (used,), ascending. weights: (used,), > 0; rare ones tell more.
    """

    buckets: NDArray[np.int32]
    weights: NDArray[np.float32]

    def find(self, wanted: NDArray[np.int32]) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
        """The row of each, and whether it is there at all; the row of one that is not is any."""
        return rows_of(self.buckets, wanted)


def rows_of(
    buckets: NDArray[np.int32], wanted: NDArray[np.int32]
) -> tuple[NDArray[np.intp], NDArray[np.bool_]]:
    """Where `wanted` are among `buckets`, which ascend, and whether they are."""
    if len(buckets) == 0:
        return np.zeros(len(wanted), dtype=np.intp), np.zeros(len(wanted), dtype=np.bool_)
    rows = np.minimum(np.searchsorted(buckets, wanted), len(buckets) - 1)
    return rows, buckets[rows] == wanted


def rarity(counts: Sequence[Counts]) -> Rarity:
    """Of the buckets that occur in these texts."""
    frequency = np.zeros(BUCKETS, dtype=np.float64)
    for found in counts:
        frequency[found.buckets] += 1
    # In large sets what occurs once cannot help to recognise anything else, but costs memory.
    rarest = 2 if len(counts) >= 2_000 else 1
    buckets = np.flatnonzero(frequency >= rarest).astype(np.int32)
    weights = np.log((1 + len(counts)) / (1 + frequency[buckets])) + 1
    return Rarity(buckets=buckets, weights=weights.astype(np.float32))


def weighted(counts: Counts, rarity: Rarity, shares: tuple[float, float]) -> Grams:
    """TF-IDF with each half scaled to the square root of its share, so that the product of two
    texts is the sum of `shares` at most."""
    rows, known = rarity.find(counts.buckets)
    buckets = counts.buckets[known]
    weights = (1 + np.log(counts.times[known])) * rarity.weights[rows[known]]
    split = int(np.searchsorted(buckets, HALF))
    for part, share in ((slice(0, split), shares[0]), (slice(split, None), shares[1])):
        length = float(np.linalg.norm(weights[part]))
        if length > 0:
            weights[part] *= np.float32(share**0.5 / length)
    return Grams(buckets=buckets, weights=weights.astype(np.float32))


def _bucket(gram: str) -> int:
    return zlib.crc32(gram.encode("utf-8", "replace")) & (HALF - 1)
