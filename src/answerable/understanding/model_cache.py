"""Trained models kept in a folder, one per definition; loading one needs no training code."""

from collections.abc import Sequence
from pathlib import Path

from answerable.kit.errors import InvalidInput
from answerable.understanding.examples import Example, data_hash
from answerable.understanding.model import Model
from answerable.understanding.ports import Encoder
from answerable.understanding.recipe import PRECISION, RECIPE


def model_folder(cache: Path, name: str) -> Path:
    return cache / f"{name[:16]}-{RECIPE}"


def find_model(
    name: str,
    examples: Sequence[Example],
    cache: Path,
    *,
    languages: Sequence[str] = (),
    precision: float = PRECISION,
    encoder: Encoder | None = None,
) -> Model | None:
    """The model of a definition if one is stored that still fits; None if it must be trained.

    name: of the folder, such as the examples' hash; their hash and the training recipe decide
    whether what lies there fits. A damaged or foreign model does not.
    """
    try:
        model = Model.load(model_folder(cache, name), encoder)
    except InvalidInput:
        return None
    about = model.manifest
    fits = (
        about.get("data_sha256") == data_hash(examples)
        and about.get("languages") == list(languages)
        and about.get("precision") == precision
        and about.get("recipe") == RECIPE
    )
    return model if fits else None
