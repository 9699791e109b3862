"""Conditions: CEL, checked when loaded, safe to evaluate on whatever values there are."""

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from difflib import get_close_matches
from enum import Enum
from functools import lru_cache
from typing import Any

from cel_expr_python import cel  # type: ignore[import-untyped]

from answerable.definition.condition_text import CelText, CelType, ConditionError, to_cel

__all__ = ["CelType", "Condition", "ConditionError", "Outcome"]

LONGEST_SOURCE = 2000
_TYPES = {
    CelType.BOOL: cel.Type.BOOL,
    CelType.INT: cel.Type.INT,
    CelType.DOUBLE: cel.Type.DOUBLE,
    CelType.MONEY: cel.Type.INT,
    CelType.STRING: cel.Type.STRING,
    CelType.DURATION: cel.Type.DURATION,
    CelType.TIMESTAMP: cel.Type.TIMESTAMP,
    CelType.STRINGS: cel.Type.List(cel.Type.STRING),
    CelType.DYN: cel.Type.DYN,
}
_FAULT = re.compile(r"ERROR: <input>:(\d+):(\d+): (.*)")
_UNDECLARED = re.compile(r"undeclared reference to '([^']+)'")
_OVERLOAD = re.compile(r"found no matching overload for '([^']+)' applied to '\((.*)\)'")
_KINDS = {
    "bool": "true or false",
    "int": "a whole number",
    "double": "a number",
    "string": "a text",
    "google.protobuf.Duration": "a length of time",
    "google.protobuf.Timestamp": "a moment",
}
_INT64 = 2**63


@dataclass(frozen=True, kw_only=True)
class Outcome:
    """What an evaluation gave: `error` says why a condition could not be judged (`holds` False)."""

    holds: bool
    error: str | None = None


@dataclass(frozen=True)
class Condition:
    """A compiled condition. Equal sources are equal conditions.

    names: the variables it reads; values under other names are never looked at.
    """

    source: str
    names: tuple[str, ...] = field(default=(), compare=False)
    _types: Mapping[str, CelType] = field(default_factory=dict, repr=False, compare=False)
    _expression: Any = field(default=None, repr=False, compare=False)

    @staticmethod
    def compile(
        source: str, variables: Mapping[str, CelType], *, read_as: str | None = None
    ) -> "Condition":
        """`source` checked against the variables it may name. Raises ConditionError.

        read_as: what to compile instead, position for position; `source` stays what is shown.
        """
        text = source if read_as is None else read_as
        if len(text) > LONGEST_SOURCE:
            raise ConditionError(1, f"a condition has at most {LONGEST_SOURCE} characters")
        if not text.strip():
            raise ConditionError(1, "an empty condition: leave the key out, or write true")
        written = to_cel(text, variables)
        expression = _compile(written, variables)
        names = tuple(name for name in variables if re.search(_as_word(name), written.text))
        types = {name: variables[name] for name in names}
        return Condition(source, names, types, expression)

    def evaluate(self, values: Mapping[str, Any]) -> bool:
        """Whether the condition holds; what cannot be judged does not hold (see `outcome`).

        values: plain Python by name; `contact.tier` is looked up in the mapping `contact`. A value
        that is absent or None is unknown, and `a || b` still holds if the other side does.
        """
        return self.outcome(values).holds

    def outcome(self, values: Mapping[str, Any]) -> Outcome:
        """As `evaluate`, with the reason why it could not be judged. Never raises."""
        data: dict[str, Any] = {}
        for name, kind in self._types.items():
            value = _look_up(values, name)
            try:
                if value is not None:
                    data[name] = _plain(value, kind)
            except (TypeError, ValueError, OverflowError) as error:
                return Outcome(holds=False, error=f"{name}: {error}")
        try:
            result = self._expression.eval(data=data)
            if result.type() != cel.Type.BOOL:
                return Outcome(holds=False, error=_not_a_bool(result))
        except RuntimeError as error:
            return Outcome(holds=False, error=str(error))
        return Outcome(holds=bool(result.value()))


def undeclared_names(source: str, variables: Mapping[str, CelType]) -> tuple[str, ...]:
    """Names that `source` uses and `variables` lacks, in order. Raises ConditionError if other
    things are wrong too."""
    try:
        _environment(frozenset(variables.items())).compile(to_cel(source, variables).text)
    except RuntimeError as error:
        found = _FAULT.findall(str(error))
        names = [_UNDECLARED.search(message) for _, _, message in found]
        if found and all(names):
            return tuple(dict.fromkeys(name[1].partition(".")[0] for name in names if name))
        Condition.compile(source, variables)
    return ()


@lru_cache(maxsize=256)
def _environment(variables: frozenset[tuple[str, CelType]]) -> cel.Env:
    return cel.NewEnv(variables={name: _TYPES[kind] for name, kind in variables})


def _compile(written: CelText, variables: Mapping[str, CelType]) -> Any:
    try:
        expression = _environment(frozenset(variables.items())).compile(written.text)
    except RuntimeError as error:
        raise _explained(str(error), written, variables) from error
    kind = expression.return_type()
    if kind not in (cel.Type.BOOL, cel.Type.DYN):
        name = _KINDS.get(kind.name().lower(), kind.name().lower())
        raise ConditionError(1, f"this gives {name}: a condition gives true or false")
    return expression


def _explained(error: str, written: CelText, variables: Mapping[str, CelType]) -> ConditionError:
    found = _FAULT.search(error)
    if not found:
        reason = "it is nested too deeply" if "recursion" in error else error.partition("\n")[0]
        return ConditionError(1, f"this condition cannot be read: {reason}")
    lines = written.text.split("\n")[: int(found[1]) - 1]
    offset = sum(len(line) + 1 for line in lines) + int(found[2]) - 1
    message = found[3]
    if undeclared := _UNDECLARED.search(message):
        full = undeclared[1]
        # CEL points at the last dot of a qualified name; people look for its beginning.
        offset -= len(full.rpartition(".")[0])
        message = _unknown(full, variables)
    elif overload := _OVERLOAD.search(message):
        message = _mismatch(overload[1], overload[2])
    else:
        message = message.partition(" expecting")[0].replace("Syntax error: ", "")
        ends = "'<EOF>'" in message and "expecting <EOF>" not in found[3]
        message = "something is missing at the end" if ends else message
        message = f"this cannot be read as a condition: {message}"
    return ConditionError(written.column(offset), message)


def _unknown(name: str, variables: Mapping[str, CelType]) -> str:
    close = get_close_matches(name, variables, n=1, cutoff=0.6)
    if close:
        return f"nothing is called {name} here: did you mean {close[0]}?"
    if not variables:
        return f"nothing is called {name} here"
    known = sorted(variables, key=lambda known: (variables[known] is not CelType.DYN, "." in known))
    shown = ", ".join(known[:12]) + (", ..." if len(known) > 12 else "")
    return f"nothing is called {name} here; there are {shown}"


def _mismatch(operator: str, types: str) -> str:
    sign = operator.strip("_@").replace("_", "")
    kinds = [_KINDS.get(kind.strip(), kind.strip()) for kind in types.split(",")]
    if sign == "!":
        return f"! needs true or false, not {kinds[0]}"
    if len(kinds) == 2:
        return f"{sign} cannot be applied to {kinds[0]} and {kinds[1]}"
    return f"{sign} cannot be applied to {' and '.join(kinds)}"


def _as_word(name: str) -> str:
    return rf"(?<![\w.]){re.escape(name)}(?!\w)"


def _look_up(values: Mapping[str, Any], name: str) -> Any:
    if name in values:
        return values[name]
    head, _, rest = name.partition(".")
    inside = values.get(head) if rest else None
    return inside.get(rest) if isinstance(inside, Mapping) else None


def _plain(value: Any, kind: CelType) -> Any:
    """`value` as CEL takes it. Raises TypeError, ValueError or OverflowError if it cannot be."""
    if isinstance(value, Enum):
        value = value.value
    match kind, value:
        case (CelType.DYN, _):
            return _plain_deep(value)
        case (CelType.BOOL, bool()) | (CelType.STRING, str()):
            return value
        case (CelType.DOUBLE, int() | float()) if not isinstance(value, bool):
            return float(value)
        case (CelType.INT | CelType.MONEY, int()) if not isinstance(value, bool):
            return _small(value)
        case (CelType.INT, float()) if value.is_integer():
            return _small(int(value))
        case (CelType.DURATION, timedelta()) | (CelType.TIMESTAMP, datetime()):
            return value
        case (CelType.STRINGS, list() | tuple() | set() | frozenset()):
            return [str(item) for item in value]
    raise TypeError(f"expected {kind.value}, got {type(value).__name__}")


def _plain_deep(value: Any) -> Any:
    match value:
        case Enum():
            return _plain_deep(value.value)
        case None | bool() | float() | str() | timedelta() | datetime():
            return value
        case int():
            return _small(value)
        case Mapping():
            return {str(key): _plain_deep(item) for key, item in value.items()}
        case list() | tuple() | set() | frozenset():
            return [_plain_deep(item) for item in value]
    raise TypeError(f"a {type(value).__name__} cannot be used in a condition")


def _small(value: int) -> int:
    if not -_INT64 <= value < _INT64:
        raise OverflowError("the number has more than 64 bits")
    return value


def _not_a_bool(result: Any) -> str:
    if result.type() == cel.Type.ERROR:
        return str(result.value())
    return f"it gave {result.type().name()} instead of true or false"
