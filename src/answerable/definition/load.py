"""Loading a service definition: bytes in, a typed definition or explained problems out."""

import re
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from pydantic import ValidationError

from answerable.definition.actions import ActionCatalogue
from answerable.definition.build import build
from answerable.definition.calendar import read_timezone
from answerable.definition.check import check
from answerable.definition.document import ServiceDocument
from answerable.definition.explain import explained
from answerable.definition.keys import Model, Reading, camel
from answerable.definition.positions import (
    LARGEST_BYTES,
    Document,
    UnreadableDocument,
    read_document,
)
from answerable.definition.problem import Finding, Position, Problem, Severity
from answerable.definition.reading import Notes
from answerable.definition.schema import ServiceDefinition, Where
from answerable.kit.canonical import canonical_json, sha256_hex

Further = Callable[[ServiceDefinition], Iterable[Finding]]

# What web pages show in place of an address that they hide from robots.
_HIDDEN_ADDRESS = re.compile(r"\[?e-?mail\s+protected\]?", re.IGNORECASE)
_SPACED_NAME = re.compile(r"[a-z]+(?: [A-Z][a-z]+)+")


@dataclass(frozen=True, kw_only=True)
class LoadResult:
    """definition: None if any problem is an error. problems: in the order of the file."""

    definition: ServiceDefinition | None
    problems: tuple[Problem, ...]

    @property
    def errors(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "error")

    @property
    def warnings(self) -> tuple[Problem, ...]:
        return tuple(problem for problem in self.problems if problem.severity == "warning")


def load_definition(
    source: Path | str,
    text: bytes | None = None,
    *,
    actions: ActionCatalogue | None = None,
    further: Further | None = None,
) -> LoadResult:
    """The definition in the file `source`, or in `text` if given (`source` then only names it).

    actions: what steps may name; without it actions and their parameters go unchecked.
    further: a check that needs more than the definition, for who asks to be told of everything.
    Never raises for what the file says; an unreadable file is a problem like any other.
    """
    file = str(source)
    try:
        document = read_document(_bytes(Path(source)) if text is None else text)
    except OSError as error:
        reason = error.strerror or str(error)
        return _failed(file, f"cannot be read: {reason}", Position(line=1, column=1))
    except UnreadableDocument as error:
        return _failed(file, error.message, error.position)
    return _load(document, file, actions, further)


def _bytes(path: Path) -> bytes:
    with path.open("rb") as file:
        return file.read(LARGEST_BYTES + 1)


def _failed(file: str, message: str, place: Position) -> LoadResult:
    return LoadResult(definition=None, problems=(_problem("error", file, place, message),))


def _problem(severity: Severity, file: str, place: Position, message: str) -> Problem:
    return Problem(
        severity=severity, file=file, line=place.line, column=place.column, message=message
    )


def _load(
    document: Document, file: str, actions: ActionCatalogue | None, further: Further | None
) -> LoadResult:
    if not isinstance(document.data, dict):
        message = "a definition has keys with values: begin with `service: your-name`"
        return _failed(file, message, document.values[()])
    digest = sha256_hex(canonical_json(document.data))
    findings = list(_without_hidden_addresses(document.data))
    reading = Reading()
    definition: ServiceDefinition | None = None
    try:
        shape = ServiceDocument.model_validate(document.data, context=reading)
    except ValidationError as error:
        findings += explained(error, reading, document.data)
    else:
        notes = Notes()
        _check_timezone(shape, notes)
        definition = build(shape, notes, digest=digest, actions=actions)
        findings += [*notes.findings, *check(definition, actions)]
        findings += further(definition) if further else ()
    findings += _KeyReader(reading).walk(document.data, ())
    return _result(document, file, findings, definition)


def _result(
    document: Document, file: str, findings: list[Finding], definition: ServiceDefinition | None
) -> LoadResult:
    problems = [_problem("warning", file, place, text) for place, text in document.remarks]
    problems += [
        _problem(finding.severity, file, document.place(finding), _told(document, file, finding))
        for finding in findings
    ]
    wrong = {(found.line, found.column) for found in problems if found.severity == "error"}
    # A remark inside an alias is found once for each use, at one place.
    unique = dict.fromkeys(
        found
        for found in problems
        if found.severity == "error" or (found.line, found.column) not in wrong
    )
    ordered = sorted(unique, key=lambda problem: (problem.line, problem.column))
    failed = any(problem.severity == "error" for problem in ordered)
    return LoadResult(definition=None if failed else definition, problems=tuple(ordered))


def _told(document: Document, file: str, finding: Finding) -> str:
    if not finding.other:
        return finding.message
    place = document.place(replace(finding, where=finding.other))
    return f"{finding.message} (the other: {file}:{place.line}:{place.column})"


def _check_timezone(shape: ServiceDocument, notes: Notes) -> None:
    try:
        read_timezone(shape.timezone)
    except ValueError as error:
        notes.error(("timezone",), str(error))


def _without_hidden_addresses(data: dict[str, Any]) -> Iterator[Finding]:
    """Takes out addresses that a web page had hidden: `[email protected]`, in YAML a list."""
    channels = data.get("channels")
    for at, channel in enumerate(channels if isinstance(channels, list) else ()):
        address = channel.get("address") if isinstance(channel, dict) else None
        words = address[0] if isinstance(address, list) and len(address) == 1 else address
        if isinstance(words, str) and _HIDDEN_ADDRESS.fullmatch(words.strip()):
            channel["address"] = None
            yield Finding(
                severity="warning",
                where=("channels", at, "address"),
                message="[email protected] is what web pages show instead of an address (to YAML "
                "it is a list): write the real one, such as address: support@example.com",
            )


class _KeyReader:
    """One warning for each kind of key that nothing acts on, and for odd spellings."""

    def __init__(self, reading: Reading) -> None:
        self._reading = reading
        self._told: set[tuple[type[Model], str]] = set()

    def walk(self, value: Any, where: Where, *, told: bool = False) -> Iterator[Finding]:
        """told: a key above has been warned of, so that those below need no warning."""
        if isinstance(value, list):
            yield from _spaced_items(value, where)
            for at, item in enumerate(value):
                yield from self.walk(item, (*where, at), told=told)
        elif isinstance(value, dict):
            model = self._reading.models.get(id(value))
            for key, item in value.items():
                inside = (*where, key)
                yield from _spaced_key(model, key, inside)
                waits = model is not None and _waits(model, key)
                if model is not None and waits and not told:
                    yield from self._tell(model, key, inside)
                yield from self.walk(item, inside, told=told or waits)

    def _tell(self, model: type[Model], key: str, where: Where) -> Iterator[Finding]:
        if (model, camel(key)) not in self._told:
            self._told.add((model, camel(key)))
            message = f"{key} is read, not yet acted on"
            yield Finding(severity="warning", where=where, message=message, at_key=True)


def _waits(model: type[Model], key: str) -> bool:
    if camel(key) in model.keys():  # noqa: SIM118
        return camel(key) in model.waiting_keys()
    return model.names_wait()


def _spaced_key(model: type[Model] | None, key: str, where: Where) -> Iterator[Finding]:
    if model is not None and " " in key and camel(key) in model.keys():  # noqa: SIM118
        message = f"the key has a space: read as {camel(key)}"
        yield Finding(severity="warning", where=where, message=message, at_key=True)


def _spaced_items(items: list[Any], where: Where) -> Iterator[Finding]:
    """`concurrent Requests` among `queryComplexity` and the like is a slip."""
    names = [item for item in items if isinstance(item, str)]
    others_are_names = all(_SPACED_NAME.fullmatch(name) or name.isidentifier() for name in names)
    for at, item in enumerate(items):
        if isinstance(item, str) and _SPACED_NAME.fullmatch(item) and others_are_names:
            message = f"{item!r} has a space: {camel(item)} was probably meant"
            yield Finding(severity="warning", where=(*where, at), message=message)
