"""What a model knows about intents, and how it is kept in a model's file."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from answerable.kit.errors import InvalidInput
from answerable.understanding.calibration import HeldOut
from answerable.understanding.confidence import Confidence
from answerable.understanding.kernel import Arrays, KernelHead
from answerable.understanding.nearest import LearntExamples
from answerable.understanding.scope import ScopeJudge


@dataclass(frozen=True, kw_only=True)
class IntentReader:
    """What is known about intents.

    inside: which centres of the head are in-scope examples, (examples,). learnt: which texts the
    centres are.
    """

    labels: tuple[str, ...]
    head: KernelHead
    confidence: Confidence
    judge: ScopeJudge
    inside: NDArray[np.bool_]
    held_out: HeldOut
    learnt: LearntExamples


def intent_arrays(intents: IntentReader) -> Arrays:
    """For a model's file."""
    confidence, judge, held_out = intents.confidence, intents.judge, intents.held_out
    return {
        **intents.head.arrays("intents"),
        "intents.confidence": confidence.to_array(),
        "intents.inside": intents.inside,
        "scope.mean": judge.mean,
        "scope.spread": judge.spread,
        "scope.weights": judge.weights,
        "held_out.confidence": held_out.confidence,
        "held_out.best": held_out.best,
        "held_out.correct": held_out.correct,
        "held_out.language": held_out.language
        if held_out.language is not None
        else np.zeros(len(held_out.best), dtype=np.int8),
        **intents.learnt.arrays(),
    }


def intents_from(arrays: Mapping[str, NDArray[Any]], labels: tuple[str, ...]) -> IntentReader:
    """The inverse of `intent_arrays`. Raises InvalidInput, KeyError or ValueError for others."""
    head = KernelHead.from_arrays(arrays, "intents")
    judge = ScopeJudge(
        mean=arrays["scope.mean"], spread=arrays["scope.spread"], weights=arrays["scope.weights"]
    )
    held_out = HeldOut(
        confidence=arrays["held_out.confidence"],
        best=arrays["held_out.best"],
        correct=arrays["held_out.correct"],
        language=arrays["held_out.language"],
    )
    inside = arrays["intents.inside"].astype(bool)
    if head.classes != len(labels) or inside.shape != (len(head.centres),):
        raise InvalidInput("damaged_model", "the labels of the model do not fit its arrays")
    return IntentReader(
        labels=labels,
        head=head,
        confidence=Confidence.from_array(arrays["intents.confidence"]),
        judge=judge,
        inside=inside,
        held_out=held_out,
        learnt=LearntExamples.from_arrays(arrays, len(head.centres), len(labels)),
    )
