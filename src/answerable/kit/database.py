"""The database: one writer with group commit, many readers.

A *unit* is a plain function of a SQLAlchemy `Connection`; it runs in one transaction. On SQLite
all units go through one writer thread, which puts those that wait into one transaction and
commits once (WAL, synchronous=FULL): whoever awaits `write` is told only after that commit.

A unit may run twice: when one unit of a group fails, the group is rolled back and each is run
again by itself. Units therefore change nothing but the database; what must follow the commit
(filling a cache, say) is registered with `after_commit`.
"""

import asyncio
import json
import queue
import threading
import time
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, MetaData, event

from answerable.kit.canonical import canonical_text
from answerable.kit.failpoints import Failpoint
from answerable.kit.telemetry import get_logger

T = TypeVar("T")
A = TypeVar("A")
Unit = Callable[[Connection], T]
BatchUnit = Callable[[Connection, Sequence[A]], Sequence[T]]

log = get_logger("kit")

metadata = MetaData()

GROUP_SIZE = 256  # units a commit at most: past this the gain per unit is below 1 % (bench)
READERS = 4
CONNECT_ATTEMPTS = 10
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


def transaction_memory(tx: Connection) -> dict[Any, Any]:
    """A scratch dictionary that lives as long as this transaction, and no longer."""
    return cast("dict[Any, Any]", tx.info.setdefault("memory", {}))


@dataclass(slots=True)
class _Job:
    unit: Callable[..., Any]
    argument: Any  # for a batch unit; _SINGLE otherwise
    loop: asyncio.AbstractEventLoop
    future: asyncio.Future[Any]
    result: Any = None
    error: BaseException | None = None


_SINGLE = object()


class Database:
    """SQLite: the embedded store. Close it with `close`. failpoint: for tests of crashes only."""

    def __init__(self, path: Path | str, *, failpoint: Failpoint | None = None) -> None:
        self.path = str(path)
        self._failpoint = failpoint
        self.commits = 0
        self._stopped = False
        self._broken: BaseException | None = None
        self._jobs: queue.SimpleQueue[_Job | None] = queue.SimpleQueue()
        self._writer_engine = _sqlite_engine(self.path, begin="BEGIN IMMEDIATE")
        self._reader_engine = _sqlite_engine(self.path, begin="BEGIN", read_only=True)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._thread = threading.Thread(target=self._write_forever, name="writer", daemon=True)
        self._thread.start()

    async def write(self, unit: Unit[T]) -> T:
        """Run `unit` in a transaction; returns after it is durable, raises what it raised."""
        return cast("T", await self._submit(unit, _SINGLE))

    async def write_batched(self, unit: BatchUnit[A, T], argument: A) -> T:
        """Like `write`, but waiting arguments of one `unit` are handed to it together."""
        return cast("T", await self._submit(unit, argument))

    async def read(self, query: Unit[T]) -> T:
        """Run `query` on a read-only snapshot in a reader thread."""
        if self._stopped:
            raise DatabaseClosed("the database is closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, query)

    def _read(self, query: Unit[T]) -> T:
        with self._reader_engine.connect() as connection:
            return query(connection)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.close_now)

    def close_now(self) -> None:
        """Finish what is queued, then stop; for programs without an event loop."""
        self._jobs.put(None)
        self._thread.join()
        self._readers.shutdown()
        self._reader_engine.dispose()
        self._writer_engine.dispose()

    @property
    def waiting(self) -> int:
        """Units queued for the writer now."""
        return self._jobs.qsize()

    def _submit(self, unit: Callable[..., Any], argument: Any) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put(_Job(unit, argument, loop, future))
        if self._stopped:  # also if it stopped while we queued
            self._refuse_the_rest()
        return future

    def _write_forever(self) -> None:
        try:
            self._commit_groups()
        except BaseException as error:
            self._broken = error
            raise
        finally:
            self._stopped = True
            self._refuse_the_rest()

    def _refuse_the_rest(self) -> None:
        """Nobody may wait for a thread that is gone."""
        while True:
            try:
                job = self._jobs.get_nowait()
            except queue.Empty:
                return
            if job is not None:
                job.error = DatabaseClosed("the database writer has stopped")
                job.error.__cause__ = self._broken
                _tell([job])

    def _commit_groups(self) -> None:
        with _connected(self._writer_engine) as connection:
            stop = False
            while not stop:
                job = self._jobs.get()
                if job is None:
                    break
                group = [job]
                while len(group) < GROUP_SIZE:
                    try:
                        job = self._jobs.get_nowait()
                    except queue.Empty:
                        break
                    if job is None:
                        stop = True
                        break
                    group.append(job)
                self._commit_group(connection, group)

    def _commit_group(self, connection: Connection, group: list[_Job]) -> None:
        try:
            self._commit_together_or_apart(connection, group)
        except BaseException as error:  # the writer ends; whoever waits is told why
            for job in group:
                job.error = job.error or error
            raise
        finally:
            _tell(group)

    def _commit_together_or_apart(self, connection: Connection, group: list[_Job]) -> None:
        try:
            self._transaction(connection, group)
            return
        except Exception as error:
            if len(group) == 1:
                group[0].error = error
                return
        for job in group:
            try:
                self._transaction(connection, [job])
            except Exception as error:
                job.error = error

    def _transaction(self, connection: Connection, group: list[_Job]) -> None:
        connection.info.clear()
        with connection.begin():
            for unit, jobs in _by_unit(group):
                if jobs[0].argument is _SINGLE:
                    for job in jobs:
                        job.result = unit(connection)
                else:
                    results = unit(connection, [job.argument for job in jobs])
                    for job, result in zip(jobs, results, strict=True):
                        job.result = result
            if self._failpoint is not None:
                self._failpoint.reached("before", [job.unit for job in group])
        if self._failpoint is not None:
            self._failpoint.reached("after", [job.unit for job in group])
        self.commits += 1
        for callback in connection.info.get("after_commit", ()):
            try:
                callback()
            except Exception:  # what is committed is committed: it must not be run again
                log.exception("after_commit_failed")


def _connected(engine: Engine) -> Connection:
    """A connection; another process may hold the file for a moment while it opens it."""
    for attempt in range(1, CONNECT_ATTEMPTS + 1):
        try:
            return engine.connect()
        except sa.exc.OperationalError:
            if attempt == CONNECT_ATTEMPTS:
                raise
            time.sleep(0.05 * attempt)
    raise AssertionError("unreachable")


def _by_unit(group: list[_Job]) -> list[tuple[Callable[..., Any], list[_Job]]]:
    """Batch units gathered at the place of their first job; single units stay one by one."""
    gathered: list[tuple[Callable[..., Any], list[_Job]]] = []
    batches: dict[Callable[..., Any], list[_Job]] = {}
    for job in group:
        if job.argument is not _SINGLE and job.unit in batches:
            batches[job.unit].append(job)
            continue
        jobs = [job]
        gathered.append((job.unit, jobs))
        if job.argument is not _SINGLE:
            batches[job.unit] = jobs
    return gathered


def _tell(group: list[_Job]) -> None:
    by_loop: dict[asyncio.AbstractEventLoop, list[_Job]] = {}
    for job in group:
        by_loop.setdefault(job.loop, []).append(job)
    for loop, jobs in by_loop.items():
        if not loop.is_closed():
            loop.call_soon_threadsafe(_settle, jobs)


def _settle(jobs: list[_Job]) -> None:
    for job in jobs:
        if job.future.cancelled():
            continue
        if job.error is None:
            job.future.set_result(job.result)
        else:
            job.future.set_exception(job.error)


def _sqlite_engine(path: str, *, begin: str, read_only: bool = False) -> Engine:
    engine = sa.create_engine(
        f"sqlite:///{path}",
        connect_args={"check_same_thread": False, "timeout": 30},
        pool_size=READERS,
        max_overflow=READERS,
    )

    @event.listens_for(engine, "connect")
    def configure(dbapi_connection: Any, _record: Any) -> None:
        dbapi_connection.isolation_level = None  # we say BEGIN ourselves
        for pragma in (
            "journal_mode=WAL",
            "synchronous=FULL",
            "foreign_keys=ON",
            "secure_delete=ON",
            "temp_store=MEMORY",
            # KiB. The writer touches pages all over a large store; a reader a page or two.
            f"cache_size={'-16384' if read_only else '-98304'}",
            f"query_only={'ON' if read_only else 'OFF'}",
        ):
            dbapi_connection.execute(f"PRAGMA {pragma}")

    @event.listens_for(engine, "begin")
    def say_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
