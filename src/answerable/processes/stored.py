"""A stored installation, read without starting it: its database, and the definitions it kept."""

import sqlite3
from bisect import bisect_right
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event

from answerable.definition.load import load_definition
from answerable.definition.schema import ServiceDefinition
from answerable.flow.definitions import service_definition
from answerable.kit.errors import NotFound
from answerable.kit.ids import TenantId
from answerable.ledger.administration import administration_stream
from answerable.ledger.store import event as events
from answerable.ledger.store import stream
from answerable.playbooks.action import ActionLibrary

DATABASE_NAME = "answerable.db"


def database_file(data: Path) -> Path:
    """The database in a data directory. Raises NotFound if there is none."""
    path = data / DATABASE_NAME
    if not path.is_file():
        raise NotFound("no_database", f"{path} does not exist; name the directory with --data")
    return path


@contextmanager
def opened(path: Path) -> Iterator[Engine]:
    """An engine that can only read: fit for a copy, and for a database that is in use."""
    engine = sa.create_engine(
        "sqlite://", creator=lambda: _read_only(path), poolclass=sa.pool.NullPool
    )

    @event.listens_for(engine, "begin")
    def say_begin(connection: Connection) -> None:
        connection.exec_driver_sql("BEGIN")  # one snapshot for all that is read in it

    try:
        yield engine
    finally:
        engine.dispose()


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
