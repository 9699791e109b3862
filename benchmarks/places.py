"""Where a measured installation's data is: a directory, with SQLite in it or PostgreSQL beside it.

On PostgreSQL the program is a role that neither owns the server nor passes the wall between
tenants.
"""

import os
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import cache
from pathlib import Path

import sqlalchemy as sa

from answerable.kit.database import Database
from answerable.kit.postgres_connection import postgres_engine
from answerable.processes.settings import Settings
from answerable.processes.stored import DATABASE_NAME, database_of
from tests.support.processes import MODELS

ROLE = "answerable_bench"
SERVER = "ANSWERABLE_TEST_POSTGRES"
DEFAULT_SERVER = "postgresql://root@127.0.0.1:5432/postgres"
_SIZE = sa.text("SELECT pg_database_size(:name)")
_CONNECTED = sa.text("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = :name")


@dataclass(frozen=True)
class Place:
    """folder: the data directory, with its keys. url: of the database on the server, if any.

    more: further settings, without ANSWERABLE_, of the processes that serve it.
    """

    folder: Path
    url: str | None = None
    more: Mapping[str, str] = field(default_factory=dict)

    @property
    def database(self) -> Path | str:
        return self.url or self.folder / DATABASE_NAME

    @property
    def settings(self) -> dict[str, str]:
        """Names without ANSWERABLE_, for a process that serves it."""
        keys = self.folder / "keys"
        known = {"MODELS": str(MODELS)}
        if self.url is not None:
            known |= {"DATABASE": self.url, "SIGNING_KEY_FILE": str(keys / "signing.key")}
        return known | dict(self.more)

    def read_settings(self) -> Settings:
        """For a platform in this process."""
        return Settings(values={"DATA": str(self.folder), **self.settings})

    def open(self) -> Database:
        return database_of(self.database)

    @property
    def scratch(self) -> Path:
        """Beside the data, on the same disk: where a yardstick may write."""
        return self.folder.parent

    async def take_statistics(self) -> None:
        """As autovacuum does within a minute, which may be off where this is measured."""
        if self.url is not None:
            database = self.open()
            await database.write(lambda tx: tx.exec_driver_sql("ANALYZE"))
            await database.close()

    def size_bytes(self) -> int:
        """Of all that the database takes on disk."""
        if self.url is None:
            return sum(file.stat().st_size for file in self.folder.glob(f"{DATABASE_NAME}*"))
        name = sa.engine.make_url(self.url).database
        with server() as connection:
            return int(connection.scalar(_SIZE, {"name": name}) or 0)


def create(name: str, *, template: str | None = None) -> str:
    """The URL of a new database of the program's role, as a copy of `template`."""
    copied = f" TEMPLATE {template}" if template else ""
    with server() as connection:
        connection.exec_driver_sql("SET statement_timeout = 0")  # a large one takes its time
        connection.exec_driver_sql(f"CREATE DATABASE {name} OWNER {ROLE}{copied}")
    return url_of(name)


def drop(name: str) -> None:
    with server() as connection:
        connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {name} WITH (FORCE)")


def exists(name: str) -> bool:
    with server() as connection:
        query = sa.text("SELECT 1 FROM pg_database WHERE datname = :name")
        return connection.scalar(query, {"name": name}) is not None


def let_go(name: str) -> None:
    """End what is connected, so that it can be copied."""
    with server() as connection:
        connection.execute(_CONNECTED, {"name": name})


def names(prefix: str) -> list[str]:
    """Databases whose names begin like this."""
    query = sa.text("SELECT datname FROM pg_database WHERE datname LIKE :like")
    with server() as connection:
        return [str(name) for name in connection.scalars(query, {"like": f"{prefix}%"})]


@contextmanager
def server() -> Iterator[sa.Connection]:
    """As a role that may make databases."""
    with _server_engine().connect() as connection:
        yield connection


@cache
def _server_engine() -> sa.Engine:
    engine = postgres_engine(_server_url(), connections=2).execution_options(
        isolation_level="AUTOCOMMIT"
    )
    with engine.connect() as connection:
        query = sa.text("SELECT 1 FROM pg_roles WHERE rolname = :name")
        if connection.scalar(query, {"name": ROLE}) is None:
            connection.exec_driver_sql(f"CREATE ROLE {ROLE} LOGIN NOSUPERUSER NOBYPASSRLS")
    return engine


def _server_url() -> str:
    return os.environ.get(SERVER, DEFAULT_SERVER)


def url_of(name: str) -> str:
    url = sa.engine.make_url(_server_url()).set(database=name, username=ROLE)
    return url.render_as_string(hide_password=False)


def version() -> str:
    """Of the server. Raises sqlalchemy's OperationalError if none answers."""
    with server() as connection:
        return str(connection.scalar(sa.text("SHOW server_version")))
