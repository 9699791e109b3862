"""Several processes on PostgreSQL: who is alive, and who leads.

Both are advisory locks of a connection that is kept for nothing else. The server frees them when
the process ends, however it ends, so that the others go on at once.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Iterable
from typing import TypeVar

import psycopg
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.ids import new_id
from answerable.kit.postgres_connection import driver_arguments
from answerable.kit.telemetry import get_logger

log = get_logger("kit")
T = TypeVar("T")

LOOK_EVERY = 1.0  # seconds
_TRY = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")
# Waits: whoever asks whether a process is gone holds its lock for as long as that transaction.
_LIVE = "SELECT pg_advisory_lock(hashtextextended(%s, 0))"
_SHARE = "SELECT pg_advisory_lock_shared(hashtextextended(%s, 0))"
# A lock of one number is shown as its two halves.
_ALIKE = """
SELECT count(*) FROM pg_locks
WHERE locktype = 'advisory' AND mode = 'ShareLock' AND granted AND objsubid = 1
AND database = (SELECT oid FROM pg_database WHERE datname = current_database())
AND (classid::bigint << 32) | objid::bigint = hashtextextended(%s, 0)
"""


class PostgresMembership:
    """One of several. work: what it does, as others do too. duties: those it would take; each has
    one leader at a time, or one among those that do the same work if it is taken by `lead`.

    While the connection is broken it leads nothing, and others may take what it holds: whatever
    it still does then is done twice under one key.
    """

    def __init__(self, url: str, *, work: str = "all", duties: Iterable[str] = ()) -> None:
        self.id = new_id("prc")
        self._url = url
        self._work = work
        self._duties = tuple(duties)
        self._leading: set[str] = set()
        self._connection: psycopg.AsyncConnection | None = None
        self._loop: asyncio.Task[None] | None = None

    def gone(self, tx: Connection, holders: Iterable[str]) -> list[str]:
        return [
            holder
            for holder in holders
            if holder != self.id and tx.scalar(_TRY, {"name": _alive(holder)})
        ]

    @property
    def is_alone(self) -> bool:
        return False

    def leads(self, duty: str) -> bool:
        return duty in self._leading

    async def lead(self, duty: str) -> bool:
        whole = f"{duty} of {self._work}"
        if whole not in self._leading and self._connection is not None:
            asked = self._connection
            taken = await _at_once(_take(asked, f"leads {whole}"), otherwise=False)
            if taken and asked is self._connection:
                self._leading.add(whole)
                log.info("leads", duty=whole)
        return whole in self._leading

    async def others(self) -> int:
        if self._connection is None:
            return 0
        return await _at_once(_alike(self._connection, self._work), otherwise=1) - 1

    async def join(self) -> None:
        await self._look()
        self._loop = asyncio.create_task(self._keep())

    async def leave(self) -> None:
        if self._loop is not None:
            self._loop.cancel()
            await asyncio.gather(self._loop, return_exceptions=True)
        if self._connection is not None:
            # The server notices a closed connection a little later.
            with contextlib.suppress(psycopg.Error):
                await self._connection.execute("SELECT pg_advisory_unlock_all()")
        await self._disconnect()

    async def _keep(self) -> None:
        while True:
            await asyncio.sleep(LOOK_EVERY)
            try:
                async with asyncio.timeout(5 * LOOK_EVERY):
                    await self._look()
            except Exception as error:
                log.warning("membership_lost", why=type(error).__name__)
                await self._disconnect()

    async def _look(self) -> None:
        """Be connected and alive, and take the duties that nobody has."""
        connection = self._connection or await self._connect()
        for duty in self._duties:
            if duty not in self._leading and await _take(connection, f"leads {duty}"):
                self._leading.add(duty)
                log.info("leads", duty=duty)
        await connection.execute("SELECT 1")

    async def _connect(self) -> psycopg.AsyncConnection:
        self._connection = await psycopg.AsyncConnection.connect(
            **driver_arguments(self._url), autocommit=True
        )
        await self._connection.execute(_LIVE, [_alive(self.id)])
        await self._connection.execute(_SHARE, [_does(self._work)])
        return self._connection

    async def _disconnect(self) -> None:
        self._leading.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                await connection.close()


def _alive(process: str) -> str:
    return f"alive {process}"


async def _at_once(asked: Awaitable[T], *, otherwise: T) -> T:
    """The answer, or this one if the server is away: `_keep` sees to that."""
    try:
        async with asyncio.timeout(LOOK_EVERY):
            return await asked
    except (psycopg.Error, TimeoutError):
        return otherwise


async def _alike(connection: psycopg.AsyncConnection, work: str) -> int:
    """How many processes do this work, the asking one included."""
    cursor = await connection.execute(_ALIKE, [_does(work)])
    row = await cursor.fetchone()
    return max(1, row[0]) if row is not None else 1


def _does(work: str) -> str:
    return f"does {work}"


async def _take(connection: psycopg.AsyncConnection, name: str) -> bool:
    cursor = await connection.execute(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name]
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])
