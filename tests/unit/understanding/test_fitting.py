"""A fit says of each example what it would have said, had that not been learnt, and who is near."""

import tracemalloc

import numpy as np
import pytest

from answerable.understanding.fitting import Fit, Material, Tuning, fit
from answerable.understanding.kernel import largest
from answerable.understanding.ngrams import Ngrams
from answerable.understanding.ports import Matrix

CLASSES = 4
TUNING = Tuning(sharpness=2.0, ridge=0.1)


def invented(examples: int) -> Material:
    """Points of four classes; every ninth belongs to none, every tenth to two."""
    chance = np.random.default_rng(7)
    own = np.arange(examples) % CLASSES
    middles = chance.normal(size=(CLASSES, 12))
    vectors = middles[own] + chance.normal(size=(examples, 12))
    targets = np.eye(CLASSES)[own]
    targets[::10, 0] = 1
    targets[::9] = 0
    ngrams = Ngrams()
    return Material(
        vectors=(vectors / np.linalg.norm(vectors, axis=1, keepdims=True)).astype(np.float32),
        counts=[ngrams.counts(f"number {own[n]} of {n % 50}") for n in range(examples)],
        targets=targets.astype(np.float32),
        parts=(12,),
    )


@pytest.fixture(scope="module")
def material() -> Material:
    return invented(1_100)  # more than are compared at once


@pytest.fixture(scope="module")
def fitted(material: Material) -> Fit:
    return fit(material, TUNING)


@pytest.mark.parametrize("left_out", [0, 3, 499, 500, 1_099])
def test_a_held_out_score_is_what_a_fit_without_the_example_says(
    material: Material, fitted: Fit, left_out: int
) -> None:
    others = np.delete(np.arange(len(material.counts)), left_out)
    without = fit(material.part(others), TUNING, fitted.head.rarity).head

    grams = without.gram_scores(material.counts[left_out : left_out + 1])
    scores, _ = without.scores(material.vectors[left_out : left_out + 1], grams)

    np.testing.assert_allclose(fitted.held_out[left_out], scores[0], atol=0.01)


def test_neighbours_are_the_most_alike_others(material: Material, fitted: Fit) -> None:
    cosines = material.vectors @ material.vectors.T
    np.fill_diagonal(cosines, -1)
    belongs = material.targets.sum(axis=1) > 0
    apart = material.targets @ material.targets.T == 0

    def nearest(among: Matrix, count: int) -> Matrix:
        return -np.sort(-np.where(among, cosines, -1), axis=1)[:, :count]

    found = fitted.neighbours
    np.testing.assert_allclose(found.known, nearest(belongs[None, :], 3), atol=1e-6)
    np.testing.assert_allclose(found.apart, nearest(apart & belongs[None, :], 3), atol=1e-6)
    np.testing.assert_allclose(found.strange, nearest(~belongs[None, :], 1), atol=1e-6)


def test_where_there_is_nobody_neighbours_are_nothing() -> None:
    strange, known = 0, 1  # of two examples the first belongs to no class

    found = fit(invented(2), TUNING).neighbours

    assert found.known[strange, 0] == found.strange[known, 0] != 0
    assert found.known[strange, 1:].tolist() == [0, 0]
    assert found.known[known].tolist() == found.apart[known].tolist() == [0, 0, 0]
    assert found.strange[strange].tolist() == [0]


def test_the_largest_come_first_and_what_is_missing_is_nothing() -> None:
    values = np.array([[0.2, -0.5, 0.9], [0.1, 0.1, 0.3]], dtype=np.float32)

    np.testing.assert_allclose(largest(values, 2), [[0.9, 0.2], [0.3, 0.1]])
    np.testing.assert_allclose(largest(-values[:, :1], 2), [[-0.2, 0], [-0.1, 0]])


def test_training_holds_one_matrix_of_all_examples_and_not_several() -> None:
    material = invented(3_000)
    matrix = 4 * 3_000**2

    tracemalloc.start()
    try:
        fit(material, TUNING)
        _, most = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()

    assert most < 2.5 * matrix
