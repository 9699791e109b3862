"""What is shown of a model: curve, reliability, intents and confusions, as plain data."""

from collections import Counter
from collections.abc import Mapping
from typing import Any

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.calibration import expected_calibration_error
from answerable.understanding.intervals import share_interval
from answerable.understanding.labels_wanted import labels_wanted, labels_wanted_of_language
from answerable.understanding.outcomes import NOBODY, Lines, Outcomes

POINTS = 40  # of the curve; more cannot be told apart on a screen
BINS = 10
MOST_CONFUSED = 20


def version_report(
    outcomes: Outcomes,
    lines: Lines,
    precision: float,
    *,
    answered: NDArray[np.bool_] | None = None,
    training: Outcomes | None = None,
) -> dict[str, Any]:
    """All figures of the report of one model, ready for JSON.

    lines: drawn by the model; NEVER for labels that it does not know. precision: asked of
    automatic answers, 0..1. answered: which messages are automatic; None: those that reach the
    lines. training: what lines are drawn from, to which labelled messages would be added; None:
    `outcomes` itself.
    """
    correct = outcomes.correct
    answered = outcomes.automatic(lines) if answered is None else answered
    training = training or outcomes
    return {
        "messages": len(correct),
        "out_of_scope": sum(not truth for truth in outcomes.truth),
        "taken_for_out_of_scope": int((outcomes.confidence <= 0).sum()),
        "asked_precision": precision,
        "chosen": _point(answered, correct) if len(correct) else None,
        "curve": curve(outcomes.confidence, correct),
        "reliability": reliability(outcomes.confidence, correct),
        "ece": _ece(outcomes.confidence, correct),
        "intents": [
            {
                **_intent(outcomes, number, float(lines.intents[number]), answered),
                "labels_wanted": 0
                if lines.intents[number] <= 1
                else _wanted(training, name, precision),
            }
            for number, name in enumerate(outcomes.labels)
        ],
        "languages": [
            {
                **_language(outcomes, tag, line, answered),
                "labels_wanted": 0
                if line <= 1
                else labels_wanted_of_language(training, tag, lines, precision),
            }
            for tag, line in lines.languages.items()
        ],
        "confused": _confused(outcomes, correct),
    }


def curve(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Points from the surest messages to all that are in scope, each with its interval.

    Lines are drawn between different confidences only.
    """
    order = np.argsort(-confidence, kind="stable")
    order = order[confidence[order] > 0]
    sure = confidence[order]
    ends = np.flatnonzero(np.append(sure[:-1] > sure[1:], True)) if len(order) else order
    if len(ends) > POINTS:
        ends = ends[np.unique(np.linspace(0, len(ends) - 1, POINTS).astype(int))]
    points = []
    for end in ends.tolist():
        answered = np.zeros(len(confidence), dtype=bool)
        answered[order[: end + 1]] = True
        points.append({"confidence": round(float(sure[end]), 4), **_point(answered, correct)})
    return points


def reliability(
    confidence: NDArray[np.float64], correct: NDArray[np.bool_]
) -> list[dict[str, Any]]:
    """Equally wide bins of confidence that have messages: mean confidence, accuracy, interval.

    Messages taken for out of scope are left out: their confidence is not one.
    """
    places = np.minimum((confidence * BINS).astype(int), BINS - 1)
    bins = []
    for number in range(BINS):
        inside = (places == number) & (confidence > 0)
        amount, right = int(inside.sum()), int(correct[inside].sum())
        if amount:
            low, high = share_interval(right, amount)
            bins.append(
                {
                    "from": number / BINS,
                    "to": (number + 1) / BINS,
                    "messages": amount,
                    "confidence": round(float(confidence[inside].mean()), 4),
                    "accuracy": round(right / amount, 4),
                    "low": round(low, 4),
                    "high": round(high, 4),
                }
            )
    return bins


def wanted_text(entry: Mapping[str, Any]) -> str:
    """How many more labelled messages one of `intents` or `languages` needs, for people."""
    if entry["automatic"]:
        return "none, it is automatic"
    if entry["labels_wanted"] is None:
        return "its errors must fall first"
    return f"about {_rough(entry['labels_wanted']):,}"


def _rough(number: int) -> int:
    """Two leading digits: the estimate is no better, and more of them would look as if it were."""
    return int(float(f"{number:.1e}"))


def _point(answered: NDArray[np.bool_], correct: NDArray[np.bool_]) -> dict[str, Any]:
    amount, right = int(answered.sum()), int(correct[answered].sum())
    low, high = share_interval(right, amount)
    return {
        "coverage": round(amount / len(correct), 4),
        "answered": amount,
        "right": right,
        "precision": round(right / amount, 4) if amount else None,
        "low": round(low, 4),
        "high": round(high, 4),
    }


def _ece(confidence: NDArray[np.float64], correct: NDArray[np.bool_]) -> float | None:
    taken = confidence > 0
    if not taken.any():
        return None
    return round(expected_calibration_error(confidence[taken], correct[taken]), 4)


def _wanted(training: Outcomes, name: str, precision: float) -> int | None:
    number = training.labels.index(name) if name in training.labels else NOBODY - 1
    return labels_wanted(training, number, precision)


def _intent(
    outcomes: Outcomes, number: int, threshold: float, answered: NDArray[np.bool_]
) -> dict[str, Any]:
    wanted = np.array([number in truth for truth in outcomes.truth], dtype=bool)
    said = (outcomes.best == number) & (outcomes.confidence > 0)
    labelled, amount, right = int(wanted.sum()), int(said.sum()), int((wanted & said).sum())
    automatic = said & answered
    return {
        "name": outcomes.labels[number],
        "labelled": labelled,
        "said": amount,
        "right": right,
        "precision": _share(right, amount),
        "recall": _share(right, labelled),
        "f1": _share(2 * right, labelled + amount),
        "answered_share": _share(int((automatic & wanted).sum()), labelled),
        **_by_itself(threshold, automatic, wanted),
    }


def _language(
    outcomes: Outcomes, tag: str, threshold: float, answered: NDArray[np.bool_]
) -> dict[str, Any]:
    spoken = np.array([one == tag for one in outcomes.languages], dtype=bool)
    automatic, labelled = spoken & answered, int(spoken.sum())
    strange = np.array([not truth for truth in outcomes.truth], dtype=bool)
    right = outcomes.correct | (strange & (outcomes.confidence <= 0))
    return {
        "name": tag,
        "labelled": labelled,
        "right": int((spoken & right).sum()),
        "answered_share": _share(int((automatic & outcomes.correct).sum()), labelled),
        **_by_itself(threshold, automatic, outcomes.correct),
    }


def _by_itself(
    threshold: float, automatic: NDArray[np.bool_], right: NDArray[np.bool_]
) -> dict[str, Any]:
    """threshold: of an intent or a language. automatic: (messages,), its answered ones."""
    is_automatic = threshold <= 1
    amount, well = int(automatic.sum()), int((automatic & right).sum())
    low, high = share_interval(well, amount)
    return {
        "threshold": round(threshold, 4) if is_automatic else None,
        "automatic": is_automatic,
        "answered": amount,
        "answered_right": well,
        "low": round(low, 4),
        "high": round(high, 4),
    }


def _confused(outcomes: Outcomes, correct: NDArray[np.bool_]) -> list[dict[str, Any]]:
    """Pairs of what was meant and what was said; None: out of scope."""
    pairs: Counter[tuple[str | None, str | None]] = Counter()
    for row in np.flatnonzero(~correct | (outcomes.confidence <= 0)).tolist():
        truth, sure = outcomes.truth[row], outcomes.confidence[row] > 0
        best = int(outcomes.best[row])
        said = outcomes.labels[best] if sure and best != NOBODY else None
        names: list[str | None] = [outcomes.labels[one] for one in truth]
        for meant in names or [None]:
            if meant != said:
                pairs[meant, said] += 1
    ordered = sorted(pairs.items(), key=lambda pair: (-pair[1], pair[0][0] or "", pair[0][1] or ""))
    return [
        {"meant": meant, "said": said, "messages": number}
        for (meant, said), number in ordered[:MOST_CONFUSED]
    ]


def _share(part: int, whole: int) -> float | None:
    return round(part / whole, 4) if whole else None
