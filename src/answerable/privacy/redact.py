"""Redaction of JSON lines, for the command line."""

import json
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any

from answerable.kit.errors import InvalidInput
from answerable.privacy.detect import find
from answerable.privacy.mask import DEFAULT_POLICY, mask

FINE, FOUND_SOMETHING_WRONG = 0, 1


@dataclass
class Redaction:
    """Iterate over the results; ask for `exit_code` when they are used up.

    lines: {"id": any, "text": str} each. complain: told about each line that is not, with its
    number; the others are still redacted.
    """

    lines: Iterable[str]
    complain: Callable[[str], None]
    exit_code: int = field(default=FINE, init=False)

    def __iter__(self) -> Iterator[str]:
        for number, line in enumerate(self.lines, start=1):
            if not line.strip():
                continue
            try:
                yield redact_line(line)
            except InvalidInput as error:
                self.exit_code = FOUND_SOMETHING_WRONG
                self.complain(f"line {number}: {error.message}")


def redact_line(line: str) -> str:
    """One result line: id, redacted text, and the entities with offsets into the original text.

    Handles count anew in each line. Raises InvalidInput if the line is not what it should be.
    """
    document = _parsed(line)
    text: str = document["text"]
    spans = find(text)
    numbers: dict[tuple[str, str], int] = {}
    counts: dict[str, int] = {}

    def number(kind: str, value: str) -> int:
        if (kind, value) not in numbers:
            counts[kind] = counts.get(kind, 0) + 1
            numbers[kind, value] = counts[kind]
        return numbers[kind, value]

    masked = mask(text, number=number, policy=DEFAULT_POLICY, spans=spans)
    entities = [{"type": span.type, "start": span.start, "end": span.end} for span in spans]
    result = {"id": document.get("id"), "text": masked.text, "entities": entities}
    return json.dumps(result, ensure_ascii=False)


def _parsed(line: str) -> dict[str, Any]:
    try:
        document = json.loads(line)
    except (json.JSONDecodeError, RecursionError) as error:
        where = f" at column {error.colno}" if isinstance(error, json.JSONDecodeError) else ""
        raise InvalidInput("bad_line", f"this is not JSON{where}") from error
    if not isinstance(document, dict):
        raise InvalidInput("bad_line", 'expected an object {"id": …, "text": …}')
    if not isinstance(document.get("text"), str):
        raise InvalidInput("bad_line", '"text" is missing or is not a string')
    if "id" not in document:
        raise InvalidInput("bad_line", '"id" is missing')
    return document
