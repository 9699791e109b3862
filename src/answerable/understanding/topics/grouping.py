"""Vectors in, groups out: how many there are is found, not asked for."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.ports import Matrix
from answerable.understanding.topics.neighbours import (
    Labels,
    Near,
    agreement,
    communities,
    graph_of,
    nearest,
)

REST = -1
NEIGHBOURS = 12
RESOLUTIONS = (1.0, 2.0, 3.0, 4.0)
SAMPLE = 20_000  # points that are compared with each other; others join whom they are most like
DIMENSIONS = 128
# Of the four fifths that are grouped again, to see which resolution gives the same once more.
TRIALS = 3
FEWEST_OF_KIND = 20  # points, and one in fifty, from which a kind is grouped by itself
_FIFTHS = 5
_CLEARLY = 0.01  # more agreement, from which a higher resolution is preferred
# Cosine of two groups' centres from which they are one, and the part of the usual likeness to its
# neighbours below which a point is strange: measured in docs/explanation/topics.md.
MERGED_FROM = 0.65
STRANGE_BELOW = 0.65


@dataclass(frozen=True, kw_only=True)
class Grouping:
    """labels: (points,), groups by size from 0 on, REST for what fits nowhere.
    likeness: (points,), cosine to the centre of the group; 0 in the rest.
    stability: how far groupings of four fifths of the points agree with it, 0..1.
    """

    labels: Labels
    likeness: NDArray[np.float32]
    stability: float

    @property
    def count(self) -> int:
        return int(self.labels.max(initial=REST)) + 1


def grouped(
    vectors: Matrix,
    weights: NDArray[np.int64],
    *,
    least: int,
    kinds: Labels | None = None,
    sample: int = SAMPLE,
) -> Grouping:
    """Groups of the points that lie together; the same for the same points in the same order.

    vectors: (points, dimensions), unit rows, no two alike. weights: (points,), how many each is.
    least: weight below which a group is none. sample: points that are compared with each other.
    kinds: (points,), numbers of what each is written in, a language say: no group is of two kinds
    that many are written in. None: all are of one.
    """
    labels = np.full(len(vectors), REST, dtype=np.int64)
    likeness = np.zeros(len(vectors), dtype=np.float32)
    kinds = np.zeros(len(vectors), dtype=np.int64) if kinds is None else _frequent(kinds)
    agreed = 0.0
    for kind in np.unique(kinds):
        inside = kinds == kind
        found, like, stability = _of_one_kind(vectors[inside], weights[inside], least, sample)
        labels[inside] = np.where(found == REST, REST, found + int(labels.max(initial=REST)) + 1)
        likeness[inside] = like
        agreed += stability * float(inside.mean())
    labels = _by_size(labels, weights, least)
    likeness[labels == REST] = 0
    return Grouping(labels=labels, likeness=likeness, stability=max(0.0, agreed))


def _frequent(kinds: Labels) -> Labels:
    """What few are written in, or a short text was taken for, goes with what most are."""
    numbers, places, counts = np.unique(kinds, return_inverse=True, return_counts=True)
    if not len(numbers):
        return kinds
    enough = counts >= max(FEWEST_OF_KIND, len(kinds) // 50)
    return np.asarray(np.where(enough, numbers, numbers[counts.argmax()])[places])


def _of_one_kind(
    vectors: Matrix, weights: NDArray[np.int64], least: int, sample: int
) -> tuple[Labels, NDArray[np.float32], float]:
    """Labels, likenesses to the centres, and the stability."""
    step = -(-len(vectors) // sample)
    places = _spread(vectors, step)
    some = places[::step]
    near = nearest(some, some, _neighbours(len(some)), others=True)
    found, stability = _stablest(some, near)
    usual = float(np.median(near.cosines)) if near.cosines.size else 0.0
    strange = _strange(near, usual) if len(some) > 2 else np.zeros(len(some), dtype=np.bool_)
    found = _alone(found, strange & (weights[::step] >= least))
    found[strange & (weights[::step] < least)] = REST
    found = _merged(some, found)
    labels = found if step == 1 else _joined(places, some, found, usual)
    return labels, _likeness(places, labels, weights), stability


def _neighbours(points: int) -> int:
    """Fewer among few: of thirty points, twelve neighbours are half of all there is."""
    return min(NEIGHBOURS, max(2, points // 6))


def _spread(vectors: Matrix, step: int) -> Matrix:
    """The points without what is common to all of them, in the directions in which they differ.

    What they have in common says only that all is mail to one company.
    """
    sample = vectors[::step].astype(np.float64)
    middle = sample.mean(axis=0)
    if len(sample) < 3:
        return vectors
    _, directions = np.linalg.eigh((sample - middle).T @ (sample - middle))
    kept = min(DIMENSIONS, max(2, len(sample) // 4))
    basis = directions[:, ::-1][:, :kept].astype(np.float32)
    # The middle is taken away afterwards: before, it would take a second copy of everything.
    places = vectors @ basis - (middle @ basis).astype(np.float32)
    lengths = np.linalg.norm(places, axis=1, keepdims=True)
    return np.asarray(places / np.maximum(lengths, 1e-9), dtype=np.float32)


def _stablest(places: Matrix, near: Near) -> tuple[Labels, float]:
    """Of groupings, coarse to fine, the one that comes out the same again without a fifth."""
    count = near.places.shape[1]
    graph, numbers = graph_of(near), np.arange(len(places))
    parts = [np.flatnonzero(numbers % _FIFTHS != left_out) for left_out in range(TRIALS)]
    parts = [part for part in parts if len(part) > 1]
    graphs = [graph_of(nearest(places[part], places[part], count, others=True)) for part in parts]
    best, most = communities(graph, RESOLUTIONS[0]), -1.0
    for resolution in RESOLUTIONS:
        labels = communities(graph, resolution)
        agreed = [
            agreement(communities(one, resolution), labels[part])
            for one, part in zip(graphs, parts, strict=True)
        ]
        stability = float(np.mean(agreed)) if agreed else 1.0
        if stability > most + _CLEARLY:
            best, most = labels, stability
    return best.copy(), most


def _strange(near: Near, usual: float) -> NDArray[np.bool_]:
    """Those whose nearest are far: they lie between the groups, not in one."""
    if not near.cosines.shape[1]:
        return np.zeros(len(near.cosines), dtype=np.bool_)
    return np.asarray(near.cosines.mean(axis=1) < STRANGE_BELOW * usual)


def _alone(labels: Labels, which: NDArray[np.bool_]) -> Labels:
    """Each of these as a group: a text that many wrote word for word needs no neighbours."""
    labels = labels.copy()
    labels[which] = int(labels.max(initial=REST)) + 1 + np.arange(int(which.sum()))
    return labels


def _merged(places: Matrix, labels: Labels) -> Labels:
    """Groups whose centres are nearly one become one, the likest first."""
    labels = _renumbered(labels)
    count = int(labels.max(initial=REST)) + 1
    sums = np.zeros((count, places.shape[1]), dtype=np.float64)
    np.add.at(sums, labels[labels != REST], places[labels != REST])
    becomes = np.arange(count)
    while len(sums) > 1:
        centres = sums / np.maximum(np.linalg.norm(sums, axis=1, keepdims=True), 1e-9)
        cosines = np.triu(centres @ centres.T, 1)
        one, other = np.unravel_index(int(cosines.argmax()), cosines.shape)
        if cosines[one, other] < MERGED_FROM:
            break
        sums[one] += sums[other]
        sums = np.delete(sums, other, axis=0)
        becomes = np.where(becomes == other, one, becomes - (becomes > other))
    return np.asarray(np.where(labels == REST, REST, becomes[labels] if count else REST))


def _joined(places: Matrix, sample: Matrix, found: Labels, usual: float) -> Labels:
    """Every point where most of its nearest in the sample are."""
    near = nearest(places, sample, NEIGHBOURS, others=False)
    votes = np.zeros((len(places), int(found.max(initial=REST)) + 2), dtype=np.float32)
    rows = np.arange(len(places))
    for column in range(near.places.shape[1]):
        weight = np.maximum(near.cosines[:, column], 0)
        votes[rows, found[near.places[:, column]] + 1] += weight
    labels: Labels = votes.argmax(axis=1).astype(np.int64) - 1
    labels[_strange(near, usual)] = REST
    return labels


def _likeness(places: Matrix, labels: Labels, weights: NDArray[np.int64]) -> NDArray[np.float32]:
    likeness = np.zeros(len(places), dtype=np.float32)
    for label in range(int(labels.max(initial=REST)) + 1):
        inside = labels == label
        centre = weights[inside] @ places[inside]
        likeness[inside] = places[inside] @ (centre / max(float(np.linalg.norm(centre)), 1e-9))
    return likeness


def _by_size(labels: Labels, weights: NDArray[np.int64], least: int) -> Labels:
    """Groups by weight; those below `least` are dissolved into the rest."""
    labels = _renumbered(labels)
    count = int(labels.max(initial=REST)) + 1
    sizes = np.bincount(labels[labels != REST], weights[labels != REST], minlength=count)
    order = np.argsort(-sizes, kind="stable")
    order = order[sizes[order] >= least]
    number = np.full(count + 1, REST)  # the last is what REST points at
    number[order] = np.arange(len(order))
    return np.asarray(number[labels], dtype=np.int64)


def _renumbered(labels: Labels) -> Labels:
    """Without gaps, in the order of first appearance; REST stays."""
    known, first, inverse = np.unique(labels, return_index=True, return_inverse=True)
    order = np.argsort(first[known != REST], kind="stable")
    number = np.full(len(known), REST)
    number[np.flatnonzero(known != REST)[order]] = np.arange(len(order))
    return np.asarray(number[inverse], dtype=np.int64)
