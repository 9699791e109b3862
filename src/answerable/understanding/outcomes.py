"""What a model said of messages that it had not learnt from, and what they were."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property

import numpy as np
from numpy.typing import NDArray

from answerable.kit.canonical import sha256_hex
from answerable.understanding.calibration import NEVER, HeldOut
from answerable.understanding.examples import Example
from answerable.understanding.prepare import prepared
from answerable.understanding.understanding import Understanding

NOBODY = -1  # the class number of a message for which nothing was said


@dataclass(frozen=True, kw_only=True)
class Lines:
    """The confidence from which a message is automatic: its intent's, and its language's besides.

    intents: (labels,), by the label's number. languages: by tag, those that are told apart, of
    which an unnamed one is never automatic; none: all are alike. NEVER: at no confidence.
    """

    intents: NDArray[np.float64]
    languages: Mapping[str, float] = field(default_factory=dict)

    def reached(self, best: int, confidence: float, language: str) -> bool:
        """best: the label's number. language: that of the message, as a tag."""
        return bool(confidence >= max(float(self.intents[best]), self.language(language)))

    def language(self, tag: str) -> float:
        """The line of a language."""
        return self.languages.get(tag, NEVER) if self.languages else 0.0


def lines_of(
    held_out: HeldOut, thresholds: NDArray[np.float64], precision: float, languages: Sequence[str]
) -> Lines:
    """languages: tags, as `held_out` numbers them; none: whatever a text is in."""
    floors = held_out.floors(precision, thresholds) if languages else {}
    by_tag = {tag: floors.get(number, NEVER) for number, tag in enumerate(languages)}
    return Lines(intents=thresholds, languages=by_tag)


@dataclass(frozen=True, kw_only=True)
class Outcomes:
    """One entry a message in all but `labels`.

    confidence: of the best intent, 0..1; 0: taken for out of scope. best: its label's number.
    truth: numbers of the labels that it has; none: out of scope. texts: `text_digest` of each.
    languages: the tag of each; "" where languages are not told apart.
    """

    labels: tuple[str, ...]
    confidence: NDArray[np.float64]
    best: NDArray[np.int64]
    truth: tuple[tuple[int, ...], ...]
    texts: tuple[str, ...]
    languages: tuple[str, ...]

    @staticmethod
    def of_nothing() -> "Outcomes":
        """Of no message."""
        return Outcomes(
            labels=(),
            confidence=np.zeros(0),
            best=np.zeros(0, dtype=np.int64),
            truth=(),
            texts=(),
            languages=(),
        )

    @cached_property
    def correct(self) -> NDArray[np.bool_]:
        """(messages,): the best intent is one of the labels."""
        return np.array(
            [said in wanted for said, wanted in zip(self.best.tolist(), self.truth, strict=True)],
            dtype=bool,
        )

    def reach_language(self, lines: Lines) -> NDArray[np.bool_]:
        """(messages,): sure enough for the language that they are in."""
        least = np.array([lines.language(tag) for tag in self.languages], dtype=np.float64)
        return np.asarray(self.confidence >= least)

    def automatic(self, lines: Lines) -> NDArray[np.bool_]:
        """(messages,): answered without a person."""
        rows = zip(self.best.tolist(), self.confidence.tolist(), self.languages, strict=True)
        return np.array(
            [best != NOBODY and lines.reached(best, sure, tag) for best, sure, tag in rows],
            dtype=bool,
        )


def text_digest(text: str) -> str:
    """Says that two messages are the same without saying what they are: 16 hex digits."""
    return line_digest(prepared(text).replace("\n", " "))


def line_digest(plain: str) -> str:
    """`text_digest` of a text that is prepared and on one line already."""
    return sha256_hex(plain.encode())[:16]


def held_out_outcomes(
    labels: tuple[str, ...],
    held_out: HeldOut,
    targets: NDArray[np.floating],
    texts: Sequence[str],
    languages: Sequence[str],
) -> Outcomes:
    """What training itself shows.

    targets: (messages, labels); a label counts from one half on, as it does for
    `held_out.correct`. texts: prepared, each one line. languages: tags, as the model numbers them.
    """
    numbers = [] if held_out.language is None else held_out.language.tolist()
    return Outcomes(
        labels=labels,
        confidence=held_out.confidence,
        best=held_out.best.astype(np.int64),
        truth=tuple(tuple(np.flatnonzero(row >= 0.5).tolist()) for row in targets),
        texts=tuple(line_digest(text) for text in texts),
        languages=tuple(languages[number] if number >= 0 else "" for number in numbers)
        if languages
        else ("",) * len(texts),
    )


def evaluated_outcomes(
    labels: tuple[str, ...], examples: Sequence[Example], said: Sequence[Understanding]
) -> Outcomes:
    """What a model said of labelled messages; labels that it does not know come last."""
    known = tuple(
        dict.fromkeys([*labels, *sorted({name for one in examples for name in one.intents})])
    )
    number = {name: place for place, name in enumerate(known)}
    best = [number[one.intents[0].name] if one.intents else NOBODY for one in said]
    sure = [one.intents[0].confidence if one.intents and one.in_scope else 0.0 for one in said]
    return Outcomes(
        labels=known,
        confidence=np.array(sure, dtype=np.float64),
        best=np.array(best, dtype=np.int64),
        truth=tuple(tuple(number[name] for name in one.intents) for one in examples),
        texts=tuple(text_digest(one.text) for one in examples),
        languages=tuple(one.language for one in said),
    )
