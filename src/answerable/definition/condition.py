"""Conditions: CEL, checked when loaded, safe to evaluate on whatever values there are."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import Enum
from typing import Any


class CelType(Enum):
    """What a variable of a condition may hold. Money is an INT of minor units (cents)."""

    BOOL = "bool"
    INT = "int"
    DOUBLE = "double"
    STRING = "string"
    DURATION = "duration"
    TIMESTAMP = "timestamp"
    STRINGS = "list of strings"
    DYN = "dyn"


class ConditionError(ValueError):
    """A condition that cannot be compiled; column: 1-based, within the condition's text."""

    def __init__(self, column: int, message: str) -> None:
        super().__init__(message)
        self.column = column
        self.message = message


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an evaluation gave: `error` says why a condition could not be judged (`holds` False)."""

    holds: bool
    error: str | None = None


@dataclass(frozen=True)
class Condition:
    """A compiled condition. Equal sources are equal conditions."""

    source: str
    _expression: Any = field(default=None, repr=False, compare=False)

    @staticmethod
    def compile(source: str, variables: Mapping[str, CelType]) -> "Condition":
        """`source` checked against the variables it may name. Raises ConditionError."""
        raise NotImplementedError

    def evaluate(self, values: Mapping[str, Any]) -> bool:
        """Whether the condition holds; what cannot be judged does not hold (see `outcome`)."""
        return self.outcome(values).holds

    def outcome(self, values: Mapping[str, Any]) -> Outcome:
        """As `evaluate`, with the reason why it could not be judged."""
        raise NotImplementedError
