"""Trained models kept in a folder, one per definition; loading one needs no training code."""

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from answerable.kit.errors import InvalidInput
from answerable.understanding.examples import Example, data_hash
from answerable.understanding.model import Model
from answerable.understanding.model_file import read_manifest
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
    return model if _fits(model.manifest, examples, languages, precision) else None


def is_stored(
    name: str,
    examples: Sequence[Example],
    cache: Path,
    *,
    languages: Sequence[str] = (),
    precision: float = PRECISION,
) -> bool:
    """Whether `find_model` will find it, by what its manifest says; its arrays are not read."""
    try:
        manifest = read_manifest(model_folder(cache, name))
    except InvalidInput:
        return False
    return _fits(manifest, examples, languages, precision)


def _fits(
    about: Mapping[str, Any],
    examples: Sequence[Example],
    languages: Sequence[str],
    precision: float,
) -> bool:
    return (
        about.get("data_sha256") == data_hash(examples)
        and about.get("languages") == list(languages)
        and about.get("precision") == precision
        and about.get("recipe") == RECIPE
    )
