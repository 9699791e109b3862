"""Labelled messages, and reading them from JSON lines."""

import json
import os
from collections.abc import Iterable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answerable.kit.canonical import canonical_json, sha256_hex
from answerable.kit.errors import InvalidInput


@dataclass(frozen=True, kw_only=True, slots=True)
class Example:
    """A message and what it asks for; no intents: out of scope.

    described: not a customer's sentence but the title or description of the intent.
    """

    text: str
    intents: tuple[str, ...]
    described: bool = False


def read_examples(path: Path) -> list[Example]:
    """Examples of a file of JSON lines {"text", "intents": [..]}.

    Raises InvalidInput naming file and line of the first line that is something else.
    """
    try:
        with path.open("rb") as file:
            return [_example(row, f"{path}:{number}") for number, row in _rows(file, str(path))]
    except OSError as error:
        raise InvalidInput("no_examples", f"{path}: {error.strerror}") from error


def write_examples(path: Path, examples: Iterable[Example]) -> None:
    """The inverse of `read_examples`; readable by their owner alone, for these are letters.

    Raises InvalidInput if the file cannot be written.
    """
    rows = ({"text": one.text, "intents": list(one.intents)} for one in examples)
    try:
        with os.fdopen(
            os.open(path, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600), "w", encoding="utf-8"
        ) as file:
            for row in rows:
                file.write(json.dumps(row, ensure_ascii=False) + "\n")
    except OSError as error:
        raise InvalidInput("cannot_write", f"{path}: {error.strerror}") from error


def data_hash(examples: Iterable[Example]) -> str:
    """SHA-256 over the examples in their order: the same hash, the same training data."""
    rows = [[example.text, list(example.intents), example.described] for example in examples]
    return sha256_hex(canonical_json(rows))


def _rows(lines: Iterable[bytes], name: str) -> Iterator[tuple[int, Any]]:
    for number, line in enumerate(lines, start=1):
        if not line.strip():
            continue
        try:
            yield number, json.loads(line)
        except ValueError as error:
            raise InvalidInput(
                "invalid_example", f"{name}:{number}: not a JSON line: {error}"
            ) from error


def _example(row: Any, place: str) -> Example:
    if not isinstance(row, dict):
        raise InvalidInput("invalid_example", f'{place}: expected {{"text", "intents"}}')
    text, intents = row.get("text"), row.get("intents")
    if not isinstance(text, str):
        raise InvalidInput("invalid_example", f'{place}: "text" must be a string')
    if not isinstance(intents, list) or not all(isinstance(name, str) and name for name in intents):
        raise InvalidInput(
            "invalid_example", f'{place}: "intents" must be a list of names, [] = out of scope'
        )
    # JSON may hold half a surrogate pair, which no hash or file can take.
    clean = text.encode("utf-8", "replace").decode("utf-8")
    return Example(text=clean, intents=tuple(dict.fromkeys(intents)))
