"""Many rows of one table, written with one statement: the way of all that a message brings.

SQLAlchemy's own way costs a row more than the stores take for it, so its statements are spelt here
once for each kind of store, and rows are bound by the types of their columns alone. On PostgreSQL
all rows travel as one JSON value, so that a hundred of them are one statement for the server too.
On SQLite several rows are one statement: the driver gives the interpreter away at each, and gets
it back only when another thread has had its turn.
"""

from abc import ABC, abstractmethod
from base64 import b64encode
from collections.abc import Callable, Iterator, Mapping, Sequence
from itertools import chain
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Dialect

from answerable.kit.canonical import canonical_text

_SIZES = (32, 8, 4, 2, 1)  # rows of a statement on SQLite
_Bind = Callable[[Any], Any] | None


class _Rows(ABC):
    """names: of the columns that each row has a value for."""

    def __init__(self, table: sa.Table, names: Sequence[str]) -> None:
        self._table = table
        self._columns = [table.c[name] for name in names]
        self._names = tuple(names)
        self._bound_by: dict[str, list[_Bind]] = {}
        self._spelt: dict[tuple[str, int], str] = {}

    def write(self, tx: Connection, rows: Sequence[Mapping[str, Any]]) -> None:
        """Write all of them; none is nothing to do."""
        if not rows:
            return
        dialect = tx.dialect
        binds = self._bound_by.get(dialect.name)
        if binds is None:
            binds = self._bound_by[dialect.name] = self._binds(dialect)
        columns = [_bound(bind, name, rows) for bind, name in zip(binds, self._names, strict=True)]
        values = list(zip(*columns, strict=True))
        if dialect.name == "postgresql":
            made = [dict(zip(self._names, row, strict=True)) for row in values]
            tx.exec_driver_sql(self._statement(dialect, 1), (canonical_text(made),))
        else:
            for part in _parts(values):
                together = tuple(chain.from_iterable(part))
                tx.exec_driver_sql(self._statement(dialect, len(part)), together)

    def _statement(self, dialect: Dialect, rows: int) -> str:
        known = self._spelt.get((dialect.name, rows))
        if known is None:
            known = self._spelt[dialect.name, rows] = self._spell(dialect, rows)
        return known

    def _binds(self, dialect: Dialect) -> list[_Bind]:
        text = dialect.name == "postgresql"  # JSON has no bytes
        return [
            _as_text if text and _is_binary(column) else
            column.type.dialect_impl(dialect).bind_processor(dialect)
            for column in self._columns
        ]  # fmt: skip

    @abstractmethod
    def _spell(self, dialect: Dialect, rows: int) -> str:
        """The statement for so many rows, in the words of this store; PostgreSQL's is for any."""

    def _places(self, rows: int) -> str:
        row = f"({', '.join('?' for _ in self._names)})"
        return f"VALUES {', '.join([row] * rows)}"

    def _quoted(self, dialect: Dialect) -> list[str]:
        return [dialect.identifier_preparer.quote(name) for name in self._names]

    def _table_name(self, dialect: Dialect) -> str:
        return dialect.identifier_preparer.format_table(self._table)

    def _source(self, dialect: Dialect) -> str:
        """PostgreSQL: the rows of the JSON value, as a table of the name "new"."""
        typed = (
            f"{name} {'TEXT' if _is_binary(column) else column.type.compile(dialect)}"
            for name, column in zip(self._quoted(dialect), self._columns, strict=True)
        )
        return f"json_to_recordset(CAST(%s AS json)) AS new({', '.join(typed)})"

    def _values(self, dialect: Dialect) -> list[str]:
        """PostgreSQL: what stands in a row of "new", as its column takes it."""
        return [
            f"decode(new.{name}, 'base64')" if _is_binary(column) else f"new.{name}"
            for name, column in zip(self._quoted(dialect), self._columns, strict=True)
        ]


class InsertRows(_Rows):
    """Adds rows; `names`: of the columns that each has a value for, the others have defaults.

    unless_there: a row whose key is there already is passed over.
    """

    def __init__(
        self, table: sa.Table, names: Sequence[str], *, unless_there: bool = False
    ) -> None:
        super().__init__(table, names)
        self._conflict = " ON CONFLICT DO NOTHING" if unless_there else ""

    def _spell(self, dialect: Dialect, rows: int) -> str:
        names = ", ".join(self._quoted(dialect))
        into = f"INSERT INTO {self._table_name(dialect)} ({names})"
        if dialect.name == "postgresql":
            values = ", ".join(self._values(dialect))
            source = f"SELECT {values} FROM {self._source(dialect)}"  # noqa: S608 - our tables
        else:
            source = self._places(rows)
        return f"{into} {source}{self._conflict}"


class UpdateRows(_Rows):
    """Changes the row of each `key` to the values that the rows have for the other `names`.

    A key that is not there is passed over; none may come twice. also: SQL that every row gets.
    """

    def __init__(
        self, table: sa.Table, key: str, names: Sequence[str], *, also: str | None = None
    ) -> None:
        super().__init__(table, [*names, key])
        self._also = [also] if also else []

    def _spell(self, dialect: Dialect, rows: int) -> str:
        *names, key = self._quoted(dialect)
        table = self._table_name(dialect)
        if dialect.name == "postgresql":
            values = zip(names, self._values(dialect), strict=False)
            changes = [*(f"{name} = {value}" for name, value in values), *self._also]
            where = f"FROM {self._source(dialect)} WHERE {table}.{key} = new.{key}"
        else:
            numbered = enumerate(names, start=1)
            changes = [*(f"{name} = new.column{n}" for n, name in numbered), *self._also]
            found = f"WHERE {table}.{key} = new.column{len(self._names)}"
            where = f"FROM ({self._places(rows)}) AS new {found}"
        return f"UPDATE {table} SET {', '.join(changes)} {where}"  # noqa: S608 - our tables


def _bound(bind: _Bind, name: str, rows: Sequence[Mapping[str, Any]]) -> list[Any]:
    """The values of one column."""
    values = [row[name] for row in rows]
    return values if bind is None else [bind(value) for value in values]


def _parts(values: Sequence[tuple[Any, ...]]) -> Iterator[Sequence[tuple[Any, ...]]]:
    """Cut into pieces of few sizes, each of which is one statement that the driver remembers."""
    start = 0
    while start < len(values):
        size = next(size for size in _SIZES if size <= len(values) - start)
        yield values[start : start + size]
        start += size


def _is_binary(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.LargeBinary)


def _as_text(value: bytes | None) -> str | None:
    return None if value is None else b64encode(value).decode("ascii")
