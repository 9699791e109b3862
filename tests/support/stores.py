"""The store that a test runs on: SQLite, or PostgreSQL with ANSWERABLE_TEST_STORE=postgresql.

The same stories are told on both. On PostgreSQL each path has a database of its own, copied from
a template with all tables, and dropped when the tests end. The program is a role that neither owns
the server nor passes the wall between tenants.
"""

import hashlib
import os
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from answerable.kit.database import Database, metadata
from answerable.kit.postgres import PostgresDatabase
from answerable.kit.postgres_connection import postgres_engine
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
    return PostgresDatabase(postgres_url(path), **options)


def postgres_url(path: Path) -> str:
    """Of the database that belongs to `path`, made if it is not there."""
    name = f"{_PREFIX}_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    template = _template()
    with _server() as server:
        known = server.execute(
            sa.text("SELECT 1 FROM pg_database WHERE datname = :name"), {"name": name}
        ).first()
        if known is None:
            server.exec_driver_sql(f"CREATE DATABASE {name} TEMPLATE {template} OWNER {ROLE}")
    return _url_of(name)


def empty_postgres_url(path: Path) -> str:
    """Of a database without any tables, made new."""
    name = f"{_PREFIX}_{hashlib.sha256(str(path).encode()).hexdigest()[:16]}"
    with _server() as server:
        server.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")
        server.exec_driver_sql(f"CREATE DATABASE {name} OWNER {ROLE}")
    return _url_of(name)


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
