"""Scores to probabilities, and the confidence from which a stated precision has been shown."""

from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.ports import Matrix

NEVER = 2.0  # a confidence that no message reaches
DOUBT = 0.05  # how often the bound may be missed by bad luck of the sample
PRIOR = 20.0  # messages' worth of belief that an intent is like the average of all
SLACK = 0.05  # how far below the asked precision one intent may be while all together hold it
FEWEST = 5  # held-out messages of an intent below which nothing is shown about it
_FLOORS = np.linspace(0, 0.98, 30)  # quantiles of the confidence that are tried
_SLACKS = np.linspace(0, SLACK, 9)
_FOLDS = 4
_GOLDEN = (5**0.5 - 1) / 2


def softmax(scores: Matrix, temperature: float) -> Matrix:
    """Probabilities, (texts, classes) in and out; rows sum to 1. temperature: > 0, unitless."""
    scaled = scores / np.float32(temperature)
    scaled = np.exp(scaled - scaled.max(axis=1, keepdims=True))
    return np.asarray(scaled / scaled.sum(axis=1, keepdims=True), dtype=np.float32)


def sigmoid(values: NDArray[np.floating]) -> NDArray[np.float64]:
    return np.asarray(1 / (1 + np.exp(-np.clip(values.astype(np.float64), -40, 40))))


def fit_temperature(scores: Matrix, truth: Matrix) -> float:
    """The temperature with the least log loss. truth: (texts, classes), rows sum to 1.

    scores: held out, never of what was learnt from. Source: Guo et al. 2017 (arXiv:1706.04599).
    """

    def loss(log_temperature: float) -> float:
        return log_loss(softmax(scores, float(np.exp(log_temperature))), truth)

    low, high = float(np.log(0.01)), float(np.log(1.0))
    for _ in range(30):
        step = _GOLDEN * (high - low)
        if loss(high - step) < loss(low + step):
            high = low + step
        else:
            low = high - step
    return float(np.exp((low + high) / 2))


def log_loss(probabilities: Matrix, truth: Matrix) -> float:
    return float(-(truth * np.log(np.maximum(probabilities, 1e-9))).sum(axis=1).mean())


def fit_logistic(
    features: NDArray[np.float64],
    truth: NDArray[np.float64],
    weights: NDArray[np.float64],
    penalty: float = 1e-2,
) -> NDArray[np.float64]:
    """Coefficients of a logistic regression, the constant last (Newton's method, 30 steps).

    penalty: per unit of weight, on all but the constant; keeps separable data finite.
    """
    design = np.column_stack([features, np.ones(len(features))])
    ridge = np.full(design.shape[1], penalty * weights.sum())
    ridge[-1] = 1e-6
    found = np.zeros(design.shape[1])
    for _ in range(30):
        likely = sigmoid(design @ found)
        slope = design.T @ (weights * (likely - truth)) + ridge * found
        curve = (design * (weights * likely * (1 - likely))[:, None]).T @ design
        found = found - np.linalg.solve(curve + np.diag(ridge), slope)
    return found


@dataclass(frozen=True, kw_only=True)
class HeldOut:
    """What the model said of messages that it had not learnt from.

    confidence, best (class number), correct: (messages,) each. language: (messages,), number of
    the language each is in; None: all are in one.
    """

    confidence: NDArray[np.float64]
    best: NDArray[np.int64]
    correct: NDArray[np.bool_]
    language: NDArray[np.int8] | None = None

    def thresholds(self, precision: float, classes: int) -> NDArray[np.float64]:
        """(classes,): the confidence from which an intent may be answered automatically.

        Chosen so that as many messages as possible are answered while a binomial bound over all
        of them shows `precision`, and each intent's own record (beside PRIOR messages like the
        average) is at most SLACK below it. NEVER where nothing is shown about an intent. All of
        them are those of the language that most are in: one that is read better lends it nothing.

        What a setting is worth is counted on messages its thresholds were not drawn from: lines
        drawn around known mistakes look better than they are.
        """
        return self.shown(precision, classes)[0]

    def shown(
        self, precision: float, classes: int
    ) -> tuple[NDArray[np.float64], NDArray[np.bool_]]:
        """The `thresholds`, and (messages,): which messages reach such ones drawn without them."""
        chosen = self._setting(precision, classes)
        if chosen is None:
            return np.full(classes, NEVER), np.zeros(len(self.best), dtype=bool)
        return self._drawn(*chosen, classes), self._answered_crosswise(*chosen, classes)

    def _setting(self, precision: float, classes: int) -> tuple[float, float] | None:
        """The least confidence of all, and the precision of an intent by itself, that answer most;
        None if nothing can be shown."""
        allowed = allowed_errors(len(self.confidence), precision)
        counted = self._counted()
        best, most = None, 0
        for floor in np.unique(np.quantile(self.confidence, _FLOORS)) if len(self.best) else ():
            for slack in _SLACKS:
                answered = self._answered_crosswise(float(floor), precision - float(slack), classes)
                answered &= counted
                amount = int(answered.sum())
                if amount > most and (~self.correct[answered]).sum() <= allowed[amount - 1]:
                    best, most = (float(floor), precision - float(slack)), amount
        return best

    def floors(self, precision: float, thresholds: NDArray[np.float64]) -> dict[int, float]:
        """By language, but that of most messages: the confidence that an automatic answer needs
        besides its intent's `thresholds`; NEVER is what a language without messages has.

        The bound that `thresholds` are drawn by speaks of the language that most messages are in.
        Another one must show the precision by its own.
        """
        if self.language is None or not (self.language >= 0).any():
            return {}
        usual = self._usual(self.language)
        answered = self.confidence >= thresholds[self.best]
        allowed = allowed_errors(len(self.best), precision)
        found = {}
        for number in np.unique(self.language).tolist():
            if number != usual:
                mine = self._part(answered & (self.language == number))
                found[int(number)] = _shown_from(mine.confidence, mine.correct, allowed)
        return found | {usual: 0.0}

    def _counted(self) -> NDArray[np.bool_]:
        """(messages,): those of the language that most are in; all where none is told."""
        if self.language is None or not (self.language >= 0).any():
            return np.ones(len(self.best), dtype=bool)
        return np.asarray(self.language == self._usual(self.language))

    @staticmethod
    def _usual(language: NDArray[np.int8]) -> int:
        return int(np.bincount(language[language >= 0]).argmax())

    def _answered_crosswise(
        self, floor: float, precision: float, classes: int
    ) -> NDArray[np.bool_]:
        answered = np.zeros(len(self.best), dtype=bool)
        fold = np.arange(len(self.best)) % _FOLDS
        for number in range(_FOLDS):
            mine = fold == number
            drawn = self._part(~mine)._drawn(floor, precision, classes)
            answered[mine] = self.confidence[mine] >= drawn[self.best[mine]]
        return answered

    def _drawn(self, floor: float, precision: float, classes: int) -> NDArray[np.float64]:
        above = self.confidence >= floor
        average = float(self.correct[above].mean()) if above.any() else 0.0
        part = self._part(above)
        order = np.lexsort((-part.confidence, part.best))
        starts = np.searchsorted(part.best[order], np.arange(classes + 1))
        confidence, correct = part.confidence[order], part.correct[order]
        return np.array(
            [
                _own_threshold(confidence[start:end], correct[start:end], average, precision)
                for start, end in pairwise(starts.tolist())
            ]
        )

    def _part(self, rows: NDArray[np.bool_]) -> "HeldOut":
        return HeldOut(
            confidence=self.confidence[rows], best=self.best[rows], correct=self.correct[rows]
        )


def _shown_from(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], allowed: NDArray[np.int64]
) -> float:
    """The lowest confidence from which there are no more errors than `allowed`; NEVER if none."""
    order = np.argsort(-confidence, kind="stable")
    sure, errors = confidence[order], np.cumsum(~correct[order])
    drawable = np.append(sure[:-1] > sure[1:], True) if len(sure) else np.zeros(0, dtype=bool)
    places = np.flatnonzero(drawable & (errors <= allowed[: len(sure)]))
    return float(sure[places[-1]]) if len(places) else NEVER


def _own_threshold(
    confidence: NDArray[np.float64],
    correct: NDArray[np.bool_],
    average: float,
    precision: float,
) -> float:
    """confidence: of the messages understood as one intent, surest first."""
    if len(confidence) < FEWEST:
        return NEVER
    amounts = np.arange(1, len(confidence) + 1)
    promised = (PRIOR * average + np.cumsum(correct)) / (PRIOR + amounts)
    # Only where the next message is less sure can a line be drawn.
    drawable = np.append(confidence[:-1] > confidence[1:], True)
    places = np.flatnonzero(drawable & (amounts >= FEWEST) & (promised >= precision))
    return float(confidence[places[-1]]) if len(places) else NEVER


@lru_cache(maxsize=32)
def allowed_errors(most: int, precision: float) -> NDArray[np.int64]:
    """For 1..most answers: how many may be wrong for `precision` to be shown; -1: none suffice.

    Shown means: were the precision lower than asked, so few errors would come in less than
    DOUBT of all samples (exact binomial, Clopper and Pearson 1934).
    """
    allowed = np.full(most, -1, dtype=np.int64)
    errors, amount = 0, 1
    while True:
        amount = _fewest_answers(errors, amount, most, precision)
        if amount > most:
            return allowed
        allowed[amount - 1 :] = errors
        errors += 1


def _fewest_answers(errors: int, low: int, most: int, precision: float) -> int:
    """The smallest number of answers at which so many errors are still fine; most + 1: none."""
    high = most + 1
    while low < high:
        middle = (low + high) // 2
        if middle > errors and _chance_of_so_few(errors, middle, precision) <= DOUBT:
            high = middle
        else:
            low = middle + 1
    return low


def _chance_of_so_few(errors: int, answers: int, precision: float) -> float:
    if precision >= 1:
        return 1.0
    counts = np.arange(errors + 1)
    # log of the binomial coefficients, built up factor by factor
    steps = np.log(answers - counts[:-1]) - np.log(counts[1:])
    logs = np.concatenate([[0.0], np.cumsum(steps)])
    logs = logs + counts * np.log(1 - precision) + (answers - counts) * np.log(precision)
    return float(np.exp(logs).sum())


def expected_calibration_error(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_], bins: int = 15
) -> float:
    """Mean distance of confidence and accuracy over equally wide bins, weighted by messages."""
    if not len(confidence):
        return 0.0
    places = np.minimum((confidence * bins).astype(int), bins - 1)
    total = 0.0
    for number in range(bins):
        inside = places == number
        if inside.any():
            gap = abs(float(confidence[inside].mean()) - float(correct[inside].mean()))
            total += gap * float(inside.mean())
    return total


def auroc(inside: NDArray[np.float64], outside: NDArray[np.float64]) -> float | None:
    """Chance that a message inside scores above one outside; ties count half; None if empty."""
    if not len(inside) or not len(outside):
        return None
    ordered = np.sort(outside)
    below = np.searchsorted(ordered, inside, side="left")
    up_to = np.searchsorted(ordered, inside, side="right")
    return float((below + up_to).mean() / 2 / len(outside))
