"""A stored installation, read without starting it: its database, and the definitions it kept.

A *store* is named by the path of its file (SQLite) or by its URL (PostgreSQL).
"""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event

from answerable.definition.load import load_definition
from answerable.definition.schema import ServiceDefinition
from answerable.flow.definitions import service_definition
from answerable.kit.database import Database
from answerable.kit.errors import Conflict, NotFound
from answerable.kit.failpoints import Failpoint
from answerable.kit.ids import TenantId
from answerable.kit.postgres import PostgresDatabase
from answerable.kit.postgres_connection import (
    EVERY_TENANT,
    PATIENCE,
    connected,
    postgres_engine,
    shown,
    unhurried,
)
from answerable.kit.sqlite import SqliteDatabase
from answerable.ledger.administration import administration_stream
from answerable.ledger.tables import event as events
from answerable.ledger.tables import stream
from answerable.playbooks.action import ActionLibrary
from answerable.processes.schema import require_current, transaction
from answerable.processes.settings import Settings

DATABASE_NAME = "answerable.db"
_OTHERS = sa.text(
    "SELECT count(*) FROM pg_stat_activity WHERE datname = current_database() "
    "AND application_name = 'answerable' AND pid <> pg_backend_pid()"
)
_EVERY_TENANT = sa.select(sa.func.set_config("answerable.tenant", EVERY_TENANT, True))


def store_of(settings: Settings) -> Path | str:
    """Where an installation's data is, or will be."""
    return settings.database or settings.data / DATABASE_NAME


def existing_store(settings: Settings) -> Path | str:
    """Raises NotFound if there is no file, Conflict if the server's schema is not ours."""
    store = store_of(settings)
    if isinstance(store, str):
        require_current(store)
    elif not store.is_file():
        raise NotFound("no_database", f"{store} does not exist; name the directory with --data")
    return store


def shown_store(store: Path | str) -> str:
    """A store's name for people, without a password."""
    return shown(store) if isinstance(store, str) else str(store)


def database_of(store: Path | str, *, failpoint: Failpoint | None = None) -> Database:
    """The store, open for work. failpoint: for tests of crashes only."""
    if isinstance(store, str):
        return PostgresDatabase(store, failpoint=failpoint)
    return SqliteDatabase(store, failpoint=failpoint)


def refuse_in_use(url: str) -> None:
    """Raises Conflict if another process is connected to a server's database.

    For what must have it alone, as a directory's lock gives it to one process.
    """
    with transaction(url) as tx:
        if tx.scalar(_OTHERS):
            raise Conflict(
                "data_in_use",
                f"another answerable process serves {shown(url)}; stop it first, or use another "
                "--database",
            )


@contextmanager
def opened(store: Path | str, *, patience: timedelta = PATIENCE) -> Iterator[Engine]:
    """An engine that can only read: fit for a copy, and for a database that is in use.

    Each transaction sees one snapshot, of all tenants. patience: with a server that is away.
    """
    engine = _reading_server(store, patience) if isinstance(store, str) else _reading_file(store)
    try:
        yield engine
    finally:
        engine.dispose()


def _reading_server(url: str, patience: timedelta) -> Engine:
    engine = postgres_engine(url, connections=1).execution_options(
        isolation_level="REPEATABLE READ", postgresql_readonly=True
    )
    connected(engine, patience).close()

    @event.listens_for(engine, "begin")
    def look_at_all(connection: Connection) -> None:
        unhurried(connection)
        connection.execute(_EVERY_TENANT)

    return engine


def _reading_file(path: Path) -> Engine:
    engine = sa.create_engine(
        "sqlite://", creator=lambda: _read_only(path), poolclass=sa.pool.NullPool
    )

    @event.listens_for(engine, "begin")
    def say_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")  # one snapshot for all that is read in it

    return engine


def _read_only(path: Path) -> sqlite3.Connection:
    address = f"file:{quote(str(path.resolve()))}?mode=ro"
    try:
        connection = sqlite3.connect(address, uri=True, timeout=30, isolation_level=None)
        connection.execute("SELECT count(*) FROM sqlite_master").close()
    except sqlite3.OperationalError:
        if path.with_name(f"{path.name}-wal").exists():
            raise
        # A finished copy on a medium that cannot be written to: SQLite can make no index of it.
        address = f"{address}&immutable=1"
        connection = sqlite3.connect(address, uri=True, timeout=30, isolation_level=None)
    return connection


def stored_tenants(tx: Connection) -> list[TenantId]:
    """Every tenant with a stream, in alphabetical order."""
    query = sa.select(stream.c.tenant).distinct().order_by(stream.c.tenant)
    return [TenantId(name) for name in tx.scalars(query)]


@dataclass(frozen=True, kw_only=True)
class StoredDefinitions:
    """One tenant's definitions by hash, and which was in force from where in the feed on.

    unreadable: hashes whose stored source does not load under this version.
    """

    known: Mapping[str, ServiceDefinition]
    positions: tuple[int, ...]
    hashes: tuple[str, ...]
    otherwise: str
    unreadable: tuple[str, ...] = ()

    def at(self, position: int) -> str:
        """Hash of the definition that was in force when this position was written."""
        found = bisect_right(self.positions, position) - 1
        return self.hashes[found] if found >= 0 else self.otherwise

    def after(self, position: int) -> list[str]:
        """Hashes that came into force later, in order."""
        return list(self.hashes[bisect_right(self.positions, position) :])


def definitions_in_force(tx: Connection) -> list[tuple[str, bytes]]:
    """Of each tenant, its file's name and content, as last put in force."""
    rows = tx.execute(sa.select(service_definition).order_by(service_definition.c.activated_at))
    latest = {row.tenant: (row.name, row.source) for row in rows}
    return [latest[tenant] for tenant in sorted(latest)]


def read_definitions(
    tx: Connection, given: ServiceDefinition, actions: ActionLibrary
) -> StoredDefinitions:
    """What the database holds for the tenant of `given`, which is known even if it is not there."""
    known: dict[str, ServiceDefinition] = {}
    unreadable = []
    rows = tx.execute(
        sa.select(service_definition).where(service_definition.c.tenant == given.tenant)
    )
    for row in rows:
        loaded = load_definition(row.name, row.source, actions=actions.catalogue)
        if loaded.definition is None:
            unreadable.append(row.hash)
        else:
            known[row.hash] = loaded.definition
    known.setdefault(given.hash, given)
    activations = tx.execute(
        sa.select(events.c.position, events.c.data)
        .where(
            events.c.stream == administration_stream(given.tenant),
            events.c.kind == "definition_activated",
        )
        .order_by(events.c.seq)
    ).all()
    return StoredDefinitions(
        known=known,
        positions=tuple(row.position for row in activations),
        hashes=tuple(str(row.data["hash"]) for row in activations),
        otherwise=given.hash,
        unreadable=tuple(unreadable),
    )
