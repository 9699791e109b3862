"""How every part of the program connects to a PostgreSQL server."""

import random
import time
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Engine

from answerable.kit.errors import StoreUnavailable

PATIENCE = timedelta(seconds=10)  # how long one waits for a server that is away
RETRY_AFTER = timedelta(seconds=5)
EVERY_TENANT = "*"

# How long the server works on a statement, and how long one waits for any answer of its.
LONGEST_STATEMENT = timedelta(seconds=15)
LONGEST_SILENCE = timedelta(seconds=20)

_AWAY = ("08", "53", "57P")  # connection exception, insufficient resources, operator intervention
# A transaction whose program is silent holds its locks for so long, and others up with it; ours
# have nothing to do between two statements that takes longer than a moment. A process that vanished
# without a word loses its locks in about 15 s.
_SESSION = (
    f"-c statement_timeout={LONGEST_STATEMENT.seconds}s -c lock_timeout=10s "
    "-c idle_in_transaction_session_timeout=10s "
    "-c tcp_keepalives_idle=5 -c tcp_keepalives_interval=5 -c tcp_keepalives_count=2 "
    # A plan that is kept was made when a table was small, and reads it whole: each change of a row
    # leaves its old version there until the next vacuum, and what is sought by its key then takes
    # longer with every message. To plan each time takes less than it saves.
    "-c plan_cache_mode=force_custom_plan"
)
_CONNECTION = {
    "application_name": "answerable",
    "connect_timeout": 5,
    "options": _SESSION,
    # A server that vanished is noticed as fast.
    "keepalives_idle": 5,
    "keepalives_interval": 5,
    "keepalives_count": 2,
    "tcp_user_timeout": 15_000,
}


def postgres_engine(url: str, *, connections: int) -> Engine:
    """An engine on the server, as every part of the program connects to it."""
    address = sa.engine.make_url(url).set(drivername="postgresql+psycopg")
    return sa.create_engine(
        address,
        pool_size=connections,
        max_overflow=0,
        pool_timeout=30,
        connect_args=_CONNECTION,
        hide_parameters=True,  # an error's text stands in logs
    )


def driver_arguments(url: str) -> dict[str, Any]:
    """What the driver itself needs to connect in the same way, for a connection of its own."""
    address = sa.engine.make_url(url)
    told = {
        "host": address.host,
        "port": address.port,
        "dbname": address.database,
        "user": address.username,
        "password": address.password,
        **address.query,
        **_CONNECTION,
    }
    return {name: value for name, value in told.items() if value is not None}


def connected(engine: Engine, patience: timedelta = PATIENCE) -> Connection:
    """A connection; one waits for a server that is away. Raises StoreUnavailable, which says why.

    For programs that begin: at work, `PostgresDatabase` does as much.
    """
    until, waits = time.monotonic() + patience.total_seconds(), pauses()
    while True:
        try:
            return engine.connect()
        except sa.exc.DBAPIError as error:
            if not is_away(error) or time.monotonic() > until:
                raise unavailable(f"{shown(engine.url)}: {_reason(error)}") from error
        time.sleep(next(waits))


def unhurried(tx: Connection) -> None:
    """Lift the limits that are meant for a service's short transactions from this one."""
    for limit in ("statement_timeout", "idle_in_transaction_session_timeout", "lock_timeout"):
        tx.exec_driver_sql(f"SET LOCAL {limit} = 0")


def shown(url: str | sa.URL) -> str:
    """A database's address as people may see it: without user and password."""
    address = sa.engine.make_url(url)
    port = f":{address.port}" if address.port else ""
    return f"postgresql://{address.host or ''}{port}/{address.database or ''}"


def unavailable(why: str = "") -> StoreUnavailable:
    message = "the database server cannot be reached"
    return StoreUnavailable(
        "store_unavailable", f"{message}: {why}" if why else message, retry_after=RETRY_AFTER
    )


def is_unavailable(error: Exception) -> bool:
    """Whether it is this server that is away, and not what else a unit needs."""
    return isinstance(error, StoreUnavailable) and error.code == "store_unavailable"


def _reason(error: sa.exc.DBAPIError) -> str:
    """The end of the driver's first line, which names no password."""
    lines = str(error.orig).strip().splitlines() or [type(error.orig).__name__]
    return lines[0].rpartition("failed: ")[2].strip()


def sqlstate(error: sa.exc.DBAPIError) -> str:
    return getattr(error.orig, "sqlstate", None) or ""


def is_away(error: sa.exc.DBAPIError) -> bool:
    """No state is what the driver says when the connection broke or could not be made."""
    if not isinstance(error, sa.exc.OperationalError | sa.exc.InterfaceError):
        return False
    state = sqlstate(error)
    return error.connection_invalidated or not state or state.startswith(_AWAY)


def pauses() -> Iterator[float]:
    """Seconds, growing to half a second, at random so that two who met do not meet again."""
    pause = 0.005
    while True:
        yield pause * (0.5 + random.random())
        pause = min(pause * 2, 0.5)
