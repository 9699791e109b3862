"""The writer: many units in one commit, none spoilt by another, nobody left waiting."""

import asyncio
from collections.abc import AsyncIterator
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import (
    Database,
    DatabaseClosed,
)
from answerable.kit.sqlite import SqliteDatabase
from tests.support.entries import add, names, own


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[Database]:
    database = SqliteDatabase(tmp_path / "kit.db")
    await database.write(own.create_all)
    yield database
    await database.close()


async def test_units_that_wait_share_a_commit_and_keep_their_order(database: Database) -> None:
    before = database.commits

    results = await asyncio.gather(*(database.write(add(f"n{i}")) for i in range(100)))

    assert results == [f"n{i}" for i in range(100)]
    assert await names(database) == results
    assert database.commits - before < 20


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
async def test_nobody_waits_for_a_writer_that_cannot_connect(tmp_path: Path) -> None:
    database = SqliteDatabase(tmp_path / "no such directory" / "kit.db")
    queued = [asyncio.ensure_future(database.write(add(f"n{i}"))) for i in range(3)]

    results = await asyncio.wait_for(asyncio.gather(*queued, return_exceptions=True), timeout=20)

    assert [type(result) for result in results] == [DatabaseClosed] * 3
    cause = results[0].__cause__ if isinstance(results[0], BaseException) else None
    assert isinstance(cause, sa.exc.OperationalError)
    await asyncio.to_thread(database._thread.join)
    with pytest.raises(DatabaseClosed):  # and whoever comes later is told at once
        await asyncio.wait_for(database.write(add("x")), timeout=5)
    await asyncio.wait_for(database.close(), timeout=5)


async def test_settings_of_durability_are_on(database: Database) -> None:
    def pragmas(tx: Connection) -> dict[str, object]:
        names = ("journal_mode", "synchronous", "foreign_keys", "secure_delete")
        return {name: tx.exec_driver_sql(f"PRAGMA {name}").scalar() for name in names}

    expected = {"journal_mode": "wal", "synchronous": 2, "foreign_keys": 1, "secure_delete": 1}
    assert await database.write(pragmas) == expected
