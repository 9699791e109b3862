"""Use cases of a trained model: understand line by line, evaluate on a file."""

import json
from collections.abc import Iterable, Iterator
from itertools import islice
from pathlib import Path
from typing import Any

from answerable.kit.errors import InvalidInput
from answerable.understanding.evaluate import Evaluation, evaluate
from answerable.understanding.examples import read_examples
from answerable.understanding.model import IN_SCOPE, Model
from answerable.understanding.outcomes import Outcomes

_BATCH = 64  # lines understood before the first of them is given out


def evaluate_file(
    model: Model, file: Path, precision: float | None = None, training: Outcomes | None = None
) -> Evaluation:
    """The figures of the file's examples. Raises InvalidInput with file:line.

    training: what the model's own training showed, if it is known.
    """
    return evaluate(model, read_examples(file), precision, training)


def understand_lines(
    model: Model,
    lines: Iterable[str | bytes],
    precision: float | None = None,
    *,
    scope: float = IN_SCOPE,
    name: str = "<stdin>",
) -> Iterator[dict[str, Any]]:
    """JSON lines {"id", "text"} to what `answerable understand` prints, in their order.

    name: of the source, for messages. Raises InvalidInput with name:line at the first bad line.
    """
    rows = _texts(lines, name)
    while batch := list(islice(rows, _BATCH)):
        said = model.understand([text for _, text in batch], precision, scope=scope)
        for (identity, _), understanding in zip(batch, said, strict=True):
            yield {"id": identity, **understanding.to_data()}


def _texts(lines: Iterable[str | bytes], name: str) -> Iterator[tuple[Any, str]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            row = json.loads(line)
        except ValueError as error:
            raise InvalidInput("invalid_line", f"{name}:{number}: not JSON: {error}") from error
        if not isinstance(row, dict) or not isinstance(row.get("text"), str):
            raise InvalidInput("invalid_line", f'{name}:{number}: expected {{"id", "text"}}')
        yield row.get("id"), row["text"]
