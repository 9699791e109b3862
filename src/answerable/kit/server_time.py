"""The database server's time: the processes of a cluster agree on it, whatever their clocks say."""

from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.compiler import SQLCompiler
from sqlalchemy.sql.functions import FunctionElement

from answerable.kit.clock import Clock
from answerable.kit.database import Database, UtcDateTime
from answerable.kit.telemetry import CLOCK_AHEAD, get_logger

log = get_logger("kit")

TOLERANCE = timedelta(seconds=1)  # between machines; what NTP leaves is far less
_THERE = sa.select(sa.func.clock_timestamp())
_NOW = "CAST(EXTRACT(EPOCH FROM now()) * 1000000 AS BIGINT)"


class SharedClock:
    """A process's clock, put right by the server's where they differ by more than `TOLERANCE`.

    Leases, deadlines and pauses that one process writes are then read alike by all others. The
    clock of the machine may be stepped at any time: `compare` before what must not be wrong.
    """

    def __init__(self, own: Clock) -> None:
        self._own = own
        self._correction = timedelta()

    def now(self) -> datetime:
        return self._own.now() + self._correction

    async def compare(self, database: Database) -> None:
        """Ask the server, a PostgreSQL one, for its time."""
        before = self._own.now()
        there = await database.read(lambda tx: tx.execute(_THERE).scalar_one())
        correction = there - (before + (self._own.now() - before) / 2)
        CLOCK_AHEAD.set(-correction.total_seconds())
        if abs(correction) <= TOLERANCE:
            correction = timedelta()
        if abs(correction - self._correction) > TOLERANCE:
            log.warning("clock_corrected", seconds=round(correction.total_seconds(), 1))
        self._correction = correction


class NotAfterNow(FunctionElement[Any]):
    """A moment, or the server's present if the moment is in its future.

    The second argument, 0 or NULL, says whether: with NULL the moment stays as it is. A SQLite file
    has no server, and its process no other to differ from: there the moment always stays.
    """

    name = "not_after_now"
    inherit_cache = True
    type = UtcDateTime()

    def __init__(self, moment: sa.ColumnElement[Any], zero: sa.ColumnElement[Any]) -> None:
        super().__init__(moment, sa.cast(zero, sa.BigInteger))


@compiles(NotAfterNow)
def _as_it_is(element: NotAfterNow, compiler: SQLCompiler, **options: Any) -> str:
    moment, _ = element.clauses
    return compiler.process(moment, **options)


@compiles(NotAfterNow, "postgresql")
def _by_the_server(element: NotAfterNow, compiler: SQLCompiler, **options: Any) -> str:
    moment, zero = (compiler.process(one, **options) for one in element.clauses)
    return f"LEAST({moment}, {_NOW} + {zero})"  # LEAST passes over NULL
