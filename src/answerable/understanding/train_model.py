"""Use cases of training: from files for the command line, from a definition for a process.

Kept apart from `service`, because training needs SciPy and understanding does not.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from answerable.kit.errors import InvalidInput
from answerable.understanding.encoder import load_encoder
from answerable.understanding.examples import Example, data_hash, read_examples
from answerable.understanding.model import Model
from answerable.understanding.ports import Encoder
from answerable.understanding.recipe import PRECISION, RECIPE
from answerable.understanding.train import train


def train_files(
    files: Sequence[Path],
    out: Path,
    *,
    examples: Sequence[Example] = (),
    languages: Sequence[str] = (),
    precision: float = PRECISION,
) -> dict[str, Any]:
    """Train on JSON lines of `files` and on `examples` (of a definition); store in `out`.

    Returns the model's manifest with its metrics. Raises InvalidInput with file:line.
    """
    rows = [*examples, *(row for file in files for row in read_examples(file))]
    model = train(rows, languages=languages, precision=precision)
    model.save(out)
    return dict(model.manifest)


def model_for(
    definition_hash: str,
    examples: Sequence[Example],
    cache: Path,
    *,
    languages: Sequence[str] = (),
    precision: float = PRECISION,
    encoder: Encoder | None = None,
) -> Model:
    """The model of a definition: read from `cache`, or trained (seconds) and stored there.

    definition_hash: names the folder; the examples' own hash and the training recipe decide
    whether what lies there still fits. A damaged model in the cache is replaced.
    """
    encoder = encoder or load_encoder()
    folder = cache / f"{definition_hash[:16]}-{RECIPE}"
    try:
        model = Model.load(folder, encoder)
    except InvalidInput:
        model = None
    if model is not None and _still_fits(model, examples, languages, precision):
        return model
    model = train(examples, languages=languages, precision=precision, encoder=encoder)
    model.save(folder)
    return model


def _still_fits(
    model: Model, examples: Sequence[Example], languages: Sequence[str], precision: float
) -> bool:
    about = model.manifest
    return (
        about.get("data_sha256") == data_hash(examples)
        and about.get("languages") == list(languages)
        and about.get("precision") == precision
        and about.get("recipe") == RECIPE
    )
