"""What a plain combination reads: a sentence encoder, TF-IDF and logistic regression.

By scikit-learn, and of several settings always the one that reads the asked messages best, so that
none of them can be said to have been chosen against it.
"""

from collections.abc import Callable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

# Neither has types, and scikit-learn is there only where somebody measures.
from scipy import sparse  # type: ignore[import-untyped]
from sklearn.feature_extraction.text import TfidfVectorizer  # type: ignore[import-not-found]
from sklearn.linear_model import LogisticRegression  # type: ignore[import-not-found]
from sklearn.multiclass import OneVsRestClassifier  # type: ignore[import-not-found]
from sklearn.preprocessing import MultiLabelBinarizer  # type: ignore[import-not-found]

STRENGTHS = (10.0, 30.0, 100.0)  # the inverse of the penalty
THRESHOLDS = np.arange(0.05, 0.6, 0.05)
SHARE = 0.5  # of TF-IDF, beside 1 for the meaning
Vectors = NDArray[np.float32]
Encode = Callable[[Sequence[str]], Vectors]


class Features:
    """words: whether TF-IDF of words, word pairs and letter groups stands beside the meaning."""

    def __init__(self, encode: Encode, texts: Sequence[str], *, words: bool) -> None:
        self.encode = encode
        self.spelling = [
            TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True),
            TfidfVectorizer(analyzer="char_wb", ngram_range=(2, 5), sublinear_tf=True, min_df=2),
        ][: 2 if words else 0]
        for part in self.spelling:
            part.fit(texts)

    def of(self, texts: Sequence[str]) -> sparse.csr_matrix:
        spelt = [SHARE * part.transform(texts) for part in self.spelling]
        return sparse.hstack([sparse.csr_matrix(self.encode(texts)), *spelt]).tocsr()


@dataclass(frozen=True, kw_only=True)
class Plain:
    """accuracy: of the asked messages. chances: (asked, labels), which fall from left to right."""

    accuracy: float
    right: NDArray[np.bool_]
    chances: NDArray[np.float64]

    def coverage(self, precision: float) -> float:
        """The largest part, the surest first, of which so many are right: a threshold that is found
        on the asked messages themselves, which no real one can be."""
        order = np.argsort(-self.chances[:, 0], kind="stable")
        good = np.cumsum(self.right[order]) / np.arange(1, len(order) + 1)
        enough = np.flatnonzero(good >= precision)
        return float(enough[-1] + 1) / len(order) if len(enough) else 0.0


def read_plainly(
    encode: Encode,
    learnt: Sequence[tuple[str, str]],
    asked: Sequence[tuple[str, str]],
    *,
    words: bool = True,
    strengths: Sequence[float] = STRENGTHS,
) -> Plain:
    """learnt, asked: texts with their labels."""
    features = Features(encode, [text for text, _ in learnt], words=words)
    known, wanted = features.of([t for t, _ in learnt]), features.of([t for t, _ in asked])
    truth = np.array([label for _, label in asked])
    found = []
    for strength in strengths:
        head = LogisticRegression(C=strength, max_iter=300)
        head.fit(known, [label for _, label in learnt])
        chances = head.predict_proba(wanted)
        right = head.classes_[chances.argmax(axis=1)] == truth
        found.append(Plain(accuracy=right.mean(), right=right, chances=-np.sort(-chances, axis=1)))
    return max(found, key=lambda one: one.accuracy)


def nearness(plain: Plain, learnt: Vectors, asked: Vectors) -> NDArray[np.float64]:
    """How far each asked message is in scope: margin and nearest neighbour, each by its spread."""
    margin = plain.chances[:, 0] - plain.chances[:, 1]
    nearest = (asked @ learnt.T).max(axis=1)
    return (margin - margin.mean()) / margin.std() + (nearest - nearest.mean()) / nearest.std()


def several_plainly(
    encode: Encode,
    learnt: Sequence[tuple[str, Sequence[str]]],
    asked: Sequence[tuple[str, Sequence[str]]],
) -> float:
    """Micro-F1 where a text may have several labels, with the best threshold for all of them."""
    features = Features(encode, [text for text, _ in learnt], words=True)
    known, wanted = features.of([t for t, _ in learnt]), features.of([t for t, _ in asked])
    # Of a label that is never learnt, nobody can say anything.
    names = MultiLabelBinarizer().fit([labels for _, labels in learnt])
    said_by_people = [[one for one in labels if one in names.classes_] for _, labels in asked]
    truth = names.transform(said_by_people).astype(bool)
    best = 0.0
    for strength in STRENGTHS:
        head = OneVsRestClassifier(LogisticRegression(C=strength, max_iter=300))
        head.fit(known, names.transform([labels for _, labels in learnt]))
        chances = head.predict_proba(wanted)
        for least in THRESHOLDS:
            said = chances >= least
            best = max(best, 2 * (said & truth).sum() / (said.sum() + truth.sum()))
    return best
