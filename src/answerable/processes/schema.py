"""The database's schema: brought to what this version of the program expects."""

import importlib
from collections.abc import Iterator
from contextlib import contextmanager
from functools import cache
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, event

import answerable.kit.migrations
from answerable.kit.database import metadata

MIGRATIONS = Path(answerable.kit.migrations.__path__[0])
REVISIONS = sa.table("alembic_version", sa.column("version_num", sa.Text))  # Alembic's own

# Every module that defines tables or indexes; a test finds one that is missing here.
TABLES = (
    "answerable.api.idempotency",
    "answerable.channels.email.store",
    "answerable.contacts.reply_caps_store",
    "answerable.contacts.session_store",
    "answerable.contacts.store",
    "answerable.desk.agent_store",
    "answerable.desk.inbox_store",
    "answerable.desk.session_store",
    "answerable.desk.summary_store",
    "answerable.flow.definitions",
    "answerable.ledger.checkpoint",
    "answerable.ledger.store",
    "answerable.privacy.store",
    "answerable.processes.event_feed",
)


def load_tables() -> sa.MetaData:
    """The metadata with every room's tables on it."""
    for module in TABLES:
        importlib.import_module(module)
    return metadata


def upgrade(database: Path | str) -> None:
    """Bring the database, a file's path or a URL, to the newest revision.

    One transaction: interrupted, it has changed nothing. A repeat does nothing. Of two programs
    that upgrade at once, one waits for the other.
    """
    with _transaction(database) as connection:
        upgrade_connection(connection)


def upgrade_connection(connection: Connection) -> None:
    """`upgrade`, in a transaction that the caller commits."""
    if _revision(connection) != newest_revision():
        # Most starts have nothing to migrate, and Alembic is a tenth of their imports.
        migrating = importlib.import_module("answerable.processes.migrating")
        migrating.migrate(connection, MIGRATIONS)


def current_revision(database: Path | str) -> str | None:
    """The revision that the database is at; None if it has never been upgraded."""
    with _transaction(database) as connection:
        return _revision(connection)


def is_current(database: Path | str) -> bool:
    return current_revision(database) == newest_revision()


@cache
def newest_revision() -> str:
    """By the files' names, which are their revisions' and count up; a test compares."""
    return max(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _revision(connection: Connection) -> str | None:
    if not sa.inspect(connection).has_table(REVISIONS.name):
        return None
    return connection.scalar(sa.select(REVISIONS.c.version_num))


@contextmanager
def _transaction(database: Path | str) -> Iterator[Connection]:
    text = str(database)
    url = text if "://" in text else f"sqlite:///{text}"
    engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
    if engine.dialect.name == "sqlite":
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_immediately)
    try:
        with engine.begin() as connection:
            yield connection
    finally:
        engine.dispose()


def _configure_sqlite(dbapi_connection: Any, _record: Any) -> None:
    # The driver would commit before each CREATE TABLE; we say BEGIN ourselves.
    dbapi_connection.isolation_level = None
    # Not the journal mode: to change it never waits for a lock, and opening the database sets it.
    for pragma in ("busy_timeout=30000", "synchronous=FULL"):
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _begin_immediately(connection: Connection) -> None:
    # The lock comes first: who then reads the revision is the one who may change it.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
