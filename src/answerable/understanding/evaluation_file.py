"""The evaluation that lies beside a model: what its training showed, message by message."""

import json
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from answerable.kit.canonical import sha256_hex
from answerable.kit.errors import InvalidInput
from answerable.understanding.model_file import EVALUATION, read_bounded, read_manifest
from answerable.understanding.outcomes import Outcomes


@dataclass(frozen=True, kw_only=True)
class StoredEvaluation:
    """report: as `version_report` made it, at the precision of training."""

    outcomes: Outcomes
    report: dict[str, Any]


def evaluation_data(outcomes: Outcomes, report: dict[str, Any]) -> dict[str, Any]:
    """Ready for JSON. Messages are there as digests and numbers, never as texts."""
    rows = zip(
        outcomes.texts,
        outcomes.truth,
        outcomes.best.tolist(),
        outcomes.confidence.round(4).tolist(),
        outcomes.languages,
        strict=True,
    )
    return {
        "labels": list(outcomes.labels),
        "report": report,
        "messages": [
            [text, list(truth), best, sure, language] for text, truth, best, sure, language in rows
        ],
    }


def read_evaluation(folder: Path) -> StoredEvaluation:
    """Raises InvalidInput if there is none, or if it is not the one that the manifest names."""
    expected = read_manifest(folder).get("evaluation_sha256")
    path = folder / EVALUATION
    if expected is None:
        raise InvalidInput("no_evaluation", f"{folder} holds no evaluation: train again")
    data = read_bounded(path)
    if sha256_hex(data) != expected:
        raise InvalidInput("damaged_model", f"{path} is not what its manifest says: train again")
    try:
        return _parsed(json.loads(data))
    except (ValueError, KeyError, TypeError, IndexError) as error:
        raise InvalidInput("damaged_model", f"{path} lacks {error}: train again") from error


def evaluation_if_any(folder: Path) -> StoredEvaluation | None:
    """None for a model that was trained before evaluations were kept.

    Raises InvalidInput for a damaged one.
    """
    if read_manifest(folder).get("evaluation_sha256") is None:
        return None
    return read_evaluation(folder)


def _parsed(data: dict[str, Any]) -> StoredEvaluation:
    rows = data["messages"]
    return StoredEvaluation(
        outcomes=Outcomes(
            labels=tuple(str(label) for label in data["labels"]),
            confidence=np.array([row[3] for row in rows], dtype=np.float64),
            best=np.array([row[2] for row in rows], dtype=np.int64),
            truth=tuple(tuple(int(one) for one in row[1]) for row in rows),
            texts=tuple(str(row[0]) for row in rows),
            # Models that were trained before languages were told keep none.
            languages=tuple(str(row[4]) if len(row) > 4 else "" for row in rows),
        ),
        report=dict(data["report"]),
    )
