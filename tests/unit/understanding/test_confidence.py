"""From scores to probabilities, where few messages or many were held out."""

import numpy as np
import pytest
from numpy.typing import NDArray

from answerable.understanding.calibration import sigmoid
from answerable.understanding.confidence import Confidence, fit_confidence
from answerable.understanding.ports import Matrix

CLASSES = 6


def messages(amount: int, offset: float, seed: int = 0) -> tuple[Matrix, Matrix]:
    """Scores of messages whose best intent leads by 0 to .5, and the truth: the more it leads,
    the more often it is meant. offset: logarithm of the odds that it is where it hardly leads."""
    chance = np.random.default_rng(seed)
    best = chance.integers(CLASSES, size=amount)
    lead = chance.random(amount) * 0.5
    rows, second = np.arange(amount), (best + 1) % CLASSES
    scores = np.full((amount, CLASSES), 0.05, dtype=np.float32)
    scores[rows, second] += np.float32(0.2)
    scores[rows, best] += (0.2 + lead).astype(np.float32)
    meant = np.where(chance.random(amount) < sigmoid(10 * lead + offset), best, second)
    return scores, np.eye(CLASSES, dtype=np.float32)[meant]


def surest(confidence: Confidence, scores: Matrix) -> NDArray[np.float64]:
    return confidence.of(scores)[np.arange(len(scores)), scores.argmax(axis=1)]


def accuracy(scores: Matrix, truth: Matrix) -> float:
    return float((scores.argmax(axis=1) == truth.argmax(axis=1)).mean())


@pytest.mark.parametrize("offset", [-1.0, 0.0, 1.0])
def test_many_messages_are_taken_at_their_word(offset: float) -> None:
    scores, truth = messages(30_000, offset)

    confidence = fit_confidence(scores, truth)

    assert surest(confidence, scores).mean() == pytest.approx(accuracy(scores, truth), abs=0.01)


def test_the_luck_of_a_few_messages_is_not_believed_wholly() -> None:
    asked, _ = messages(2_000, 0.0, seed=99)
    samples = [messages(150, 0.0, seed) for seed in range(30)]

    said = [surest(fit_confidence(*sample), asked).mean() for sample in samples]

    assert np.std(said) < 0.75 * np.std([accuracy(*sample) for sample in samples])


def test_without_mistakes_nothing_becomes_certain() -> None:
    scores, truth = messages(200, 20.0)
    assert accuracy(scores, truth) == 1

    assert surest(fit_confidence(scores, truth), scores).max() < 0.9995


def test_the_order_of_messages_is_that_of_the_temperature_alone() -> None:
    asked, _ = messages(500, 0.0, seed=5)
    confidence = fit_confidence(*messages(300, 0.0))
    plain = Confidence(
        several=False,
        temperature=confidence.temperature,
        slope=1.0,
        offset=0.0,
        applies_from=0.5,
    )

    assert (np.argsort(surest(confidence, asked)) == np.argsort(surest(plain, asked))).all()
