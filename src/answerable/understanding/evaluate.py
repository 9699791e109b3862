"""How good a model is on labelled messages that it has not seen."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from answerable.kit.errors import InvalidInput
from answerable.understanding.calibration import NEVER, auroc, expected_calibration_error
from answerable.understanding.examples import Example
from answerable.understanding.model import Model
from answerable.understanding.outcomes import Lines, Outcomes, evaluated_outcomes
from answerable.understanding.understanding import Understanding
from answerable.understanding.version_report import version_report


@dataclass(frozen=True, kw_only=True)
class Evaluation:
    """Figures over examples; None where there is nothing to measure.

    accuracy: of in-scope messages, the best intent is one of the labels.
    macro_f1: mean over the intents that are labelled or said, best intent only.
    micro_f1: over all (message, intent) pairs, by what `applies`.
    ece: 15 bins, of the best intent's confidence, in-scope messages.
    coverage: part of all messages answered automatically at `asked_precision`; precision: part of
    these that are right; an out-of-scope message answered is wrong.
    scope_auroc: in scope against out of scope. in_scope_kept: in-scope messages taken as such.
    report: of these messages, see `version_report`.
    """

    examples: int
    out_of_scope: int
    accuracy: float | None
    macro_f1: float | None
    micro_f1: float | None
    ece: float | None
    asked_precision: float
    coverage: float
    precision: float | None
    scope_auroc: float | None
    in_scope_kept: float | None
    out_of_scope_found: float | None
    unknown_intents: tuple[str, ...]
    intents: tuple["IntentRecord", ...]
    model: str
    report: Mapping[str, Any]

    def to_data(self) -> dict[str, Any]:
        """As printed by `answerable evaluate --json`."""
        data = {
            name: getattr(self, name)
            for name in self.__dataclass_fields__
            if name not in ("intents", "unknown_intents", "report")
        }
        wanted = {intent["name"]: intent["labels_wanted"] for intent in self.report["intents"]}
        return {
            **data,
            "unknown_intents": list(self.unknown_intents),
            "intents": [
                {**record.to_data(), "labels_wanted": wanted[record.name]}
                for record in self.intents
            ],
            "languages": self.report["languages"],
            "curve": self.report["curve"],
            "reliability": self.report["reliability"],
            "confused": self.report["confused"],
        }


@dataclass(frozen=True, kw_only=True, slots=True)
class IntentRecord:
    """One intent: messages labelled so, said so, and both; answered automatically, and rightly.

    threshold: confidence from which it is automatic; None: never.
    """

    name: str
    labelled: int
    said: int
    right: int
    automatic: int
    automatic_right: int
    threshold: float | None

    @property
    def f1(self) -> float:
        return 2 * self.right / max(self.labelled + self.said, 1)

    def to_data(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "labelled": self.labelled,
            "said": self.said,
            "right": self.right,
            "f1": round(self.f1, 4),
            "automatic": self.automatic,
            "automatic_right": self.automatic_right,
            "threshold": self.threshold,
        }


def evaluate(
    model: Model,
    examples: Sequence[Example],
    precision: float | None = None,
    training: Outcomes | None = None,
) -> Evaluation:
    """Understand every example and compare. Raises InvalidInput if there is none.

    training: what the model's training showed, if it is known; it tells how many more labelled
    messages an intent needs, otherwise the examples do.
    """
    if not examples:
        raise InvalidInput("no_examples", "no examples to evaluate on")
    asked = model.precision if precision is None else precision
    said = model.understand([example.text for example in examples], asked)
    pairs = list(zip(examples, said, strict=True))
    known = [pair for pair in pairs if pair[0].intents]
    strange = [understanding for example, understanding in pairs if not example.intents]
    answered = [pair for pair in pairs if pair[1].automatic]
    right = sum(_is_right(example, one) for example, one in answered)
    confidences = np.array([_confidence(one) for _, one in known])
    correct = np.array([_is_right(example, one) for example, one in known], dtype=bool)
    records = _records(model, pairs, asked)
    outcomes = evaluated_outcomes(model.intents.labels, examples, said)
    unknown = len(outcomes.labels) - len(model.intents.labels)
    drawn = model.lines(asked)
    lines = Lines(
        intents=np.append(drawn.intents, np.full(unknown, NEVER)), languages=drawn.languages
    )
    return Evaluation(
        examples=len(examples),
        out_of_scope=len(strange),
        accuracy=_rounded(float(correct.mean())) if known else None,
        macro_f1=_macro_f1(records) if known else None,
        micro_f1=_micro_f1(pairs) if known else None,
        ece=_rounded(expected_calibration_error(confidences, correct)) if known else None,
        asked_precision=asked,
        coverage=round(len(answered) / len(pairs), 4),
        precision=_rounded(right / len(answered)) if answered else None,
        scope_auroc=_rounded(
            auroc(
                np.array([one.scope for _, one in known]),
                np.array([one.scope for one in strange]),
            )
        ),
        in_scope_kept=_part([one.in_scope for _, one in known]),
        out_of_scope_found=_part([not one.in_scope for one in strange]),
        unknown_intents=_unknown(model, examples),
        intents=tuple(records),
        model=model.name,
        report=version_report(outcomes, lines, asked, training=training),
    )


def _is_right(example: Example, understanding: Understanding) -> bool:
    best = understanding.intents[0].name if understanding.intents else None
    return best in example.intents


def _confidence(understanding: Understanding) -> float:
    return understanding.intents[0].confidence if understanding.intents else 0.0


def _records(
    model: Model, pairs: Sequence[tuple[Example, Understanding]], precision: float
) -> list[IntentRecord]:
    thresholds = dict(zip(model.intents.labels, model.thresholds(precision).tolist(), strict=True))
    names = sorted({*thresholds, *(name for example, _ in pairs for name in example.intents)})
    records = []
    for name in names:
        mine = [pair for pair in pairs if pair[1].intents and pair[1].intents[0].name == name]
        automatic = [pair for pair in mine if pair[1].automatic]
        threshold = thresholds.get(name, 2.0)
        records.append(
            IntentRecord(
                name=name,
                labelled=sum(name in example.intents for example, _ in pairs),
                # An out-of-scope message that was recognised as such was not said to be this.
                said=sum(one.in_scope or bool(example.intents) for example, one in mine),
                right=sum(name in example.intents for example, _ in mine),
                automatic=len(automatic),
                automatic_right=sum(name in example.intents for example, _ in automatic),
                threshold=_rounded(threshold) if threshold <= 1 else None,
            )
        )
    return records


def _macro_f1(records: Sequence[IntentRecord]) -> float:
    seen = [record.f1 for record in records if record.labelled or record.said]
    return round(sum(seen) / max(len(seen), 1), 4)


def _micro_f1(pairs: Sequence[tuple[Example, Understanding]]) -> float:
    both = wanted = said = 0
    for example, understanding in pairs:
        applying = {score.name for score in understanding.intents if score.applies}
        both += len(applying & set(example.intents))
        wanted += len(example.intents)
        said += len(applying)
    return round(2 * both / max(wanted + said, 1), 4)


def _unknown(model: Model, examples: Sequence[Example]) -> tuple[str, ...]:
    labels = {name for example in examples for name in example.intents}
    return tuple(sorted(labels - set(model.intents.labels)))


def _part(claims: Sequence[bool]) -> float | None:
    return round(sum(claims) / len(claims), 4) if claims else None


def _rounded(value: float | None) -> float | None:
    return None if value is None else round(value, 4)
