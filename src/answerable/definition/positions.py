"""Reading YAML and JSON into plain data while remembering where each key and value stands.

Plain words are read as in YAML 1.2: `no`, `off` and `9:00` are texts. Bounded in size, depth and
in what aliases may unfold to, because definitions are uploaded by people we do not know.
"""

import json
import math
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

import yaml

from answerable.definition.keys import camel
from answerable.definition.problem import Finding, Position

LARGEST_BYTES = 5 * 1024 * 1024
DEEPEST = 40
MOST_VALUES = 400_000

Where = tuple[str | int, ...]
_Loader = getattr(yaml, "CSafeLoader", yaml.SafeLoader)
_INT = re.compile(r"[-+]?[0-9]+|0x[0-9a-fA-F]+|0o[0-7]+")
_FLOAT = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
# Characters that JSON allows in texts, but that YAML forbids or takes for the end of a line.
_NOT_IN_YAML = re.compile("[\x7f-\x9f\u2028\u2029\ufeff\ufffe\uffff]")
_HALVES = re.compile(
    r"(?<!\\)((?:\\\\)*)\\u(d[89ab][0-9a-f]{2})\\u(d[c-f][0-9a-f]{2})", re.IGNORECASE
)
_BARE_SIGN = re.compile(r"(?:[:\-,\[{]\s+|[\[{])[!&*]")
_OLD_BOOLEANS = frozenset({"yes", "no", "on", "off"})
_TAG = "tag:yaml.org,2002:"


class UnreadableDocument(Exception):
    """The text is no YAML or JSON document that we take."""

    def __init__(self, message: str, position: Position) -> None:
        super().__init__(message)
        self.message = message
        self.position = position


@dataclass(kw_only=True)
class Document:
    """Plain data with its places.

    values, keys: where the value, or the key that leads to it, begins; () is the whole document.
    texts: where the characters of a text begin, behind its quote, if it stands in one line.
    blocks: texts that stand in lines of their own, below a `|`.
    remarks: what a reader would have wanted to be told, with its place.
    """

    data: Any = None
    values: dict[Where, Position] = field(default_factory=dict)
    keys: dict[Where, Position] = field(default_factory=dict)
    texts: dict[Where, Position] = field(default_factory=dict)
    blocks: set[Where] = field(default_factory=set)
    remarks: list[tuple[Position, str]] = field(default_factory=list)

    def place(self, finding: Finding) -> Position:
        """Where `finding` points; keys may be named in any spelling, made-up steps are passed."""
        where = self._path(finding.where)
        if finding.at_key and where in self.keys:
            return self.keys[where]
        if finding.text_line and where in self.blocks:
            return Position(line=self.values[where].line + finding.text_line, column=1)
        text = self.texts.get(where) if finding.offset else None
        if text:
            return Position(line=text.line, column=text.column + finding.offset)
        return self.values[where]

    def _path(self, wanted: Where) -> Where:
        data: Any = self.data
        path: Where = ()
        for step in wanted:
            found = _child(data, step)
            if found is not None:
                data, path = data[found], (*path, found)
        return path


def _child(data: Any, step: str | int) -> Any:
    if isinstance(data, list):
        return step if isinstance(step, int) and 0 <= step < len(data) else None
    if not isinstance(data, dict):
        return None
    if step in data:
        return step
    names = [camel(name) for name in str(step).split("|")]
    return next((key for name in names for key in data if camel(key) == name), None)


@dataclass(kw_only=True)
class _Node:
    """A value as written: a scalar, a list of nodes, or pairs of nodes."""

    position: Position
    text: Position | None = None
    scalar: Any = None
    items: "list[_Node] | None" = None
    pairs: "list[tuple[_Node, _Node]] | None" = None
    plain: bool = False
    block: bool = False
    complete: bool = False


def read_document(text: bytes) -> Document:
    """The document in `text`, UTF-8. Raises UnreadableDocument."""
    if len(text) > LARGEST_BYTES:
        raise UnreadableDocument(
            f"the file has {len(text)} bytes: a definition has at most {LARGEST_BYTES}", _START
        )
    decoded = _decode(text)
    if decoded.lstrip()[:1] == "{":
        decoded = _strict_json(decoded)
    document = Document()
    try:
        root = _compose(decoded)
        document.data = _Unfolding(document).unfold(root, (), 0)
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = Position(line=mark.line + 1, column=mark.column + 1) if mark else _START
        raise UnreadableDocument(_yaml_message(error, decoded, place), place) from error
    except yaml.YAMLError as error:
        raise UnreadableDocument(f"this is not YAML: {error}", _START) from error
    return document


_START = Position(line=1, column=1)


def _decode(text: bytes) -> str:
    try:
        decoded = text.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        before = text[: error.start]
        line_start = before.rfind(b"\n") + 1
        place = Position(
            line=before.count(b"\n") + 1,
            column=len(before[line_start:].decode("utf-8", "replace")) + 1,
        )
        raise UnreadableDocument("this is not UTF-8: save the file as UTF-8", place) from error
    return decoded.replace("\r\n", "\n")


def _strict_json(text: str) -> str:
    """`text`, checked as JSON, in a form that YAML reads alike: tabs may only be between values."""
    try:
        json.loads(text, parse_constant=_no_constant)
    except json.JSONDecodeError as error:
        if re.match(r"\s*\{\s*['A-Za-z_}]", text):
            return text  # YAML's own braces; the YAML reader explains what is wrong, if anything is
        place = Position(line=error.lineno, column=error.colno)
        raise UnreadableDocument(f"this is not JSON: {error.msg}", place) from error
    except (ValueError, RecursionError) as error:
        raise UnreadableDocument(f"this is not JSON: {error}", _START) from error
    text = _NOT_IN_YAML.sub(lambda found: f"\\u{ord(found[0]):04x}", text.replace("\t", " "))
    return _HALVES.sub(_whole_character, text)


def _whole_character(found: re.Match[str]) -> str:
    """JSON writes rare characters as two halves, which YAML does not know."""
    halves = bytes.fromhex(found[2] + found[3])
    return found[1] + halves.decode("utf-16-be")


def _no_constant(name: str) -> Any:
    raise ValueError(f"{name} is not a number that can be compared")


def _yaml_message(error: yaml.MarkedYAMLError, text: str, place: Position) -> str:
    problem = error.problem or error.context or "it cannot be read"
    lines = text.split("\n")
    line = lines[place.line - 1] if place.line <= len(lines) else ""
    if "\t" in line[: len(line) - len(line.lstrip())]:
        problem = "a tab cannot indent: use spaces"
    elif _BARE_SIGN.search(line):
        problem = "a text that begins with !, & or * needs quotes"
    elif "mapping values are not allowed" in problem:
        problem = "a second ': ' in one line: put the text in quotes"
    return f"this is not YAML: {problem}"


def _compose(text: str) -> _Node:
    """The tree of nodes; aliases share a node. No recursion, so depth cannot exhaust the stack."""
    root: _Node | None = None
    stack: list[_Node] = []
    waiting_keys: list[list[_Node]] = []
    anchors: dict[str, _Node] = {}
    for event in yaml.parse(text, Loader=_Loader):
        if isinstance(event, yaml.CollectionEndEvent):
            stack.pop().complete = True
            waiting_keys.pop()
            continue
        if isinstance(event, yaml.DocumentStartEvent) and root is not None:
            raise UnreadableDocument("a second document begins here: keep one", _place(event))
        if not isinstance(event, yaml.NodeEvent):
            continue
        node = _node(event, anchors)
        if stack:
            _attach(stack[-1], waiting_keys[-1], node)
        else:
            root = node
        if isinstance(event, yaml.CollectionStartEvent):
            stack.append(node)
            waiting_keys.append([])
            if len(stack) > DEEPEST:
                raise UnreadableDocument(f"nested more than {DEEPEST} levels", _place(event))
    if root is None:
        raise UnreadableDocument("the file is empty: begin with `service: your-name`", _START)
    return root


def _place(event: Any) -> Position:
    return Position(line=event.start_mark.line + 1, column=event.start_mark.column + 1)


def _node(event: Any, anchors: dict[str, _Node]) -> _Node:
    place = _place(event)
    if isinstance(event, yaml.AliasEvent):
        found = anchors.get(event.anchor or "")
        if found is None or not found.complete:
            raise UnreadableDocument(f"*{event.anchor} names nothing defined before it", place)
        return found
    if isinstance(event, yaml.SequenceStartEvent):
        node = _Node(position=place, items=[])
    elif isinstance(event, yaml.MappingStartEvent):
        node = _Node(position=place, pairs=[])
    else:
        plain = not event.style and event.tag is None
        node = _Node(
            position=place,
            text=_text_place(event),
            plain=plain,
            block=event.style == "|",
            scalar=_scalar(event, plain),
            complete=True,
        )
    if event.tag and event.tag not in {_TAG + kind for kind in ("str", "map", "seq")}:
        raise UnreadableDocument(_tag_message(event.tag), place)
    if event.anchor:
        anchors[event.anchor] = node
    return node


def _tag_message(tag: str) -> str:
    if tag.startswith("!"):
        return f"a text that begins with ! needs quotes: '{tag} ...'"
    return f"the tag {tag} is not taken: leave it out"


def _text_place(event: Any) -> Position | None:
    if event.style in ("|", ">") or event.start_mark.line != event.end_mark.line:
        return None
    place = _place(event)
    return Position(line=place.line, column=place.column + 1) if event.style else place


def _attach(parent: _Node, waiting: list[_Node], node: _Node) -> None:
    if parent.items is not None:
        parent.items.append(node)
    elif waiting:
        assert parent.pairs is not None
        parent.pairs.append((waiting.pop(), node))
    else:
        waiting.append(node)


def _scalar(event: Any, plain: bool) -> Any:
    text: str = event.value
    if not plain:
        return text
    if text in ("", "~", "null", "Null", "NULL"):
        return None
    if text.lower() in ("true", "false") and text in (text.lower(), text.title(), text.upper()):
        return text.lower() == "true"
    if _INT.fullmatch(text) and len(text) < 20:
        return int(text, 0 if text[:2] in ("0x", "0o") else 10)
    if _FLOAT.fullmatch(text):
        number = float(text)
        if math.isinf(number):
            raise UnreadableDocument(f"{text} is too large a number", _place(event))
        return number
    return text


class _Unfolding:
    """Turns nodes into plain data, noting places, within the budget of values."""

    def __init__(self, document: Document) -> None:
        self._document = document
        self._left = MOST_VALUES

    def unfold(self, node: _Node, where: Where, depth: int) -> Any:
        self._left -= 1
        if self._left < 0 or depth > DEEPEST:
            raise UnreadableDocument("aliases unfold to too many values", node.position)
        self._document.values[where] = node.position
        if node.text:
            self._document.texts[where] = node.text
        if node.block:
            self._document.blocks.add(where)
        if node.items is not None:
            return [
                self.unfold(item, (*where, at), depth + 1) for at, item in enumerate(node.items)
            ]
        if node.pairs is not None:
            return dict(self._entries(node.pairs, where, depth))
        if node.plain and str(node.scalar).lower() in _OLD_BOOLEANS:
            self._document.remarks.append((node.position, _old_boolean(node.scalar)))
        return node.scalar

    def _entries(
        self, pairs: list[tuple[_Node, _Node]], where: Where, depth: int
    ) -> Iterator[tuple[str, Any]]:
        seen: dict[str, Position] = {}
        for key_node, value in pairs:
            key = self._key(key_node)
            if key in seen:
                first = seen[key]
                raise UnreadableDocument(
                    f"{key} is given twice, first in line {first.line}: keep one",
                    key_node.position,
                )
            seen[key] = key_node.position
            inside = (*where, key)
            self._document.keys[inside] = key_node.position
            yield key, self.unfold(value, inside, depth + 1)

    def _key(self, node: _Node) -> str:
        if node.items is not None or node.pairs is not None or node.scalar is None:
            raise UnreadableDocument("a key must be a text", node.position)
        if node.scalar == "<<" and node.plain:
            raise UnreadableDocument("<< is not taken: write the keys out", node.position)
        if isinstance(node.scalar, str):
            return node.scalar
        return str(node.scalar).lower() if isinstance(node.scalar, bool) else str(node.scalar)


def _old_boolean(word: str) -> str:
    return f"{word} is read as a text, not as a boolean: write true or false, or quote it"
