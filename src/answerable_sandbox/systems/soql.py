"""The part of SOQL that the CRM understands.

SELECT a, b.c FROM T [WHERE f = 'v' AND g = true AND h IN ('x', 'y')] [ORDER BY f [DESC]] [LIMIT n]
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from answerable_sandbox.problems import Problem

_TEXT = r"'(?:[^'\\]|\\.){0,2000}'"
_VALUE = rf"(?:{_TEXT}|true|false|null)"
_CONDITION = rf"[\w.]{{1,120}}\s*(?:=\s*{_VALUE}|IN\s*\(\s*{_TEXT}(?:\s*,\s*{_TEXT}){{0,200}}\s*\))"
_QUERY = re.compile(
    r"\s*SELECT\s+(?P<fields>[\w\s,.]{1,1000}?)\s+FROM\s+(?P<name>\w{1,40})"
    rf"(?:\s+WHERE\s+(?P<where>{_CONDITION}(?:\s+AND\s+{_CONDITION}){{0,10}}))?"
    r"(?:\s+ORDER\s+BY\s+(?P<order>\w{1,80})(?P<way>\s+(?:ASC|DESC))?)?"
    r"(?:\s+LIMIT\s+(?P<limit>\d{1,4}))?\s*",
    re.IGNORECASE,
)
_ONE = re.compile(r"(?P<field>[\w.]+)\s*(?P<how>=|IN)\s*(?P<rest>.*)", re.IGNORECASE | re.DOTALL)
Reading = Callable[[str], Any]
"""A record as a query sees it: the value of a field, which may be another record's."""


@dataclass(frozen=True, kw_only=True)
class Query:
    """where: (field, values one of which it must have), all of which must hold."""

    fields: tuple[str, ...]
    name: str
    where: tuple[tuple[str, tuple[Any, ...]], ...]
    order: str | None
    descending: bool
    limit: int

    def fits(self, read: Reading) -> bool:
        """Whether a record has what is asked for."""
        return all(read(field) in values for field, values in self.where)


def parse(text: str) -> Query:
    """Raises Problem 400 `MALFORMED_QUERY`."""
    match = _QUERY.fullmatch(text)
    if match is None:
        raise Problem(400, "MALFORMED_QUERY", "unexpected token")
    return Query(
        fields=tuple(field.strip() for field in match["fields"].split(",")),
        name=match["name"],
        where=tuple(_condition(one) for one in re.findall(_CONDITION, match["where"] or "", re.I)),
        order=match["order"],
        descending=(match["way"] or "").strip().upper() == "DESC",
        limit=int(match["limit"] or 2000),
    )


def _condition(text: str) -> tuple[str, tuple[Any, ...]]:
    match = _ONE.fullmatch(text)
    assert match is not None
    rest = match["rest"].strip()
    if match["how"] == "=" and not rest.startswith("'"):
        return match["field"], ({"true": True, "false": False, "null": None}[rest.lower()],)
    return match["field"], tuple(_unquoted(one) for one in re.findall(_TEXT, rest))


def _unquoted(text: str) -> str:
    return re.sub(r"\\(.)", r"\1", text[1:-1])
