"""What is wrong with a definition, where, and what to write instead."""

from dataclasses import dataclass
from typing import Literal

Severity = Literal["error", "warning"]


@dataclass(frozen=True, kw_only=True, order=True)
class Position:
    """A place in a file; line and column count from 1."""

    line: int
    column: int


@dataclass(frozen=True, kw_only=True)
class Problem:
    """One finding. An error keeps the definition from being used, a warning does not."""

    severity: Severity
    file: str
    line: int
    column: int
    message: str

    def __str__(self) -> str:
        mark = "" if self.severity == "error" else "warning: "
        return f"{self.file}:{self.line}:{self.column}: {mark}{self.message}"


@dataclass(frozen=True, kw_only=True)
class Finding:
    """A problem whose place is still given as keys and list positions from the top.

    A step of `where` may name alternatives (`team|assignTo`): the first that is there is meant.
    at_key: the key itself is meant, not its value. offset: columns to the right of the value.
    text_line: line within a text of several lines, from 1. other: a second place, to be named.
    """

    severity: Severity
    where: tuple[str | int, ...]
    message: str
    at_key: bool = False
    offset: int = 0
    text_line: int = 0
    other: tuple[str | int, ...] = ()
