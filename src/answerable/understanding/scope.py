"""Is a message about anything we know: margin and nearest examples, weighed by a logistic."""

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.calibration import fit_logistic, sigmoid
from answerable.understanding.kernel import largest
from answerable.understanding.ports import Matrix

FEWEST = 10  # held-out in-scope messages below which the judge cannot be fitted
KEPT = 0.95  # part of the in-scope messages that shall score 0.5 or more


def scope_features(scores: Matrix, near: Matrix, strange: Matrix) -> NDArray[np.float64]:
    """(messages, 6): best score, margin, cosine to the nearest, second and third nearest example
    (mean), to the nearest out-of-scope example, and the sum of what all intents claim.

    scores: (messages, classes). near: (messages, 3), cosines to the most alike in-scope examples,
    the nearest first. strange: (messages, 1), to the most alike out-of-scope example.
    """
    best = largest(scores, 2)
    return np.column_stack(
        [
            best[:, 0],
            best[:, 0] - best[:, 1],
            near[:, 0],
            near[:, 1:].mean(axis=1),
            strange[:, 0],
            np.maximum(scores, 0).sum(axis=1),
        ]
    ).astype(np.float64)


@dataclass(frozen=True, kw_only=True)
class ScopeJudge:
    """mean, spread: of the features in training. weights: the last one is the constant."""

    mean: NDArray[np.float64]
    spread: NDArray[np.float64]
    weights: NDArray[np.float64]

    def scope(self, features: NDArray[np.float64]) -> NDArray[np.float64]:
        """How sure that each message is in scope, 0..1; 0.5 keeps KEPT of those that are."""
        standard = (features - self.mean) / self.spread
        # Not as one product, whose last digit may depend on how many messages there are.
        return sigmoid((standard * self.weights[:-1]).sum(axis=1) + self.weights[-1])


# Where an installation has only titles and descriptions: the cosine to the nearest one speaks
# (a round number, not a measured one).
UNFITTED = ScopeJudge(
    mean=np.array([0, 0, 0.35, 0, 0, 0], dtype=np.float64),
    spread=np.ones(6),
    weights=np.array([0, 0, 8, 0, -4, 0, 0], dtype=np.float64),
)


def fit_scope(
    known: NDArray[np.float64], unknown: NDArray[np.float64], strange: NDArray[np.float64]
) -> ScopeJudge:
    """known: features of held-out in-scope messages; unknown: of messages whose intent was held
    out with them; strange: of held-out labelled out-of-scope messages."""
    if len(known) < FEWEST or len(unknown) + len(strange) == 0:
        return UNFITTED
    features = np.concatenate([known, unknown, strange])
    truth = np.concatenate([np.ones(len(known)), np.zeros(len(unknown) + len(strange))])
    weights = np.concatenate(
        [
            np.full(len(known), 1 / max(len(known), 1)),
            # Real out-of-scope messages, as soon as there are some, count as much as held-out
            # intents, which are stranger to the model than to the tenant.
            np.full(len(unknown), 0.5 / max(len(unknown), 1)),
            np.full(len(strange), 0.5 / max(len(strange), 1)),
        ]
    )
    mean = features.mean(axis=0)
    spread = np.maximum(features.std(axis=0), 1e-3)
    found = fit_logistic((features - mean) / spread, truth, weights)
    logits = ((known - mean) / spread) @ found[:-1] + found[-1]
    found[-1] -= float(np.quantile(logits, 1 - KEPT))
    return ScopeJudge(mean=mean, spread=spread, weights=found)
