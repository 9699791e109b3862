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
from answerable.understanding.model_cache import find_model, model_folder
from answerable.understanding.ports import Encoder
from answerable.understanding.recipe import PRECISION
from answerable.understanding.train import train


def train_files(
    files: Sequence[Path],
    out: Path,
    *,
    examples: Sequence[Example] = (),
    languages: Sequence[str] = (),
    precision: float = PRECISION,
    encoder: Encoder | None = None,
) -> dict[str, Any]:
    """Train on JSON lines of `files` and on `examples` (of a definition); store in `out`.

    Returns the model's manifest with its metrics. Raises InvalidInput with file:line.
    """
    rows = [*examples, *(row for file in files for row in read_examples(file))]
    if not any(row.intents for row in rows):
        raise InvalidInput("no_examples", "no example names an intent: nothing to learn")
    model = train(
        rows,
        languages=languages,
        precision=precision,
        encoder=encoder,
        definition=data_hash(examples) if examples else None,
    )
    model.save(out)
    return dict(model.manifest)


def model_for(
    name: str,
    examples: Sequence[Example],
    cache: Path,
    *,
    languages: Sequence[str] = (),
    precision: float = PRECISION,
    encoder: Encoder | None = None,
) -> Model:
    """The model of a definition: read from `cache`, or trained (seconds) and stored there."""
    encoder = encoder or load_encoder()
    found = find_model(
        name, examples, cache, languages=languages, precision=precision, encoder=encoder
    )
    if found is not None:
        return found
    model = train(
        examples,
        languages=languages,
        precision=precision,
        encoder=encoder,
        definition=data_hash(examples),
    )
    model.save(model_folder(cache, name))
    return model
