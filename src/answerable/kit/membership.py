"""This process among those that serve the same store: who is alive, and who leads.

On PostgreSQL both are advisory locks of a connection that is kept for nothing else. The server
frees them when the process ends, however it ends, so that the others go on at once. Alone on an
embedded store, one is always alive and always leads.
"""

import asyncio
import contextlib
from collections.abc import Iterable
from typing import Any, Protocol

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.ids import new_id
from answerable.kit.postgres import driver_arguments
from answerable.kit.telemetry import get_logger

log = get_logger("kit")

LOOK_EVERY = 1.0  # seconds
_TRY = sa.text("SELECT pg_try_advisory_xact_lock(hashtextextended(:name, 0))")


class Membership(Protocol):
    """id: of this process, as its leases name it."""

    id: str

    def gone(self, tx: Connection, holders: Iterable[str]) -> list[str]:
        """Which of these processes have ended."""
        ...

    def leads(self, duty: str) -> bool:
        """Whether this process, and no other, has this duty now."""
        ...

    async def join(self) -> None:
        """Become alive to the others. Raises StoreUnavailable if the store is away."""
        ...

    async def leave(self) -> None:
        """Be gone to the others, at once."""
        ...


class Alone:
    """The only process of its store: all others are gone."""

    def __init__(self) -> None:
        self.id = new_id("prc")

    def gone(self, tx: Connection, holders: Iterable[str]) -> list[str]:
        return [holder for holder in holders if holder != self.id]

    def leads(self, duty: str) -> bool:
        return True

    async def join(self) -> None:
        pass

    async def leave(self) -> None:
        pass


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
        self._connection: Any = None
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
        if self._connection is None:
            await self._connect()
        for duty in self._duties:
            if duty not in self._leading and await self._take(f"leads {duty}"):
                self._leading.add(duty)
                log.info("leads", duty=duty)
        await self._connection.execute("SELECT 1")

    async def _connect(self) -> None:
        import psycopg  # only a cluster needs the driver itself

        self._connection = await psycopg.AsyncConnection.connect(
            **driver_arguments(self._url), autocommit=True
        )
        await self._take(_alive(self.id))

    async def _take(self, name: str) -> bool:
        cursor = await self._connection.execute(
            "SELECT pg_try_advisory_lock(hashtextextended(%s, 0))", [name]
        )
        return bool((await cursor.fetchone())[0])

    async def _disconnect(self) -> None:
        self._leading.clear()
        connection, self._connection = self._connection, None
        if connection is not None:
            with contextlib.suppress(Exception):
                await connection.close()


def _alive(process: str) -> str:
    return f"alive {process}"
