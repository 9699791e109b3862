"""Changed rows as files, and put into a copy again: one file of JSON lines for each table.

The first line names the columns of the key and of the rows; each other line is a key and the row
that has it now, or null if it is gone. Binary values are in hex.
"""

import json
import os
from collections.abc import Iterator, Mapping, Sequence
from itertools import islice
from pathlib import Path
from typing import IO, Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.errors import InvalidInput
from answerable.ledger.tables import event
from answerable.processes.backup_chain import CHANGES, Increment
from answerable.processes.row_changes import (
    Note,
    as_stored,
    key_of,
    noted,
    noted_tables,
    to_value,
    tracked_tables,
)
from answerable.processes.table_files import continue_numbers
from answerable.processes.tracking import Notes

_KEYS = 200  # in one condition
_LINES = 500  # of a file at a time

Key = tuple[Any, ...]
Row = Mapping[str, Any]


class Copied:
    """What was written: counts by table, and what a manifest says without asking the whole store.

    positions: of the last event of each tenant that has new ones; master_keys: of new keys.
    """

    def __init__(self) -> None:
        self.changes: dict[str, dict[str, int]] = {}
        self.positions: dict[str, int] = {}
        self.master_keys: set[str] = set()

    def _look_at(self, table: str, rows: Sequence[Row | None]) -> None:
        counts = self.changes.setdefault(table, {"rows": 0, "gone": 0})
        counts["gone"] += sum(row is None for row in rows)
        counts["rows"] += sum(row is not None for row in rows)
        for row in filter(None, rows):
            if table == "event":
                known = self.positions.get(row["tenant"], 0)
                self.positions[row["tenant"]] = max(known, row["position"])
            if table == "vault_key" and row["wrapped_key"] is not None:
                self.master_keys.add(row["master_key_id"])


def write_changes(tx: Connection, folder: Path, notes: Notes) -> Copied:
    """Write every noted row as this transaction sees it, for the owner of `folder` alone.

    The notes of what was written are added to `notes`.
    """
    folder.mkdir(mode=0o700)
    if tx.dialect.name == "postgresql":
        # A few rows by their keys, whatever statistics say: the cost is not that of the table.
        tx.exec_driver_sql("SET LOCAL enable_seqscan = off")
    copied = Copied()
    for table in as_stored(tx, noted_tables(tx)):
        with _new_file(folder / f"{table.name}.jsonl") as file:
            _write_line(file, {"key": _key_names(table), "columns": [c.name for c in table.c]})
            for part in noted(tx, table.name):
                rows = _write_part(tx, table, part, file)
                copied._look_at(table.name, rows)
                notes.add(part)
            file.flush()
            os.fsync(file.fileno())
    return copied


def apply_changes(tx: Connection, folder: Path, increment: Increment) -> None:
    """Bring the tables of a copy from the state of the link before to that of this increment.

    Raises InvalidInput if the files do not fit.
    """
    names = [name for name in tracked_tables(tx) if name in increment.changes]
    tables = {table.name: table for table in as_stored(tx, names)}
    for name in sorted(increment.files):
        if Path(name).parts[0] != CHANGES:
            continue
        table = tables.get(Path(name).stem)
        if table is None:
            raise InvalidInput("bad_backup", f"there is no table for {folder / name}")
        try:
            counts = _apply(tx, table, folder / name)
        except (ValueError, TypeError, sa.exc.StatementError) as error:
            told = f"{folder / name} does not fit its table"
            raise InvalidInput("bad_backup", told) from error
        if counts != increment.changes.get(table.name):
            raise InvalidInput("bad_backup", f"{folder / name} has not the rows that it should")
        continue_numbers(tx, table.name, [column.name for column in table.c])


def compare_positions(tx: Connection, increment: Increment) -> None:
    """Raises InvalidInput unless each tenant's last event is the one that the manifest names."""
    for tenant, position in increment.positions.items():
        last = sa.select(sa.func.max(event.c.position)).where(event.c.tenant == tenant)
        if (tx.scalar(last) or 0) != position:
            raise InvalidInput(
                "bad_backup", f"the last event of {tenant} is not the one that the manifest names"
            )


def _write_part(
    tx: Connection, table: sa.Table, part: Sequence[Note], file: IO[str]
) -> list[Row | None]:
    keys = [key_of(table, note.key) for note in part]
    found: dict[Key, Row] = {}
    for start in range(0, len(keys), _KEYS):
        query = sa.select(table).where(_one_of(table, keys[start : start + _KEYS]))
        for row in tx.execute(query).mappings():
            found[tuple(row[name] for name in _key_names(table))] = dict(row)
    for key in keys:
        now = found.get(key)
        values = None if now is None else [_plain(now[column.name]) for column in table.c]
        _write_line(file, [[_plain(value) for value in key], values])
    return [found.get(key) for key in keys]


def _apply(tx: Connection, table: sa.Table, path: Path) -> dict[str, int]:
    """First every key goes, then the rows come: what is unique may have moved between them."""
    columns = list(table.c)
    for part in _lines(path, table):
        keys = [_values(list(table.primary_key.columns), key) for key, _ in part]
        for start in range(0, len(keys), _KEYS):
            tx.execute(sa.delete(table).where(_one_of(table, keys[start : start + _KEYS])))
    counts = {"rows": 0, "gone": 0}
    for part in _lines(path, table):
        rows = [_values(columns, row) for _, row in part if row is not None]
        if rows:
            names = [column.name for column in columns]
            tx.execute(sa.insert(table), [dict(zip(names, row, strict=True)) for row in rows])
        counts["rows"] += len(rows)
        counts["gone"] += len(part) - len(rows)
    return counts


def _lines(path: Path, table: sa.Table) -> Iterator[list[tuple[Any, Any]]]:
    with path.open(encoding="utf-8") as file:
        head = json.loads(file.readline())
        if head != {"key": _key_names(table), "columns": [column.name for column in table.c]}:
            raise ValueError("other columns")
        while part := [json.loads(line) for line in islice(file, _LINES)]:
            yield [(key, row) for key, row in part]


def _one_of(table: sa.Table, keys: Sequence[Key]) -> sa.ColumnElement[bool]:
    columns = list(table.primary_key.columns)
    if len(columns) == 1:
        return columns[0].in_([key[0] for key in keys])
    # Not a list of rows: SQLite would read the whole table for it.
    return sa.or_(
        *(
            sa.and_(*(column == value for column, value in zip(columns, key, strict=True)))
            for key in keys
        )
    )


def _values(columns: Sequence[sa.Column[Any]], plain: Sequence[Any]) -> Key:
    return tuple(to_value(column, one) for column, one in zip(columns, plain, strict=True))


def _plain(value: Any) -> Any:
    return value.hex() if isinstance(value, bytes) else value


def _key_names(table: sa.Table) -> list[str]:
    return [column.name for column in table.primary_key.columns]


def _new_file(path: Path) -> IO[str]:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    return os.fdopen(descriptor, "w", encoding="utf-8")


def _write_line(file: IO[str], value: Any) -> None:
    file.write(json.dumps(value, separators=(",", ":")) + "\n")
