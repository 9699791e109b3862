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
from answerable.kit.database import lock_until_commit, metadata
from answerable.kit.errors import Conflict
from answerable.kit.postgres_connection import (
    EVERY_TENANT,
    connected,
    postgres_engine,
    sqlstate,
    unhurried,
)
from answerable.processes.row_changes import remove_tracking

LOCK_NOT_AVAILABLE = "55P03"
DEADLOCK = "40P01"
MIGRATIONS = Path(answerable.kit.migrations.__path__[0])
REVISIONS = sa.table("alembic_version", sa.column("version_num", sa.Text))  # Alembic's own

# Every module that defines tables or indexes; a test finds one that is missing here.
TABLES = (
    "answerable.api.idempotency",
    "answerable.channels.email.store",
    "answerable.contacts.links_store",
    "answerable.contacts.one_time_codes_store",
    "answerable.contacts.reply_caps_store",
    "answerable.contacts.send_caps_store",
    "answerable.contacts.session_store",
    "answerable.contacts.sms_store",
    "answerable.contacts.store",
    "answerable.desk.agent_store",
    "answerable.desk.approval_store",
    "answerable.desk.case_store",
    "answerable.desk.inbox_counts",
    "answerable.desk.inbox_store",
    "answerable.desk.search_store",
    "answerable.desk.session_store",
    "answerable.desk.summary_store",
    "answerable.flow.definitions",
    "answerable.ledger.checkpoint",
    "answerable.ledger.tables",
    "answerable.privacy.store",
    "answerable.processes.following",
    "answerable.understanding.report_store",
    "answerable.understanding.wave_watch",
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
    with transaction(database) as connection:
        upgrade_connection(connection)


def upgrade_connection(connection: Connection, *, to: str | None = None) -> None:
    """`upgrade`, in a transaction that the caller commits. Raises Conflict for a newer schema.

    to: an older revision, at which to stop.
    """
    if connection.dialect.name == "postgresql":
        _alone_on_server(connection)
    revision = revision_of(connection)
    if revision != newest_revision():
        _refuse_newer(revision)
        # Most starts have nothing to migrate, and Alembic is a tenth of their imports.
        migrating = importlib.import_module("answerable.processes.migrating")
        try:
            # Triggers do not follow their tables everywhere. A chain of backups ends here.
            remove_tracking(connection)
            migrating.migrate(connection, MIGRATIONS, to=to or newest_revision())
        except sa.exc.OperationalError as error:
            if sqlstate(error) not in (LOCK_NOT_AVAILABLE, DEADLOCK):
                raise
            raise Conflict(
                "schema_in_use",
                "others held a table that is to be changed for too long; nothing was changed: "
                "try again",
            ) from error


def current_revision(database: Path | str) -> str | None:
    """The revision that the database is at; None if it has never been upgraded."""
    with transaction(database) as connection:
        return revision_of(connection)


def require_current(database: Path | str) -> None:
    """Raises Conflict unless the database has the schema of this version."""
    revision = current_revision(database)
    if revision == newest_revision():
        return
    _refuse_newer(revision)
    told = f"at revision {revision}" if revision else "without any tables"
    raise Conflict(
        "schema_outdated",
        f"the database is {told}, and this version needs {newest_revision()}: "
        "run `answerable migrate`",
    )


def is_current(database: Path | str) -> bool:
    return current_revision(database) == newest_revision()


def newest_revision() -> str:
    return _revisions()[-1]


@cache
def _revisions() -> list[str]:
    """In order: by the files' names, which are their revisions' and count up; a test compares."""
    return sorted(path.stem for path in (MIGRATIONS / "versions").glob("[0-9]*.py"))


def _refuse_newer(revision: str | None) -> None:
    if revision is not None and revision not in _revisions():
        raise Conflict(
            "schema_newer",
            f"the database is at revision {revision}, which this version does not know: a newer "
            "one has migrated it. Start that one, or restore a backup from before",
        )


def revision_of(connection: Connection) -> str | None:
    """The revision that the database is at; None if it has never been upgraded."""
    if not sa.inspect(connection).has_table(REVISIONS.name):
        return None
    return connection.scalar(sa.select(REVISIONS.c.version_num))


@contextmanager
def transaction(database: Path | str) -> Iterator[Connection]:
    """One that writes, for a program without an event loop. Raises StoreUnavailable."""
    text = str(database)
    if text.startswith("postgresql"):
        engine = postgres_engine(text, connections=1)
    else:
        url = text if "://" in text else f"sqlite:///{text}"
        engine = sa.create_engine(url, poolclass=sa.pool.NullPool)
        event.listen(engine, "connect", _configure_sqlite)
        event.listen(engine, "begin", _begin_immediately)
    try:
        with connected(engine) as connection, connection.begin():
            yield connection
    finally:
        engine.dispose()


def _alone_on_server(connection: Connection) -> None:
    """Others who upgrade wait for us, however long it takes; those at work are not held up long."""
    unhurried(connection)
    lock_until_commit(connection, ["migrate"])
    # Whoever waits for a table's lock holds up everybody behind it.
    connection.exec_driver_sql("SET LOCAL lock_timeout = '3s'")
    scope = sa.func.set_config("answerable.tenant", EVERY_TENANT, True)  # or the wall hides rows
    connection.execute(sa.select(scope))


def _configure_sqlite(dbapi_connection: Any, _record: Any) -> None:
    # The driver would commit before each CREATE TABLE; we say BEGIN ourselves.
    dbapi_connection.isolation_level = None
    # Not the journal mode: to change it never waits for a lock, and opening the database sets it.
    for pragma in ("busy_timeout=30000", "synchronous=FULL", "secure_delete=ON"):
        dbapi_connection.execute(f"PRAGMA {pragma}")


def _begin_immediately(connection: Connection) -> None:
    # The lock comes first: who then reads the revision is the one who may change it.
    connection.exec_driver_sql("BEGIN IMMEDIATE")
