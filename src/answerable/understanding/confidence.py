"""From an intent head's scores to probabilities that can be taken at their word."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.calibration import (
    fit_logistic,
    fit_temperature,
    sigmoid,
    softmax,
)
from answerable.understanding.ports import Matrix

SEVERAL_FROM = 0.02  # part of examples with two intents or more that makes intents independent
UNFITTED_TEMPERATURE = 0.08  # what benchmark sets come out at (0.06 .. 0.08)
FEWEST_MISTAKES = 5  # among held-out messages, below which no lower temperature is believed
# What the last step comes out at on messages of benchmark sets, with 5 to 20 examples an intent:
# by the temperature 8 to 13, and .1 to .6. A few hundred held-out messages tell it less exactly.
USUAL_SLOPE = 10.5
USUAL_OFFSET = 0.35
BELIEF = 300.0  # held-out messages' worth of trust in what is usual
_EDGE = 1e-6


@dataclass(frozen=True, kw_only=True, slots=True)
class Confidence:
    """How scores become probabilities.

    several: intents are independent of each other, else one of them is meant.
    slope, offset: of the last logistic step. applies_from: probability from which one applies.
    """

    several: bool
    temperature: float
    slope: float
    offset: float
    applies_from: float

    def of(self, scores: Matrix) -> NDArray[np.float64]:
        """Calibrated probabilities, (texts, classes) in and out; rows need not sum to 1."""
        if self.several:
            return sigmoid(self.slope * scores + self.offset)
        return sigmoid(self.slope * _logit(softmax(scores, self.temperature)) + self.offset)

    def to_array(self) -> NDArray[np.float64]:
        """(5,), for a model's file."""
        numbers = (self.temperature, self.slope, self.offset, self.applies_from)
        return np.array([float(self.several), *numbers])

    @staticmethod
    def from_array(array: NDArray[np.float64]) -> "Confidence":
        """Raises ValueError for another number of numbers."""
        several, temperature, slope, offset, applies_from = array.tolist()
        return Confidence(
            several=bool(several),
            temperature=temperature,
            slope=slope,
            offset=offset,
            applies_from=applies_from,
        )


NO_INTENTS = Confidence(  # where there are none, nothing can be the likeliest of them
    several=True, temperature=UNFITTED_TEMPERATURE, slope=1.0, offset=0.0, applies_from=1.0
)


def fit_confidence(held_out: Matrix, truth: Matrix) -> Confidence:
    """held_out: scores (messages, classes) of messages not learnt from; truth: 0..1, likewise."""
    if has_several(truth):
        return independent(held_out, truth)
    labelled = truth.sum(axis=1) > 0
    if labelled.sum() < 2 * truth.shape[1]:
        return Confidence(
            several=False,
            temperature=UNFITTED_TEMPERATURE,
            slope=1.0,
            offset=0.0,
            applies_from=0.5,
        )
    scores, truth = held_out[labelled], truth[labelled]
    temperature = fit_temperature(scores, truth)
    probabilities = softmax(scores, temperature)
    best = probabilities.argmax(axis=1)
    rows = np.arange(len(best))
    correct = (truth[rows, best] > 0).astype(np.float64)
    if len(correct) - correct.sum() < FEWEST_MISTAKES:
        # Without mistakes nothing tells how sure is too sure: everything would become certain.
        temperature = max(temperature, UNFITTED_TEMPERATURE)
        probabilities = softmax(scores, temperature)
    slope, offset = _last_step(_logit(probabilities[rows, best]), correct, temperature)
    if slope <= 0:
        slope, offset = 1.0, 0.0
    return Confidence(
        several=False,
        temperature=temperature,
        slope=slope,
        offset=offset,
        applies_from=0.5,
    )


def _last_step(
    odds: NDArray[np.float64], correct: NDArray[np.float64], temperature: float
) -> tuple[float, float]:
    """Slope and offset. Softmax of a regression's scores is bent at the sure end; one logistic
    straightens it, fitted as if BELIEF more messages like these were right as often as is usual.

    odds: (messages,), the logarithm, of the best intent. correct: (messages,), 0 or 1.
    """
    usual = sigmoid(USUAL_SLOPE * temperature * odds + USUAL_OFFSET)
    trust = len(odds) / (len(odds) + BELIEF)
    wanted = trust * correct + (1 - trust) * usual
    slope, offset = fit_logistic(odds[:, None], wanted, np.ones(len(odds)), penalty=1e-4)
    return float(slope), float(offset)


def has_several(truth: Matrix) -> bool:
    """Whether intents are independent of each other. truth: (messages, classes)."""
    return bool(len(truth)) and float((truth.sum(axis=1) > 1).mean()) >= SEVERAL_FROM


def independent(held_out: Matrix, truth: Matrix) -> Confidence:
    """What `fit_confidence` gives where a message may have several intents."""
    flat, wanted = held_out.ravel().astype(np.float64), truth.ravel().astype(np.float64)
    slope, offset = fit_logistic(flat[:, None], wanted, np.ones(len(flat)), penalty=1e-6)
    likely = sigmoid(slope * flat + offset)
    cuts = np.arange(0.2, 0.7, 0.02)
    best = max(cuts.tolist(), key=lambda cut: _micro_f1(likely >= cut, wanted > 0))
    return Confidence(
        several=True,
        temperature=UNFITTED_TEMPERATURE,
        slope=float(slope),
        offset=float(offset),
        applies_from=best,
    )


def _micro_f1(said: NDArray[np.bool_], wanted: NDArray[np.bool_]) -> float:
    return float(2 * (said & wanted).sum() / max(said.sum() + wanted.sum(), 1))


def _logit(probabilities: NDArray[np.floating]) -> NDArray[np.float64]:
    inside = np.clip(probabilities.astype(np.float64), _EDGE, 1 - _EDGE)
    return np.asarray(np.log(inside / (1 - inside)))
