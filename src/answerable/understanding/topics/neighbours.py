"""Who is like whom: a graph of nearest neighbours among vectors, and its communities.

Everything is done in a fixed order and without chance: the same vectors give the same communities.
"""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy.sparse import csr_matrix  # type: ignore[import-untyped]

from answerable.understanding.ports import Matrix

Labels = NDArray[np.int64]
_BLOCK = 250  # rows compared at once; with 20,000 columns their cosines and order take 60 MB
_MOST_ROUNDS = 20
_SETTLED = 0.001  # share of the points that still move, below which a round was the last one


@dataclass(frozen=True, kw_only=True)
class Near:
    """places, cosines: (points, neighbours), of those that each point is most like."""

    places: NDArray[np.int64]
    cosines: Matrix


def nearest(vectors: Matrix, among: Matrix, count: int, *, others: bool) -> Near:
    """The `count` of `among` that each vector is most like.

    vectors, among: (points, dimensions), unit rows.
    others: `vectors` are `among` themselves, and none is its own neighbour.
    """
    count = max(0, min(count, len(among) - others))
    places = np.empty((len(vectors), count), dtype=np.int64)
    found = np.empty((len(vectors), count), dtype=np.float32)
    for start in range(0, len(vectors) if count else 0, _BLOCK):
        cosines = vectors[start : start + _BLOCK] @ among.T
        if others:
            rows = np.arange(len(cosines))
            cosines[rows, start + rows] = -2.0
        best = np.argpartition(-cosines, count - 1, axis=1)[:, :count]
        best.sort(axis=1)
        places[start : start + _BLOCK] = best
        found[start : start + _BLOCK] = np.take_along_axis(cosines, best, axis=1)
    return Near(places=places, cosines=found)


def graph_of(near: Near) -> csr_matrix:
    """(points, points), symmetric: cosines to each point's nearest, none below 0; no loops.

    A pair that is near both ways counts twice.
    """
    points, count = near.places.shape
    places = (np.repeat(np.arange(points), count), near.places.ravel())
    weights = np.maximum(near.cosines.ravel(), 0)
    directed = csr_matrix((weights, places), shape=(points, points))
    graph = (directed + directed.T).tocsr()
    graph.sort_indices()
    return graph


def communities(graph: csr_matrix, resolution: float) -> Labels:
    """A number for each point, 0 upwards: points of one number are joined more than by chance.

    resolution: > 0; higher gives more and smaller communities.
    Source: Blondel et al. 2008 (arXiv:0803.0476), with the resolution of Reichardt and Bornholdt.
    """
    member: Labels = np.arange(graph.shape[0])
    while graph.shape[0]:
        _, labels = np.unique(_moved(graph, resolution), return_inverse=True)
        member = labels[member]
        count = int(labels.max()) + 1
        if count == graph.shape[0]:
            break
        rows = np.arange(graph.shape[0])
        gather = csr_matrix((np.ones(len(rows)), (rows, labels)), shape=(len(rows), count))
        graph = (gather.T @ graph @ gather).tocsr()
        graph.sort_indices()
    return member


def _moved(graph: csr_matrix, resolution: float) -> list[int]:
    """Each point in the community that it is joined to most, until hardly any moves."""
    points = graph.shape[0]
    degrees: list[float] = np.asarray(graph.sum(axis=1)).ravel().astype(float).tolist()
    pull = resolution / max(sum(degrees), 1e-12)
    begins, columns = graph.indptr.tolist(), graph.indices.tolist()
    weights = graph.data.astype(float).tolist()
    labels, totals = list(range(points)), list(degrees)
    for _ in range(_MOST_ROUNDS):
        moved = 0
        for point in range(points):
            here = labels[point]
            joined: dict[int, float] = {here: 0.0}
            for at in range(begins[point], begins[point + 1]):
                if columns[at] != point:
                    label = labels[columns[at]]
                    joined[label] = joined.get(label, 0.0) + weights[at]
            totals[here] -= degrees[point]
            share = pull * degrees[point]
            best, most = here, joined[here] - share * totals[here]
            for label, weight in joined.items():
                gain = weight - share * totals[label]
                if gain > most + 1e-12:
                    best, most = label, gain
            totals[best] += degrees[point]
            if best != here:
                labels[point] = best
                moved += 1
        if moved <= _SETTLED * points:
            break
    return labels


def agreement(one: Labels, other: Labels) -> float:
    """How far two ways to group the same points are one: 1 the same, about 0 by chance.

    Source: Hubert and Arabie 1985, the adjusted Rand index.
    """
    table = np.zeros((int(one.max()) + 1, int(other.max()) + 1))
    np.add.at(table, (one, other), 1)
    pairs = _pairs(table)
    rows, columns = _pairs(table.sum(axis=1)), _pairs(table.sum(axis=0))
    expected = rows * columns / max(_pairs(np.array([len(one)])), 1.0)
    most = (rows + columns) / 2
    return 1.0 if most == expected else float((pairs - expected) / (most - expected))


def _pairs(counts: NDArray[np.float64] | NDArray[np.int64]) -> float:
    return float((counts * (counts - 1) / 2).sum())
