"""SQLite: the embedded store. One writer with group commit, many readers.

All units go through one writer thread, which puts those that wait into one transaction and
commits once (WAL, synchronous=FULL).
"""

import asyncio
import queue
import sqlite3
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from datetime import timedelta
from pathlib import Path
from typing import Any, TypeVar, cast

import sqlalchemy as sa
from sqlalchemy import Connection, Engine, event

from answerable.kit.database import (
    GROUP_SIZE,
    SINGLE,
    BatchUnit,
    DatabaseClosed,
    Job,
    Unit,
    run_all,
    run_jobs,
    tell,
    to_run_after,
)
from answerable.kit.failpoints import Failpoint
from answerable.kit.ids import TenantId
from answerable.kit.reading import GatheredReads, RememberedReads

T = TypeVar("T")
A = TypeVar("A")

READERS = 4
PRAGMA_ATTEMPTS = 100  # 20 ms apart


class SqliteDatabase:
    """SQLite: the embedded store. Close it with `close`. failpoint: for tests of crashes only."""

    def __init__(self, path: Path | str, *, failpoint: Failpoint | None = None) -> None:
        self.path = str(path)
        self._failpoint = failpoint
        self.commits = 0
        self.exclusive = True
        self._stopped = False
        self._broken: BaseException | None = None
        self._jobs: queue.SimpleQueue[Job | None] = queue.SimpleQueue()
        self._writer_engine = sqlite_engine(self.path, begin="BEGIN IMMEDIATE")
        self._reader_engine = sqlite_engine(self.path, begin="BEGIN", read_only=True)
        self._together = GatheredReads(self.read)
        self._remembered = RememberedReads(self._version, self.read_batched)
        self._watch: sqlite3.Connection | None = None
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._thread = threading.Thread(target=self._write_forever, name="writer", daemon=True)
        self._thread.start()

    async def write(self, unit: Unit[T], *, tenant: TenantId | None = None) -> T:
        """Run `unit` in a transaction; returns after it is durable, raises what it raised."""
        return cast("T", await self._submit(unit, SINGLE))

    async def write_batched(self, unit: BatchUnit[A, T], argument: A) -> T:
        """Like `write`, but waiting arguments of one `unit` are handed to it together."""
        return cast("T", await self._submit(unit, argument))

    async def settle(self) -> None:
        await self.write(lambda _tx: None)  # the writer takes one after the other

    async def read(self, query: Unit[T], *, tenant: TenantId | None = None) -> T:
        """Run `query` on a read-only snapshot in a reader thread."""
        if self._stopped:
            raise DatabaseClosed("the database is closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, self._read, query)

    async def read_batched(
        self, query: BatchUnit[A, T], argument: A, *, tenant: TenantId | None = None
    ) -> T:
        """Like `read`, but waiting arguments of one `query` are handed to it together."""
        return cast("T", await self._together.ask(query, argument, tenant))

    async def read_remembered(
        self, query: BatchUnit[A, T], argument: A, *, tenant: TenantId | None = None
    ) -> T:
        """Like `read_batched`, but not read again while nothing has been committed since."""
        return cast("T", await self._remembered.ask(query, argument, tenant))

    async def _version(self) -> int:
        """Another one after each commit, whoever made it. A look at the log's index: it takes less
        than to hand the question to a thread."""
        if self._stopped:
            raise DatabaseClosed("the database is closed")
        if self._watch is None:
            self._watch = sqlite3.connect(self.path, check_same_thread=False, isolation_level=None)
        return int(self._watch.execute("PRAGMA data_version").fetchone()[0])

    def _read(self, query: Unit[T]) -> T:
        with self._reader_engine.connect() as connection:
            return query(connection)

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.close_now)

    async def shred(self, patience: timedelta) -> bool:
        """Leave nothing in the log of what was deleted; False if readers needed it throughout."""
        return await asyncio.to_thread(empty_log, self.path, patience)

    def close_now(self) -> None:
        """Finish what is queued, then stop; for programs without an event loop."""
        self._jobs.put(None)
        self._thread.join()
        self._readers.shutdown()
        if self._watch is not None:
            self._watch.close()
        self._reader_engine.dispose()
        self._writer_engine.dispose()

    @property
    def waiting(self) -> int:
        """Units queued for the writer now."""
        return self._jobs.qsize()

    def _submit(self, unit: Callable[..., Any], argument: Any) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        future: asyncio.Future[Any] = loop.create_future()
        self._jobs.put(Job(unit, argument, loop, future))
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
                tell([job])

    def _commit_groups(self) -> None:
        with self._writer_engine.connect() as connection:
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

    def _commit_group(self, connection: Connection, group: list[Job]) -> None:
        try:
            self._commit_together_or_apart(connection, group)
        except BaseException as error:  # the writer ends; whoever waits is told why
            for job in group:
                job.error = job.error or error
            raise
        finally:
            tell(group)

    def _commit_together_or_apart(self, connection: Connection, group: list[Job]) -> None:
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

    def _transaction(self, connection: Connection, group: list[Job]) -> None:
        connection.info.clear()
        with connection.begin():
            run_jobs(connection, group)
            if self._failpoint is not None:
                self._failpoint.reached("before", [job.unit for job in group])
        if self._failpoint is not None:
            self._failpoint.reached("after", [job.unit for job in group])
        self.commits += 1
        run_all(to_run_after(connection))


def empty_log(path: str, patience: timedelta) -> bool:
    """Move the write-ahead log into the database and cut it to nothing; whether that succeeded."""
    until = time.monotonic() + patience.total_seconds()
    with closing(sqlite3.connect(path, timeout=1, isolation_level=None)) as connection:
        connection.execute("PRAGMA secure_delete=ON")
        while True:
            busy, _, _ = connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchone()
            if not busy or time.monotonic() > until:
                return not busy
            time.sleep(0.05)


def say_pragma(
    connection: Any, pragma: str, *, pause: Callable[[float], None] = time.sleep
) -> None:
    """As often as it takes: of several who make a new file's journal a write-ahead log at the same
    moment, SQLite tells some that it is locked at once, and lets none of them wait.

    connection: the driver's. Raises sqlite3.OperationalError if it stays locked.
    """
    for attempt in range(PRAGMA_ATTEMPTS):
        try:
            connection.execute(f"PRAGMA {pragma}")
            return
        except sqlite3.OperationalError as error:
            if error.sqlite_errorcode != sqlite3.SQLITE_BUSY or attempt == PRAGMA_ATTEMPTS - 1:
                raise
            pause(0.02)


def sqlite_engine(path: str, *, begin: str, read_only: bool = False) -> Engine:
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
            # Bytes. In a large store the writer seldom finds a page in its cache: to read it by a
            # system call is what would grow with the store.
            f"mmap_size={0 if read_only else 2**30}",
            f"query_only={'ON' if read_only else 'OFF'}",
        ):
            say_pragma(dbapi_connection, pragma)

    @event.listens_for(engine, "begin")
    def say_begin(connection: Connection) -> None:
        connection.exec_driver_sql(begin)

    return engine
