"""Rows that come as one value, and are sought by their keys with one statement, spelt once.

The way of what every message needs. SQLAlchemy's own spells a list of keys anew for each length,
so that PostgreSQL plans it anew too; here it travels as one value. On SQLite the answer does too:
the driver gives the interpreter away for each row, and gets it back only when another thread has
had its turn.
"""

import json
from collections import namedtuple
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Dialect
from sqlalchemy.dialects import postgresql, sqlite

from answerable.kit.database import JsonText

_Read = Callable[[Any], Any] | None
_row_type: Callable[..., Any] = namedtuple
_IN_JSON = sqlite.dialect(paramstyle="named")


@dataclass(frozen=True, slots=True)
class _Spelt:
    """A statement in the words of one store. reads: by column, what makes its value of what comes.

    whole: all rows come as one JSON value.
    """

    statement: str
    parameters: dict[str, Any]
    reads: Sequence[tuple[int, Callable[[Any], Any]]]
    whole: bool


class _Rows:
    """The rows of `query`: of columns of tables; its parameters are texts and numbers."""

    def __init__(self, query: sa.Select[Any]) -> None:
        self._query = query
        self._columns = list(query.selected_columns)
        row = _row_type("Row", [column.name for column in self._columns])
        self._make: Callable[[Sequence[Any]], Any] = row._make
        self._by_store: dict[str, _Spelt] = {}

    def _found(self, tx: Connection, given: Mapping[str, Any]) -> list[Any]:
        spelt = self._by_store.get(tx.dialect.name)
        if spelt is None:
            spelt = self._by_store[tx.dialect.name] = self._spell(tx.dialect)
        found = tx.exec_driver_sql(spelt.statement, {**spelt.parameters, **given})
        rows = json.loads(found.scalar_one()) if spelt.whole else found.all()
        made = map(self._make, rows)
        if not spelt.reads:
            return list(made)
        return [self._read(spelt.reads, row) for row in rows]

    def _read(self, reads: Sequence[tuple[int, Callable[[Any], Any]]], row: Sequence[Any]) -> Any:
        values = list(row)
        for place, read in reads:
            values[place] = read(values[place])
        return self._make(values)

    def _spell(self, dialect: Dialect) -> _Spelt:
        whole = dialect.name == "sqlite"
        query = _as_json(self._asked(dialect)) if whole else self._asked(dialect)
        # By name, so that a parameter may stand in any place and more than once.
        compiled = query.compile(dialect=_IN_JSON if whole else dialect)
        parameters = {name: value for name, value in compiled.params.items() if value is not None}
        readers = enumerate(map(_reader(dialect), self._columns))
        reads = [(place, read) for place, read in readers if read is not None]
        return _Spelt(str(compiled), parameters, reads, whole)

    def _asked(self, dialect: Dialect) -> sa.Select[Any]:
        return self._query


class WholeRows(_Rows):
    """All rows of `query`."""

    def read(self, tx: Connection, **given: str | int) -> list[Any]:
        """Rows with the columns' names as attributes, in the query's order. given: its
        parameters."""
        return self._found(tx, given)


class SoughtRows(_Rows):
    """The rows of `query` whose `key` is one of those asked for."""

    def __init__(self, query: sa.Select[Any], key: sa.ColumnElement[str]) -> None:
        super().__init__(query)
        self._key = key

    def read(self, tx: Connection, keys: Sequence[str], **given: str | int) -> list[Any]:
        """Rows with the columns' names as attributes, in the query's order; keys not there have
        none. given: the query's other parameters."""
        these = json.dumps(keys) if tx.dialect.name == "sqlite" else list(keys)
        return self._found(tx, {**given, "these": these})

    def _asked(self, dialect: Dialect) -> sa.Select[Any]:
        if dialect.name == "sqlite":
            among = sa.func.json_each(sa.bindparam("these")).table_valued("value")
            return self._query.where(self._key.in_(sa.select(among.c.value)))
        asked = sa.bindparam("these", type_=postgresql.ARRAY(sa.Text))
        return self._query.where(self._key == sa.any_(asked))


def _as_json(query: sa.Select[Any]) -> sa.Select[Any]:
    """All rows as one value."""
    values = [_in_json(column) for column in query.subquery().c]
    return sa.select(sa.func.json_group_array(sa.func.json_array(*values)))


def _in_json(column: sa.ColumnElement[Any]) -> sa.ColumnElement[Any]:
    if isinstance(column.type, sa.Float):
        # As a text: JSON on SQLite keeps 15 digits of a number. Shares and scores come back as they
        # were; of the largest numbers there are, the last digit does not.
        return sa.case((column.is_not(None), sa.func.printf("%!.17g", column)))
    if isinstance(column.type, sa.LargeBinary):
        return sa.case((column.is_not(None), sa.func.hex(column)))
    if isinstance(column.type, JsonText):
        return sa.func.json(column)
    return column


def _reader(dialect: Dialect) -> Callable[[sa.ColumnElement[Any]], _Read]:
    def reader(column: sa.ColumnElement[Any]) -> _Read:
        if isinstance(column.type, sa.LargeBinary):
            return _from_hex if dialect.name == "sqlite" else None
        if isinstance(column.type, JsonText) and dialect.name == "sqlite":
            return None
        if isinstance(column.type, sa.Float):
            return _from_text if dialect.name == "sqlite" else None
        return column.type.dialect_impl(dialect).result_processor(dialect, None)

    return reader


def _from_text(value: str | None) -> float | None:
    return None if value is None else float(value)


def _from_hex(value: str | None) -> bytes | None:
    return None if value is None else bytes.fromhex(value)
