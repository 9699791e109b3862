"""Vectors in, groups out: as many as there are, the same every time."""

import numpy as np
import pytest

from answerable.understanding.ports import Matrix
from answerable.understanding.topics.grouping import REST, grouped
from answerable.understanding.topics.neighbours import agreement, communities, graph_of, nearest

ONE = np.int64


def clouds(centres: int, each: int, *, wide: float = 0.25, strangers: int = 0) -> Matrix:
    """Points around `centres` directions that have nothing in common, and some around none."""
    chance = np.random.RandomState(4)
    middle = np.eye(centres, 96)
    points = np.repeat(middle, each, axis=0)
    points = points + wide * chance.standard_normal(points.shape) / 10
    points = np.concatenate([points, chance.standard_normal((strangers, 96))])
    lengths = np.linalg.norm(points, axis=1, keepdims=True)
    return np.asarray(points / lengths, dtype=np.float32)


def ones(points: Matrix) -> np.ndarray[tuple[int, ...], np.dtype[np.int64]]:
    return np.ones(len(points), dtype=ONE)


def test_the_number_of_groups_is_found() -> None:
    points = clouds(7, 40)

    found = grouped(points, ones(points), least=3)

    assert found.count == 7
    assert agreement(found.labels, np.repeat(np.arange(7), 40)) == 1.0
    assert found.stability > 0.95


def test_what_is_like_nothing_belongs_nowhere() -> None:
    points = clouds(5, 40, strangers=8)

    found = grouped(points, ones(points), least=3)

    assert found.count == 5
    assert set(found.labels[-8:].tolist()) == {REST}
    assert (found.labels[:-8] != REST).mean() > 0.95
    assert found.likeness[-1] == 0


def test_the_same_points_give_the_same_groups() -> None:
    points = clouds(6, 30, wide=1.2, strangers=20)

    one, other = (grouped(points, ones(points), least=3) for _ in range(2))

    assert one.labels.tolist() == other.labels.tolist()


def test_groups_come_by_size_and_small_ones_are_dissolved() -> None:
    points = np.concatenate([clouds(2, 20), clouds(3, 60)[120:]])
    points = np.concatenate([points, clouds(4, 2)[6:]])

    found = grouped(points, ones(points), least=5)

    assert found.labels.tolist() == [1] * 20 + [2] * 20 + [0] * 60 + [REST] * 2


def test_what_many_wrote_word_for_word_is_a_group_without_neighbours() -> None:
    points = clouds(4, 30, strangers=1)
    weights = ones(points)
    weights[-1] = 50

    found = grouped(points, weights, least=5)

    assert found.labels[-1] == 0
    assert (found.labels == 0).sum() == 1


@pytest.mark.parametrize("points", range(12))
def test_few_points_are_no_reason_to_fail(points: int) -> None:
    found = grouped(clouds(12, 1)[:points], np.ones(points, dtype=ONE), least=1)

    assert len(found.labels) == points
    assert np.isfinite(found.likeness).all()


def test_beyond_the_sample_points_join_whom_they_are_like() -> None:
    points = clouds(4, 45, strangers=4)

    found = grouped(points, ones(points), least=3, sample=60)

    assert agreement(found.labels[:180], np.repeat(np.arange(4), 45)) == 1.0
    assert set(found.labels[180:].tolist()) == {REST}


def test_communities_of_two_cliques_are_two() -> None:
    near = nearest(clouds(2, 6), clouds(2, 6), 5, others=True)

    assert communities(graph_of(near), 1.0).tolist() == [0] * 6 + [1] * 6


def test_agreement_is_one_for_the_same_and_nothing_for_chance() -> None:
    chance = np.random.RandomState(0)
    one, other = chance.randint(0, 5, 4_000), chance.randint(0, 5, 4_000)

    assert agreement(one, (one + 1) % 5) == 1.0
    assert abs(agreement(one, other)) < 0.01
