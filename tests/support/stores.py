"""The store that a test runs on: SQLite, or PostgreSQL with ANSWERABLE_TEST_STORE=postgresql.

The same stories are told on both. On PostgreSQL each path has a database of its own, copied from
a template with all tables. When a test ends, its databases are emptied for the next one, or
dropped if it may have changed more than rows. The program is a role that neither owns the server
nor passes the wall between tenants.
"""

import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from itertools import count
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from answerable.kit.database import Database, metadata
from answerable.kit.postgres import PostgresDatabase
from answerable.kit.postgres_connection import EVERY_TENANT, postgres_engine
from answerable.kit.sqlite import SqliteDatabase, sqlite_engine
from answerable.processes.schema import load_tables, upgrade
from tests.support.needs import needs_postgres

ROLE = "answerable_test"
_PREFIX = f"answerable_test_{os.getpid()}"


def on_postgres() -> bool:
    return os.environ.get("ANSWERABLE_TEST_STORE") == "postgresql"


def open_store(path: Path, *, postgres: bool | None = None, **options: Any) -> Database:
    """The store of this path, with all tables; the same path again is the same store.

    postgres: on which of the two; None: as the environment says.
    """
    if not (on_postgres() if postgres is None else postgres):
        load_tables()
        engine = sqlite_engine(str(path), begin="BEGIN IMMEDIATE")
        metadata.create_all(engine)
        engine.dispose()
        return SqliteDatabase(path, **options)
    if path not in _in_use:
        _rows_only.add(path)
    return PostgresDatabase(_url_of(_with_tables(path)), **options)


def postgres_url(path: Path) -> str:
    """Of the database that belongs to `path`, made if it is not there."""
    _rows_only.discard(path)
    return _url_of(_with_tables(path))


def empty_postgres_url(path: Path) -> str:
    """Of a database without any tables; if `path` has one with tables, they are gone."""
    _rows_only.discard(path)
    if path in _in_use:
        _strip(_in_use[path])
    else:
        _in_use[path] = _bare.pop() if _bare else _made(template=None)
    return _url_of(_in_use[path])


# The databases of the test that runs, by path; those in which it can have changed only rows; and
# those that earlier tests left behind: to make and to drop one, the server writes out everything.
_in_use: dict[Path, str] = {}
_rows_only: set[Path] = set()
_without_rows: list[str] = []
_bare: list[str] = []
_numbers = count()


def _with_tables(path: Path) -> str:
    if path not in _in_use:
        _in_use[path] = _without_rows.pop() if _without_rows else _made(template=_template())
    return _in_use[path]


def _made(*, template: str | None) -> str:
    name = f"{_PREFIX}_{next(_numbers)}"
    copied = f" TEMPLATE {template}" if template else ""
    with _server() as server:
        server.exec_driver_sql(f"CREATE DATABASE {name}{copied} OWNER {ROLE}")
    return name


def stores_in_use() -> frozenset[Path]:
    return frozenset(_in_use)


def clean_stores(but: frozenset[Path]) -> None:
    """Make ready for the next test what this one used. but: what belongs to several tests."""
    for path in set(_in_use) - but:
        name = _in_use.pop(path)
        if path in _rows_only:
            _empty(name)
            _without_rows.append(name)
        else:
            _strip(name)
            _bare.append(name)
        _rows_only.discard(path)


def _empty(name: str) -> None:
    """Leave the program's tables, without rows."""
    own = load_tables().sorted_tables
    with _inside(name) as tx:
        known = {*(table.name for table in own), "alembic_version"}
        for table in set(sa.inspect(tx).get_table_names()) - known:
            tx.exec_driver_sql(f"DROP TABLE {table} CASCADE")
        tx.execute(sa.select(sa.func.set_config("answerable.tenant", EVERY_TENANT, True)))
        for one in own:
            tx.execute(sa.delete(one))
        for sequence in sa.inspect(tx).get_sequence_names():
            tx.exec_driver_sql(f"ALTER SEQUENCE {sequence} RESTART")


def _strip(name: str) -> None:
    """Leave nothing in the database, and none of its settings."""
    with _inside(name) as tx:
        tx.exec_driver_sql("DROP SCHEMA public CASCADE")
        tx.exec_driver_sql("CREATE SCHEMA public")
        tx.exec_driver_sql(f"ALTER DATABASE {name} RESET ALL")


@contextmanager
def _inside(name: str) -> Iterator[sa.Connection]:
    """Where nobody else is any more: what a test forgot would hold its locks."""
    with _server() as server:
        server.execute(
            sa.text(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity "
                "WHERE datname = :name AND usename = :role"
            ),
            {"name": name, "role": ROLE},
        )
    engine = postgres_engine(_url_of(name), connections=1)
    try:
        with engine.begin() as tx:
            yield tx
    finally:
        engine.dispose()


def drop_stores() -> None:
    """Drop what the tests of this process made."""
    if not _server_engine.cache_info().currsize:
        return
    _template.cache_clear()
    with _server() as server:
        names = server.scalars(
            sa.text("SELECT datname FROM pg_database WHERE datname LIKE :names"),
            {"names": f"{_PREFIX}_%"},
        ).all()
        for name in names:
            server.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


@cache
def _template() -> str:
    name = f"{_PREFIX}_template"
    with _server() as server:
        server.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.exec_driver_sql(f"CREATE DATABASE {name} OWNER {ROLE}")
    upgrade(_url_of(name))
    return name


@contextmanager
def _server() -> Iterator[sa.Connection]:
    """As a role that may make databases."""
    engine = _server_engine()
    with engine.connect() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")  # a busy machine's disk is slow
        yield connection


@cache
def _server_engine() -> sa.Engine:
    url = needs_postgres()
    engine = postgres_engine(url, connections=1).execution_options(isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        known = connection.execute(
            sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name"), {"name": ROLE}
        ).first()
        if known is None:
            connection.exec_driver_sql(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS")
    return engine


def _url_of(name: str) -> str:
    url = sa.engine.make_url(needs_postgres()).set(database=name, username=ROLE)
    return url.render_as_string(hide_password=False)
