"""Two transactions of which one is not over while the other begins."""

import asyncio
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from typing import Any, TypeVar

import sqlalchemy as sa

from answerable.kit.database import Database, Unit
from answerable.kit.ids import TenantId

T = TypeVar("T")
S = TypeVar("S")


async def one_before_the_other(
    database: Database,
    unit: Unit[T],
    then: Callable[[], Awaitable[S]],
    *,
    tenant: TenantId | None = None,
) -> tuple[T, S]:
    """What came of both. `then` begins when the unit has done all that it does, and the unit is
    committed when `then` waits for it, or is over without having waited."""
    done, may_commit = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()

    def slowly(tx: sa.Connection) -> T:
        try:
            result = unit(tx)
        finally:
            loop.call_soon_threadsafe(done.set)
        asyncio.run_coroutine_threadsafe(may_commit.wait(), loop).result(20)
        return result

    first = asyncio.ensure_future(database.write(slowly, tenant=tenant))
    await done.wait()
    second = asyncio.ensure_future(then())
    await somebody_waits(database, unless=second)
    may_commit.set()
    return await first, await second


async def somebody_waits(database: Database, *, unless: asyncio.Future[Any] | None = None) -> None:
    """Until a transaction on the server waits for another; on SQLite it waits before it begins.

    unless: what may be over instead.
    """
    waits = sa.text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    while not (database.exclusive or (unless is not None and unless.done())):
        if await database.read(lambda tx: tx.scalar(waits)):
            return
        await asyncio.sleep(0)


@dataclass
class Slow:
    """A database of whose writes each is committed when `then` waits for it, or is over without
    having waited. came: what came of `then`."""

    database: Database
    then: Callable[[], Awaitable[Any]]
    came: list[Any] = field(default_factory=list)

    async def write(self, unit: Unit[T], *, tenant: TenantId | None = None) -> T:
        done, came = await one_before_the_other(self.database, unit, self.then, tenant=tenant)
        self.came.append(came)
        return done

    def __getattr__(self, name: str) -> Any:
        return getattr(self.database, name)
