"""The page of limits says what the source says, and every limit has a test."""

import ast
import dataclasses
import importlib
import re
from datetime import timedelta
from functools import cache
from typing import Any

import pytest

from tests.architecture.source import ROOT

PAGE = ROOT / "docs" / "reference" / "limits.md"
UNITS = {"": 1, "KiB": 2**10, "MiB": 2**20, "s": 1, "h": 3600}
ROWS = [
    [cell.strip() for cell in line.strip("|").split("|")]
    for line in PAGE.read_text(encoding="utf-8").splitlines()
    if line.startswith("| ") and not line.startswith("| limit ")
]


def valued() -> list[tuple[str, str]]:
    return [(row[1].strip("`"), row[2]) for row in ROWS if row[1].startswith("`")]


def constant(path: str) -> Any:
    """The value under a dotted path: a module's constant, or a field's default."""
    parts = path.split(".")
    for length in range(len(parts) - 1, 0, -1):
        try:
            found: Any = importlib.import_module(".".join(parts[:length]))
        except ModuleNotFoundError:
            continue
        for name in parts[length:]:
            found = _default(found, name)
        return found.total_seconds() if isinstance(found, timedelta) else found
    raise AssertionError(f"{path} is nowhere")


def _default(holder: Any, name: str) -> Any:
    if dataclasses.is_dataclass(holder):
        return next(one.default for one in dataclasses.fields(holder) if one.name == name)
    fields = getattr(holder, "model_fields", {})
    return fields[name].default if name in fields else getattr(holder, name)


def number(text: str) -> float:
    match = re.fullmatch(r"([\d,]+(?:\.\d+)?) ?(\w*)", text)
    assert match is not None, text
    return float(match[1].replace(",", "")) * UNITS[match[2]]


@cache
def known_tests() -> frozenset[str]:
    return frozenset(
        node.name
        for path in (ROOT / "tests").rglob("test_*.py")
        for node in ast.walk(ast.parse(path.read_text(encoding="utf-8")))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
    )


@pytest.mark.parametrize(("path", "value"), valued())
def test_a_limit_is_what_the_page_says(path: str, value: str) -> None:
    assert constant(path) == number(value)


def test_every_limit_has_a_test_that_exists() -> None:
    assert [row[0] for row in ROWS if row[4].strip("`") not in known_tests()] == []


def test_a_slow_reader_is_closed_within_thirty_seconds() -> None:
    timing = "answerable.channels.chat.service.Timing"
    assert constant(f"{timing}.send_within") + constant(f"{timing}.close_within") <= 30
