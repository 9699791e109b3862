"""Several processes on PostgreSQL: who is alive, and who leads.

Both are advisory locks of a connection that is kept for nothing else. The server frees them when
the process ends, however it ends, so that the others go on at once.
"""

import asyncio
import contextlib
from collections.abc import Iterable

import psycopg
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.ids import new_id
from answerable.kit.postgres_connection import driver_arguments
from answerable.kit.telemetry import get_logger

log = get_logger("kit")

LOOK_EVERY = 1.0  # seconds
_TRY = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")


class PostgresMembership:
    """One of several. duties: those it would take; each has one leader at a time.

    While the connection is broken it leads nothing, and others may take what it holds: whatever
    it still does then is done twice under one key.
    """

    def __init__(self, url: str, *, duties: Iterable[str] = ()) -> None:
        self.id = new_id("prc")
        self._url = url
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

    def leads(self, duty: str) -> bool:
        return duty in self._leading

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
        await _take(self._connection, _alive(self.id))
        return self._connection

    async def _disconnect(self) -> None:
        self._leading.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                await connection.close()


def _alive(process: str) -> str:
    return f"alive {process}"


async def _take(connection: psycopg.AsyncConnection, name: str) -> bool:
    cursor = await connection.execute(
        "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name]
    )
    row = await cursor.fetchone()
    return row is not None and bool(row[0])
