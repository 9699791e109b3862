"""Two transactions of which one is not over while the other begins."""

import asyncio
from collections.abc import Awaitable
from typing import Any, TypeVar

import sqlalchemy as sa

from answerable.kit.database import Database, Unit
from answerable.kit.ids import TenantId

T = TypeVar("T")


async def one_before_the_other(
    first: tuple[Database, Unit[T]],
    second: tuple[Database, Unit[T]],
    *,
    tenant: TenantId | None = None,
) -> list[T]:
    """What came of both. The second begins when the first has done all that it does, and the first
    is committed when the second waits for it, or is over without having waited."""
    done, may_commit = asyncio.Event(), asyncio.Event()
    loop = asyncio.get_running_loop()
    (early, unit), (late, other) = first, second

    def slowly(tx: sa.Connection) -> T:
        try:
            result = unit(tx)
        finally:
            loop.call_soon_threadsafe(done.set)
        asyncio.run_coroutine_threadsafe(may_commit.wait(), loop).result(20)
        return result

    before = asyncio.ensure_future(early.write(slowly, tenant=tenant))
    await done.wait()
    after = asyncio.ensure_future(late.write(other, tenant=tenant))
    await somebody_waits(late, unless=after)
    may_commit.set()
    return [await before, await after]


async def somebody_waits(database: Database, *, unless: Awaitable[Any] | None = None) -> None:
    """Until a transaction on the server waits for another; on SQLite it waits before it begins.

    unless: what may be over instead.
    """
    if database.exclusive:
        return
    waits = sa.text(
        "SELECT count(*) FROM pg_stat_activity "
        "WHERE datname = current_database() AND wait_event_type = 'Lock'"
    )
    over = asyncio.ensure_future(unless) if unless is not None else asyncio.Future[Any]()
    while not over.done() and not await database.read(lambda tx: tx.scalar(waits)):
        await asyncio.sleep(0)
