"""The writer: many units in one commit, none spoilt by another, nobody left waiting."""

import asyncio
import sqlite3
import threading
from collections.abc import AsyncIterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import (
    Database,
    DatabaseClosed,
)
from answerable.kit.sqlite import PRAGMA_ATTEMPTS, SqliteDatabase, say_pragma, sqlite_engine
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


def test_many_may_open_a_new_file_at_the_same_moment(tmp_path: Path) -> None:
    """Some are told that it is locked, at once, while others make its journal what it is to be."""

    def opens(path: Path, together: threading.Barrier) -> int:
        engine = sqlite_engine(str(path), begin="BEGIN IMMEDIATE")
        together.wait()
        with engine.connect() as connection:
            found = int(connection.exec_driver_sql("SELECT 1").scalar_one())
        engine.dispose()
        return found

    with ThreadPoolExecutor(8) as threads:
        for number in range(30):
            together = threading.Barrier(8)
            path = tmp_path / f"{number}.db"
            found = [threads.submit(opens, path, together) for _ in range(8)]
            assert [one.result() for one in found] == [1] * 8


class Locked:
    """A driver's connection to a file that others hold, so many times."""

    def __init__(self, times: int, code: int = sqlite3.SQLITE_BUSY) -> None:
        self.left, self.said = times, list[str]()
        self._error = sqlite3.OperationalError("database is locked")
        self._error.sqlite_errorcode = code

    def execute(self, statement: str) -> None:
        self.said.append(statement)
        if self.left:
            self.left -= 1
            raise self._error


def test_a_locked_file_is_asked_again_until_it_is_free() -> None:
    file, pauses = Locked(3), list[float]()

    say_pragma(file, "journal_mode=WAL", pause=pauses.append)

    assert file.said == ["PRAGMA journal_mode=WAL"] * 4
    assert len(pauses) == 3


@pytest.mark.parametrize(
    "file", [Locked(10_000), Locked(1, sqlite3.SQLITE_CORRUPT)], ids=["locked for good", "damaged"]
)
def test_what_does_not_pass_is_raised(file: Locked) -> None:
    with pytest.raises(sqlite3.OperationalError):
        say_pragma(file, "journal_mode=WAL", pause=lambda _: None)

    assert len(file.said) <= PRAGMA_ATTEMPTS
