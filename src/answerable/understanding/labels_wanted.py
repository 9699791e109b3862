"""How many more labelled messages an intent or a language needs to be answered automatically."""

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.calibration import FEWEST, PRIOR, allowed_errors
from answerable.understanding.outcomes import Lines, Outcomes

MOST = 20_000  # answers; what needs more than these is not a matter of more messages
_CUTS = 16  # places that are tried for an intent's line


def labels_wanted(outcomes: Outcomes, intent: int, precision: float) -> int | None:
    """About how many more labelled messages of the intent; None: its errors must fall first.

    If its messages go on being understood as well as now, at the best line that could be drawn,
    so many would show `precision` for the intent alone by the exact binomial bound. Like the
    thresholds, this believes of an intent with few messages that it is PRIOR messages' worth like
    the others of the same confidence.
    """
    labelled = sum(intent in truth for truth in outcomes.truth)
    mine = (outcomes.best == intent) & (outcomes.confidence > 0)
    return _wanted(outcomes, mine, labelled, precision)


def labels_wanted_of_language(
    outcomes: Outcomes, language: str, lines: Lines, precision: float
) -> int | None:
    """The same of a language, by its messages that reach the lines of their intents.

    language: a tag. Its own line is left out of `lines`: that is what is to be shown.
    """
    spoken = np.array([tag == language for tag in outcomes.languages], dtype=bool)
    mine = spoken & outcomes.automatic(Lines(intents=lines.intents))
    return _wanted(outcomes, mine, int(spoken.sum()), precision)


def _wanted(
    outcomes: Outcomes, messages: NDArray[np.bool_], labelled: int, precision: float
) -> int | None:
    """messages: (messages,), those that were understood as what more labels are wanted of."""
    mine = np.flatnonzero(messages)
    allowed = allowed_errors(MOST, precision)
    if not len(mine):
        # Nobody has tried; or it was tried, and the model never saw it.
        return None if labelled >= FEWEST else _fewest(0.0, allowed)
    correct = outcomes.correct
    order = mine[np.argsort(-outcomes.confidence[mine], kind="stable")]
    found: list[int] = []
    for amount in np.unique(np.linspace(1, len(order), _CUTS).astype(int)).tolist():
        above = outcomes.confidence >= outcomes.confidence[order[amount - 1]]
        rate = _error_rate(correct[order[:amount]], correct[above])
        answers = _fewest(rate, allowed)
        if answers is not None:
            share = amount / max(labelled, len(order))  # of its messages, above that line
            found.append(int(np.ceil(max(answers - amount, 1) / share)))
    return min(found) if found and min(found) <= MOST else None


def _error_rate(mine: NDArray[np.bool_], alike: NDArray[np.bool_]) -> float:
    average = float((~alike).mean())
    return float(((~mine).sum() + PRIOR * average) / (len(mine) + PRIOR))


def _fewest(rate: float, allowed: NDArray[np.int64]) -> int | None:
    """The fewest answers at which as many errors as `rate` makes of them are still fine."""
    expected = np.rint(rate * np.arange(1, len(allowed) + 1))
    enough = np.flatnonzero(allowed >= expected)
    return int(enough[0]) + 1 if len(enough) else None
