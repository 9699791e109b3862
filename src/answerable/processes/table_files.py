"""A server's tables as files, and filled again: one CSV file each, as the server writes it.

They need no program besides this one, and no version of the server: whoever cannot start
Answerable any more can still load them anywhere.
"""

import os
from pathlib import Path

import psycopg
import sqlalchemy as sa
from psycopg import sql
from sqlalchemy import Connection

from answerable.kit.errors import InvalidInput
from answerable.kit.postgres_connection import connected, postgres_engine
from answerable.processes.row_changes import OWN
from answerable.processes.schema import REVISIONS

TABLES = "tables"
_CHUNK = 1 << 20
_ROWS = 1000  # at a time
_CSV = sql.SQL("WITH (FORMAT csv, HEADER true)")


def write_tables(tx: Connection, folder: Path) -> None:
    """Write every table as this transaction sees it, for the owner of `folder` alone."""
    folder.mkdir(mode=0o700)
    inspector = sa.inspect(tx)
    for table in sorted(set(inspector.get_table_names()) - {REVISIONS.name} - OWN):
        names = [column["name"] for column in inspector.get_columns(table)]
        query = sql.SQL("COPY {} ({}) TO STDOUT {}").format(
            sql.Identifier(table), _listed(names), _CSV
        )
        _write(_driver(tx), query, folder / f"{table}.csv")


def _write(driver: "psycopg.Connection[object]", query: sql.Composed, path: Path) -> None:
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file, driver.cursor() as cursor:
        with cursor.copy(query) as copy:
            for part in copy:
                file.write(part)
        file.flush()
        os.fsync(file.fileno())


def read_tables(tx: Connection, folder: Path) -> None:
    """Fill empty tables of the same revision from the files of `write_tables`.

    Raises InvalidInput if they do not fit.
    """
    known = set(sa.inspect(tx).get_table_names())
    for path in sorted(folder.glob("*.csv")):
        if path.stem not in known:
            raise InvalidInput("bad_backup", f"there is no table for {path}")
        try:
            _fill(tx, path)
        except psycopg.DataError as error:
            raise InvalidInput("bad_backup", f"{path} does not fit its table") from error


def _fill(tx: Connection, path: Path) -> None:
    table = sql.Identifier(path.stem)
    driver = _driver(tx)
    with path.open("rb") as file, driver.cursor() as cursor:
        names = file.readline().decode().strip().split(",")
        file.seek(0)
        # The wall admits no COPY. It is down in this transaction only, and for the owner only.
        cursor.execute(sql.SQL("ALTER TABLE {} NO FORCE ROW LEVEL SECURITY").format(table))
        query = sql.SQL("COPY {} ({}) FROM STDIN {}").format(table, _listed(names), _CSV)
        with cursor.copy(query) as copy:
            while part := file.read(_CHUNK):
                copy.write(part)
        if _walled(tx, path.stem):
            cursor.execute(sql.SQL("ALTER TABLE {} FORCE ROW LEVEL SECURITY").format(table))
    continue_numbers(tx, path.stem, names)


def copy_rows(source: Connection, tx: Connection) -> None:
    """Fill empty tables from those of another store, of the same revision.

    Raises InvalidInput if they do not fit.
    """
    ours = sa.MetaData()
    ours.reflect(tx)
    for table in ours.sorted_tables:
        if table.name == REVISIONS.name:
            continue
        rows = source.execute(sa.select(table), execution_options={"yield_per": _ROWS})
        try:
            for part in rows.mappings().partitions():
                tx.execute(sa.insert(table), [dict(row) for row in part])
        except sa.exc.DBAPIError as error:
            raise InvalidInput("bad_backup", f"rows do not fit the table {table.name}") from error
        continue_numbers(tx, table.name, [column.name for column in table.c])


def _walled(tx: Connection, table: str) -> bool:
    query = sa.text("SELECT relrowsecurity FROM pg_class WHERE oid = CAST(:name AS regclass)")
    return bool(tx.scalar(query, {"name": table}))


def continue_numbers(tx: Connection, table: str, names: list[str]) -> None:
    """Sequences go on after the numbers that are taken. On SQLite there are none."""
    if tx.dialect.name != "postgresql":
        return
    for name in names:
        sequence = tx.scalar(sa.select(sa.func.pg_get_serial_sequence(table, name)))
        if sequence is not None:
            last = tx.scalar(sa.select(sa.func.max(sa.column(name))).select_from(sa.table(table)))
            if last is not None:
                tx.execute(sa.select(sa.func.setval(sequence, last)))


def clean_up(url: str) -> None:
    """Remove what earlier versions of rows left behind, and let the server count anew."""
    engine = postgres_engine(url, connections=1).execution_options(isolation_level="AUTOCOMMIT")
    try:
        with connected(engine) as connection:
            connection.exec_driver_sql("SET statement_timeout = 0")
            connection.exec_driver_sql("VACUUM ANALYZE")
    finally:
        engine.dispose()


def _driver(tx: Connection) -> "psycopg.Connection[object]":
    found = tx.connection.driver_connection
    assert isinstance(found, psycopg.Connection)
    return found


def _listed(names: list[str]) -> sql.Composed:
    return sql.SQL(", ").join(map(sql.Identifier, names))
