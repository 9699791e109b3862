"""The database: units of work in transactions, the same on SQLite and on PostgreSQL.

A *unit* is a plain function of a SQLAlchemy `Connection`; it runs in one transaction, and whoever
awaits `write` is told only after its commit. `kit.sqlite` is the embedded store, `kit.postgres`
that of a cluster.

A unit may run twice: when one unit of a group fails, the group is rolled back and each is run
again by itself; on PostgreSQL a transaction may also have to give way to another. Units therefore
change nothing but the database; what must follow the commit (filling a cache, say) is registered
with `after_commit`.
"""

import asyncio
import json
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, Protocol, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import Connection, MetaData

from answerable.kit.canonical import canonical_text
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import get_logger

T = TypeVar("T")
A = TypeVar("A")
Unit = Callable[[Connection], T]
BatchUnit = Callable[[Connection, Sequence[A]], Sequence[T]]

log = get_logger("kit")

metadata = MetaData()

GROUP_SIZE = 256  # units a commit at most: past this the gain per unit is below 1 % (bench)
_LOCK = sa.text(
    "SELECT pg_advisory_xact_lock(hashtextextended(name, 0)) "
    "FROM unnest(CAST(:names AS text[])) AS name"
)
_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_MICROSECOND = timedelta(microseconds=1)


class UtcDateTime(sa.types.TypeDecorator[datetime]):
    """An aware UTC moment, stored as whole microseconds since 1970 in any database."""

    impl = sa.BigInteger
    cache_ok = True

    def process_bind_param(self, value: datetime | None, dialect: sa.Dialect) -> int | None:
        return None if value is None else (value - _EPOCH) // _MICROSECOND

    def process_result_value(self, value: int | None, dialect: sa.Dialect) -> datetime | None:
        return None if value is None else _EPOCH + value * _MICROSECOND


class JsonText(sa.types.TypeDecorator[Any]):
    """A JSON value, stored as canonical text."""

    impl = sa.Text
    cache_ok = True

    def process_bind_param(self, value: Any, dialect: sa.Dialect) -> str | None:
        return None if value is None else canonical_text(value)

    def process_result_value(self, value: str | None, dialect: sa.Dialect) -> Any:
        return None if value is None else json.loads(value)


class DatabaseClosed(Exception):
    """The database was closed, or its writer failed; the cause says why."""


def after_commit(tx: Connection, callback: Callable[[], None]) -> None:
    """Run `callback` on the writer thread once this transaction is on disk; never if it fails."""
    tx.info.setdefault("after_commit", []).append(callback)


def lock_until_commit(tx: Connection, names: Iterable[str]) -> None:
    """Let no other transaction that asks for one of these names pass before this one ends.

    On SQLite there is one writer anyway.
    """
    # In one order everywhere, so that two who want the same ones do not wait for each other.
    wanted = sorted(set(names))
    if wanted and tx.dialect.name == "postgresql":
        tx.execute(_LOCK, {"names": wanted})


@contextmanager
def sent_together(tx: Connection) -> Iterator[None]:
    """Statements within, of which nobody asks what came of them, do not wait for one another.

    To PostgreSQL they travel as one; what fails may be told at a later one of them, or at the end.
    None may return rows, also not the keys that SQLAlchemy asks for where the server makes them.
    """
    if tx.dialect.name != "postgresql":
        yield
        return
    driver: Any = tx.connection.driver_connection
    failure = tx.dialect.loaded_dbapi.Error
    try:
        with driver.pipeline():
            yield
    except failure as error:
        if driver.closed:
            tx.invalidate(error)
        raise sa.exc.DBAPIError.instance(
            None, None, error, failure, connection_invalidated=driver.closed, dialect=tx.dialect
        ) from error


def delete_some(
    tx: Connection, key: sa.Column[Any], which: sa.ColumnElement[bool], *, most: int
) -> int:
    """Delete rows of the key's table, `most` of them at most; how many went."""
    some = sa.select(key).where(which).limit(most)
    return tx.execute(sa.delete(key.table).where(key.in_(some))).rowcount


def transaction_memory(tx: Connection) -> dict[Any, Any]:
    """A scratch dictionary that lives as long as this transaction, and no longer."""
    return cast("dict[Any, Any]", tx.info.setdefault("memory", {}))


class Database(Protocol):
    """Where units run. Close it with `close`.

    exclusive: no other process writes this store, so that what was read before holds until this
    process changes it.
    """

    commits: int
    exclusive: bool

    async def write(self, unit: Unit[T], *, tenant: TenantId | None = None) -> T:
        """Run `unit` in a transaction; returns after it is durable, raises what it raised.

        tenant: the only one whose rows the unit needs; PostgreSQL shows it no others. None: all.
        """
        ...

    async def write_batched(self, unit: BatchUnit[A, T], argument: A) -> T:
        """Like `write`, but waiting arguments of one `unit` are handed to it together."""
        ...

    async def read(self, query: Unit[T], *, tenant: TenantId | None = None) -> T:
        """Run `query` on a read-only snapshot in a reader thread. tenant: as for `write`."""
        ...

    async def read_batched(
        self, query: BatchUnit[A, T], argument: A, *, tenant: TenantId | None = None
    ) -> T:
        """Like `read`, but waiting arguments of one `query` are handed to it together."""
        ...

    async def read_remembered(
        self, query: BatchUnit[A, T], argument: A, *, tenant: TenantId | None = None
    ) -> T:
        """Like `read_batched`, but not read again while nothing has been committed since.

        argument: hashable, and all that the answer depends on besides the store. Whoever gets the
        answer shares it with others, and does not change it.
        """
        ...

    async def settle(self) -> None:
        """Return once all that was asked for is done, also what nobody waits for any more."""
        ...

    async def shred(self, patience: timedelta) -> bool:
        """Leave nothing of deleted rows in the store's own files; False if it could not yet.

        patience: how long to wait for those who still read them.
        """
        ...

    async def close(self) -> None:
        """Finish what is queued, then stop."""
        ...

    def close_now(self) -> None:
        """`close`, for programs without an event loop."""
        ...

    @property
    def waiting(self) -> int:
        """Units queued now."""
        ...


def is_of(tenant: Any, column: sa.Column[str]) -> sa.ColumnElement[bool]:
    """Whether a row that is sought by its key has this tenant in `column`.

    To be used beside a list of keys. SQLite does not know how much a tenant has: a plain condition
    lets it take an index that begins with the tenant, and read all there is instead of twenty rows.
    """
    condition: sa.ColumnElement[bool] = column.concat("") == tenant
    return condition


def in_index_order(tx: Connection) -> None:
    """For the rest of this transaction, rows are read one by one as an index has them.

    For lists of which the beginning is wanted. PostgreSQL reckons with the rows that a key has on
    the average: of a key that has very many it gathers all of them, to sort them. SQLite does not.
    """
    if tx.dialect.name == "postgresql":
        tx.exec_driver_sql("SET LOCAL enable_bitmapscan = off")


# What both stores are made of


SINGLE: Any = object()  # the argument of a unit that is not batched


@dataclass(slots=True)
class Job:
    """A unit that waits to be run, and whom to tell."""

    unit: Callable[..., Any]
    argument: Any  # for a batch unit; SINGLE otherwise
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    tenant: TenantId | None = None
    result: Any = None
    error: BaseException | None = None


def run_jobs(tx: Connection, group: Sequence[Job]) -> None:
    """Run the units of a transaction and keep their results."""
    for unit, jobs in by_unit(group):
        if jobs[0].argument is SINGLE:
            for job in jobs:
                job.result = unit(tx)
        else:
            results = unit(tx, [job.argument for job in jobs])
            for job, result in zip(jobs, results, strict=True):
                job.result = result


def to_run_after(tx: Connection) -> Sequence[Callable[[], None]]:
    """What the units of a transaction want to follow its commit."""
    return cast("Sequence[Callable[[], None]]", tx.info.get("after_commit", ()))


def run_all(callbacks: Sequence[Callable[[], None]]) -> None:
    """Run what follows a commit; a failure is logged."""
    for callback in callbacks:
        try:
            callback()
        except Exception:  # what is committed is committed: it must not be run again
            log.exception("after_commit_failed")


def by_unit(group: Sequence[Job]) -> list[tuple[Callable[..., Any], list[Job]]]:
    """Batch units gathered at the place of their first job; single units stay one by one."""
    gathered: list[tuple[Callable[..., Any], list[Job]]] = []
    batches: dict[Callable[..., Any], list[Job]] = {}
    for job in group:
        if job.argument is not SINGLE and job.unit in batches:
            batches[job.unit].append(job)
            continue
        jobs = [job]
        gathered.append((job.unit, jobs))
        if job.argument is not SINGLE:
            batches[job.unit] = jobs
    return gathered


def tell(group: Sequence[Job]) -> None:
    """Wake those who wait for these jobs, each on its own event loop."""
    by_loop: dict[asyncio.AbstractEventLoop, list[Job]] = {}
    for job in group:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, jobs)


def _settle(jobs: list[Job]) -> None:
    for job in jobs:
        if job.future.cancelled():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)
