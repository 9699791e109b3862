"""PostgreSQL: the same units in the same words as on SQLite, from several processes at once.

A transaction holds one unit, or one batch of what waits for the same batch unit. Batches of one
unit follow one another, in the order in which they were asked for; different units run side by
side. Isolation is read committed: whatever reads to decide locks what it read
(`with_for_update` or `lock_until_commit`).

What the server may do to a transaction, and what follows:
- it refuses it for the sake of another (a deadlock, the same key inserted at the same moment):
  it is run again, and then sees the other's rows;
- it is away: the transaction is tried again for PATIENCE, then `StoreUnavailable` is raised;
- the connection breaks during the commit: the server is asked whether the transaction counts;
- nothing is heard of it although the connection stands: `postgres_silence` breaks it.
"""

import asyncio
import threading
import time
from collections import deque
from collections.abc import Callable, Hashable, Sequence
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import timedelta
from typing import Any, TypeVar, cast

import sqlalchemy as sa

from answerable.kit.database import (
    GROUP_SIZE,
    SINGLE,
    BatchUnit,
    DatabaseClosed,
    Job,
    Unit,
    lock_until_commit,
    run_all,
    run_jobs,
    tell,
    to_run_after,
)
from answerable.kit.failpoints import Failpoint
from answerable.kit.ids import TenantId
from answerable.kit.postgres_connection import (
    EVERY_TENANT,
    LONGEST_SILENCE,
    PATIENCE,
    is_away,
    is_unavailable,
    pauses,
    postgres_engine,
    sqlstate,
    unavailable,
)
from answerable.kit.postgres_silence import UNLIMITED, SilenceWatch
from answerable.kit.reading import GatheredReads, RememberedReads
from answerable.kit.telemetry import get_logger

T = TypeVar("T")
A = TypeVar("A")

log = get_logger("kit")

WRITERS = 4
READERS = 4

_GIVE_WAY = {
    "40001": 8,  # serialization_failure
    "40P01": 8,  # deadlock_detected
    "55P03": 2,  # lock_not_available: it has waited long already
    # unique_violation: another inserted the same key meanwhile. Seen again, it is no coincidence.
    "23505": 2,
}
_BEGUN = sa.text(
    "SELECT set_config('answerable.tenant', :tenant, true), pg_current_xact_id()::text"
)
_SCOPE = sa.text("SELECT set_config('answerable.tenant', :tenant, true)")
# Which transactions have ended, and on which server: another one may have taken its place.
_VERSION = sa.text("SELECT pg_current_snapshot()::text, pg_postmaster_start_time()::text")
_STATUS = sa.text("SELECT pg_xact_status(CAST(CAST(:id AS text) AS xid8))")


class PostgresDatabase:
    """The store of a cluster. url: `postgresql://user:password@host/name`. Close it with `close`.

    Opening it needs no server: the first transaction does. failpoint: for tests of crashes only.
    """

    def __init__(
        self,
        url: str,
        *,
        failpoint: Failpoint | None = None,
        patience: timedelta = PATIENCE,
        silence: timedelta = LONGEST_SILENCE,
    ) -> None:
        self.commits = 0
        self.exclusive = False
        self._failpoint = failpoint
        self._patience = patience.total_seconds()
        self._engine = postgres_engine(url, connections=WRITERS + READERS)
        self._silence = SilenceWatch(self._engine, silence)
        self._queue = _Queue()
        self._together = GatheredReads(self.read)
        self._versions = GatheredReads(self._look)
        self._remembered = RememberedReads(self._version, self.read_batched)
        self._readers = ThreadPoolExecutor(READERS, thread_name_prefix="reader")
        self._writers = [
            threading.Thread(target=self._write_forever, name=f"writer-{n}", daemon=True)
            for n in range(WRITERS)
        ]
        for thread in self._writers:
            thread.start()

    async def write(self, unit: Unit[T], *, tenant: TenantId | None = None) -> T:
        """Run `unit` in a transaction; returns after it is durable, raises what it raised.

        tenant: the only one whose rows the unit can see and change; None: all.
        """
        return cast("T", await self._submit(unit, SINGLE, tenant))

    async def write_batched(self, unit: BatchUnit[A, T], argument: A) -> T:
        """Like `write`, but waiting arguments of one `unit` are handed to it together."""
        return cast("T", await self._submit(unit, argument, None))

    async def read(self, query: Unit[T], *, tenant: TenantId | None = None) -> T:
        """Run `query` on a read-only snapshot in a reader thread."""
        return await self._in_reader(self._read, query, tenant)

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

    async def _version(self) -> Hashable:
        return cast("Hashable", await self._versions.ask(_read_version, None, None))

    async def settle(self) -> None:
        """Return once nothing is asked for; who asks on meanwhile is waited for too."""
        await asyncio.to_thread(self._queue.wait_until_idle)

    async def shred(self, patience: timedelta) -> bool:
        """Vacuum, so that no page keeps what was deleted.

        The server's write-ahead log and its archive keep it until they are recycled: that is the
        operator's setting, and why what matters is encrypted under a key that is destroyed.
        """
        return await asyncio.to_thread(self._vacuum, patience)

    def _vacuum(self, patience: timedelta) -> bool:
        with self._engine.connect() as plain:
            connection = plain.execution_options(isolation_level="AUTOCOMMIT", **{UNLIMITED: True})
            connection.exec_driver_sql(
                f"SET statement_timeout = '{int(patience.total_seconds())}s'"
            )
            try:
                connection.exec_driver_sql("VACUUM")
            except sa.exc.OperationalError:
                return False
            finally:
                connection.invalidate()  # its settings are not for the next one
        return True

    async def close(self) -> None:
        await asyncio.get_running_loop().run_in_executor(None, self.close_now)

    def close_now(self) -> None:
        """Finish what is queued, then stop; for programs without an event loop."""
        self._queue.close()
        for thread in self._writers:
            thread.join()
        self._readers.shutdown()
        self._silence.stop()
        self._engine.dispose()

    @property
    def waiting(self) -> int:
        """Units queued for the writers now."""
        return len(self._queue)

    def _submit(
        self, unit: Callable[..., Any], argument: Any, tenant: TenantId | None
    ) -> asyncio.Future[Any]:
        loop = asyncio.get_running_loop()
        job = Job(unit, argument, loop, loop.create_future(), tenant)
        if not self._queue.put(job):
            job.error = DatabaseClosed("the database is closed")
            tell([job])
        return job.future

    def _read(self, query: Unit[T], tenant: TenantId | None) -> T:
        def attempt(_conflicts: int) -> T:
            with self._engine.connect() as plain:
                connection = plain.execution_options(
                    isolation_level="REPEATABLE READ", postgresql_readonly=True
                )
                with connection.begin():
                    connection.execute(_SCOPE, {"tenant": tenant or EVERY_TENANT})
                    return query(connection)

        return self._persist(attempt)

    async def _look(self, query: Unit[T], *, tenant: TenantId | None = None) -> T:
        """Ask one statement that needs no transaction, and sees no rows."""

        def attempt(_conflicts: int) -> T:
            with self._engine.connect() as plain:
                return query(plain.execution_options(isolation_level="AUTOCOMMIT"))

        return await self._in_reader(self._persist, attempt)

    async def _in_reader(self, call: Callable[..., T], *arguments: Any) -> T:
        if self._queue.closed:
            raise DatabaseClosed("the database is closed")
        loop = asyncio.get_running_loop()
        return await loop.run_in_executor(self._readers, call, *arguments)

    # Writing

    def _write_forever(self) -> None:
        while (group := self._queue.take()) is not None:
            try:
                self._together_or_apart(group)
            finally:
                self._queue.done(group)
                tell(group)

    def _together_or_apart(self, group: list[Job]) -> None:
        try:
            self._persist(lambda conflicts: self._transaction(group, conflicts))
            return
        except Exception as error:
            if len(group) == 1 or is_unavailable(error):
                for job in group:
                    job.error = error
                return
        for job in group:
            try:
                self._alone(job)
            except Exception as error:
                job.error = error

    def _alone(self, job: Job) -> None:
        self._persist(lambda conflicts: self._transaction([job], conflicts))

    def _transaction(self, group: list[Job], conflicts: int) -> None:
        with self._engine.connect() as connection:
            connection.info.clear()
            transaction = connection.begin()
            try:
                tenant = group[0].tenant or EVERY_TENANT
                number = connection.execute(_BEGUN, {"tenant": tenant}).one()[1]
                if conflicts:  # those that gave way go one after the other, or they meet again
                    lock_until_commit(connection, ["gave way"])
                run_jobs(connection, group)
                callbacks = to_run_after(connection)
                self._reached("before", group)
            except BaseException:
                _roll_back(transaction)
                raise
            try:
                transaction.commit()
            except sa.exc.DBAPIError as error:
                if not is_away(error) or not self._counts(number):
                    raise
            self._reached("after", group)
            self.commits += 1
            run_all(callbacks)

    def _reached(self, moment: Any, group: list[Job]) -> None:
        if self._failpoint is not None:
            self._failpoint.reached(moment, [job.unit for job in group])

    def _counts(self, number: str) -> bool:
        """Whether the transaction whose commit got no answer was committed after all."""

        def ask(_conflicts: int) -> str | None:
            with self._engine.connect() as connection:
                return connection.execute(_STATUS, {"id": number}).scalar()

        while (status := self._persist(ask)) == "in progress":
            time.sleep(0.05)  # the server has not noticed yet that we are gone
        return status == "committed"

    def _persist(self, attempt: Callable[[int], T]) -> T:
        """Run `attempt` until it is done, gives way too often, or the server is away too long.

        It is told how often it gave way before.
        """
        conflicts, away_since, waits = 0, None, pauses()
        while True:
            try:
                return attempt(conflicts)
            except sa.exc.DBAPIError as error:
                if limit := _gives_way(error):
                    conflicts += 1
                    if conflicts > limit:
                        raise
                elif is_away(error):
                    away_since = away_since or time.monotonic()
                    if time.monotonic() - away_since > self._patience or self._queue.closed:
                        log.error("store_unavailable", why=type(error.orig).__name__)
                        raise unavailable() from error
                else:
                    raise
            time.sleep(next(waits))


class _Queue:
    """What waits to be written. Singles in order, and batches by unit, each in order."""

    def __init__(self) -> None:
        self.closed = False
        self._news = threading.Condition()
        self._singles: deque[Job] = deque()
        self._batches: dict[Callable[..., Any], deque[Job]] = {}
        self._busy: set[Callable[..., Any]] = set()
        self._under_way = 0

    def put(self, job: Job) -> bool:
        """False if the queue is closed."""
        with self._news:
            if self.closed:
                return False
            if job.argument is SINGLE:
                self._singles.append(job)
            else:
                self._batches.setdefault(job.unit, deque()).append(job)
            self._news.notify()
            return True

    def take(self) -> list[Job] | None:
        """What makes the next transaction, until `done`; None once closed and empty."""
        with self._news:
            while True:
                group = self._next()
                if group is not None:
                    self._under_way += 1
                    return group
                if self.closed and not self._batches:
                    return None
                self._news.wait()

    def _next(self) -> list[Job] | None:
        for unit, waiting in self._batches.items():
            if unit not in self._busy:
                del self._batches[unit]
                return self._begin(unit, waiting)
        return [self._singles.popleft()] if self._singles else None

    def _begin(self, unit: Callable[..., Any], waiting: deque[Job]) -> list[Job]:
        group = [waiting.popleft() for _ in range(min(len(waiting), GROUP_SIZE))]
        if waiting:
            self._batches[unit] = waiting
        self._busy.add(unit)
        return group

    def done(self, group: list[Job]) -> None:
        with self._news:
            self._under_way -= 1
            if group[0].argument is not SINGLE:
                self._busy.discard(group[0].unit)
            self._news.notify_all()

    def wait_until_idle(self) -> None:
        with self._news:
            while self._under_way or self._singles or self._batches:
                self._news.wait()

    def close(self) -> None:
        with self._news:
            self.closed = True
            self._news.notify_all()

    def __len__(self) -> int:
        with self._news:
            return len(self._singles) + sum(map(len, self._batches.values()))


def _read_version(tx: sa.Connection, asked: Sequence[None]) -> Sequence[Hashable]:
    return [tuple(tx.execute(_VERSION).one())] * len(asked)


def _roll_back(transaction: sa.engine.Transaction) -> None:
    with suppress(sa.exc.DBAPIError):  # the server has done so if the connection is gone
        transaction.rollback()


def _gives_way(error: sa.exc.DBAPIError) -> int:
    """How often at most a transaction with this error is run again for the sake of others."""
    return _GIVE_WAY.get(sqlstate(error), 0)
