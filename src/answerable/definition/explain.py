"""From pydantic's errors to sentences that say what to write instead."""

from collections.abc import Iterator, Mapping, Sequence
from difflib import get_close_matches
from typing import Any

from pydantic import ValidationError
from pydantic_core import ErrorDetails

from answerable.definition.keys import Model, Reading, camel
from answerable.definition.problem import Finding

_EXPECTED = {
    "string_type": "a text",
    "int_type": "a whole number",
    "int_from_float": "a whole number",
    "int_parsing": "a whole number",
    "float_type": "a number",
    "float_parsing": "a number",
    "bool_type": "true or false",
    "bool_parsing": "true or false",
    "tuple_type": "a list",
    "list_type": "a list",
    "mapping_type": "keys with values",
    "dict_type": "keys with values",
    "model_type": "keys with values",
    "model_attributes_type": "keys with values",
}
_PATTERNS = {
    "^[a-z0-9]+(-[a-z0-9]+)*$": "small letters, digits and hyphens, such as northwind-bank",
    "^[A-Z][A-Z0-9_]*$": "the name of a setting, such as NORTHWIND_CHAT_SECRET, not the secret",
    "^[a-z]{2,3}(-[A-Za-z0-9]{2,8})*$": "a language tag, such as en or pt-BR",
    "^[a-zA-Z]\\w*$": "a name of letters, digits and _, such as card",
}
_BOUNDS = {
    "greater_than_equal": ("at least", "ge"),
    "less_than_equal": ("at most", "le"),
    "greater_than": ("more than", "gt"),
    "less_than": ("less than", "lt"),
}


def explained(error: ValidationError, reading: Reading, data: Any) -> Iterator[Finding]:
    """A finding for each of pydantic's errors; several about one place give only the first."""
    seen: set[tuple[str | int, ...]] = set()
    for detail in error.errors(include_url=False):
        where = _real_place(detail["loc"], data, missing=detail["type"] == "missing")
        if where in seen or detail["type"] == "default_factory_not_called":
            continue
        seen.add(where)
        if detail["type"] == "extra_forbidden":
            yield _unknown_key(where, reading, data)
        elif detail["type"] == "missing":
            yield _missing(detail, where)
        else:
            at_key = detail["loc"][-1:] == ("[key]",)
            yield Finding(
                severity="error", where=where, message=_message(detail, where), at_key=at_key
            )


def did_you_mean(name: str, known: Mapping[str, Any] | list[str] | tuple[str, ...]) -> str:
    """`: did you mean x?`, or what there is to choose from."""
    # Comparing is slow, and a definition may be wrong in thousands of places.
    close = get_close_matches(name[:100], list(known)[:500], n=1, cutoff=0.6)
    if close:
        return f": did you mean {close[0]}?"
    if not known:
        return ""
    names = sorted(known)
    shown = ", ".join(names[:8]) + (", ..." if len(names) > 8 else "")
    return f": there are {shown}" if len(names) > 1 else f": there is only {shown}"


def shown(value: Any) -> str:
    """A value as a message quotes it."""
    match value:
        case None:
            return "nothing"
        case bool():
            return str(value).lower()
        case list() | tuple():
            return "a list"
        case dict():
            return "keys with values"
        case str():
            return repr(value if len(value) <= 60 else value[:57] + "...")
    return str(value)


def _message(detail: ErrorDetails, where: Sequence[str | int]) -> str:
    kind, value, context = detail["type"], detail["input"], detail.get("ctx", {})
    steps = [step for step in detail["loc"] if step != "[key]"]
    if len(steps) < len(detail["loc"]):
        steps = steps[:-1]
    key = next((str(step) for step in reversed(steps) if isinstance(step, str)), "this")
    if kind in _EXPECTED:
        return f"{key} must be {_EXPECTED[kind]}, not {shown(value)}"
    if detail["loc"][-1:] == ("[key]",):
        owner = where[-2] if len(where) > 1 else key  # as it stands in the document
        return f"{owner} has no key {value}" + _choose_key(str(value), context)
    if kind in ("literal_error", "enum"):
        choices = str(context["expected"]).replace("'", "").replace(" or ", ", ").split(", ")
        return f"{key} cannot be {shown(value)}{_choose(str(value), choices)}"
    if kind in _BOUNDS:
        words, bound = _BOUNDS[kind]
        return f"{key} must be {words} {context[bound]:g}, not {shown(value)}"
    if kind == "string_pattern_mismatch":
        wanted = _PATTERNS.get(context["pattern"], context["pattern"])
        return f"{key} cannot be {shown(value)}: write {wanted}"
    if kind == "string_too_short":
        return f"{key} needs at least {context['min_length']} character(s)"
    if kind == "string_too_long":
        return f"{key} has at most {context['max_length']} characters"
    if kind == "value_error":
        return str(context.get("error", detail["msg"]))
    return f"{key}: {detail['msg']}"


def _choose_key(value: str, context: dict[str, Any]) -> str:
    expected = str(context.get("expected", "")).replace("'", "").replace(" or ", ", ")
    return _choose(value, expected.split(", ")) if expected else ""


def _choose(value: str, choices: list[str]) -> str:
    close = get_close_matches(value, choices, n=1, cutoff=0.6)
    if close:
        return f": did you mean {close[0]}?"
    return f": write one of {', '.join(choices)}".replace("True, False", "true, false")


def _missing(detail: ErrorDetails, where: tuple[str | int, ...]) -> Finding:
    key = str(detail["loc"][-1])
    return Finding(severity="error", where=where, message=f"{key} is missing: add `{key}: ...`")


def _unknown_key(where: tuple[str | int, ...], reading: Reading, data: Any) -> Finding:
    parent, key = _at(data, where[:-1]), str(where[-1]) if where else "?"
    model: type[Model] | None = reading.models.get(id(parent))
    known = list(model.keys()) if model else []
    close = get_close_matches(camel(key), known, n=1, cutoff=0.6)
    hint = f"did you mean {close[0]}?" if close else f"the keys here are {', '.join(known)}"
    return Finding(severity="error", where=where, message=f"unknown key {key}: {hint}", at_key=True)


def _real_place(
    loc: tuple[str | int, ...], data: Any, *, missing: bool = False
) -> tuple[str | int, ...]:
    """The steps of `loc` that exist in the document, as the document spells them."""
    path: list[str | int] = []
    for step in loc[:-1] if missing else loc:
        if isinstance(data, dict):
            found = next((key for key in data if key == step), None)
            found = found or next((key for key in data if camel(key) == step), None)
            if found is not None:
                path, data = [*path, found], data[found]
        elif isinstance(data, list) and isinstance(step, int) and step < len(data):
            path, data = [*path, step], data[step]
    return tuple(path)


def _at(data: Any, where: tuple[str | int, ...]) -> Any:
    for step in where:
        data = data[step]
    return data
