"""What both stores promise about units: each whole or not at all, none spoilt by another."""

import asyncio
import threading
from collections.abc import AsyncIterator, Awaitable, Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import (
    Database,
    DatabaseClosed,
    after_commit,
    sent_together,
    transaction_memory,
)
from tests.support.entries import add, entry, names, own
from tests.support.stores import open_store


@pytest.fixture(params=["sqlite", "postgresql"])
def postgres(request: pytest.FixtureRequest) -> bool:
    return bool(request.param == "postgresql")


@pytest.fixture
async def database(tmp_path: Path, postgres: bool) -> AsyncIterator[Database]:
    database = open_store(tmp_path / "kit.db", postgres=postgres)
    await database.write(own.create_all)
    yield database
    await database.close()


def broken(tx: Connection) -> None:
    tx.execute(sa.insert(entry).values(name="left behind?"))
    raise ValueError("no")


async def test_a_unit_that_fails_spoils_no_other_and_leaves_nothing(database: Database) -> None:
    units: list[Awaitable[object]] = [
        database.write(add("a")),
        database.write(broken),
        database.write(add("b")),
    ]
    results: list[object] = await asyncio.gather(*units, return_exceptions=True)

    assert results[0] == "a"
    assert isinstance(results[1], ValueError)
    assert results[2] == "b"
    assert sorted(await names(database)) == ["a", "b"]


async def test_a_database_error_in_one_unit_is_that_units_alone(database: Database) -> None:
    units = [database.write(add(name)) for name in ("a", "a", "b")]
    results = await asyncio.gather(*units, return_exceptions=True)

    assert [type(r) for r in results].count(sa.exc.IntegrityError) == 1
    assert sorted(await names(database)) == ["a", "b"]
    assert await database.write(add("later")) == "later"


async def test_what_follows_the_commit_runs_after_it_and_only_then(
    database: Database, tmp_path: Path, postgres: bool
) -> None:
    seen: list[str] = []
    other = open_store(tmp_path / "kit.db", postgres=postgres)
    loop = asyncio.new_event_loop()

    def look() -> None:
        seen.extend(loop.run_until_complete(names(other)))

    def noted(tx: Connection) -> None:
        add("noted")(tx)
        after_commit(tx, look)
        assert seen == []

    def failing(tx: Connection) -> None:
        after_commit(tx, lambda: seen.append("never"))
        raise ValueError

    await database.write(noted)
    with pytest.raises(ValueError):  # noqa: PT011
        await database.write(failing)

    assert seen == ["noted"]
    loop.close()
    await other.close()


async def test_a_failed_group_runs_the_callbacks_of_each_unit_once(database: Database) -> None:
    seen: list[str] = []

    def noting(name: str):  # type: ignore[no-untyped-def]
        return lambda tx: after_commit(tx, lambda: seen.append(name))

    units = [database.write(noting("a")), database.write(broken), database.write(noting("b"))]
    await asyncio.gather(*units, return_exceptions=True)

    assert sorted(seen) == ["a", "b"]


async def test_arguments_of_one_unit_are_handed_over_together(database: Database) -> None:
    calls: list[list[int]] = []

    def double(_tx: Connection, numbers: Sequence[int]) -> list[int]:
        calls.append(list(numbers))
        return [number * 2 for number in numbers]

    results = await asyncio.gather(*(database.write_batched(double, i) for i in range(50)))

    assert results == [i * 2 for i in range(50)]
    assert sum(map(len, calls)) == 50
    assert len(calls) < 10


async def test_an_argument_that_fails_is_refused_alone(database: Database) -> None:
    def unit(_tx: Connection, numbers: Sequence[int]) -> list[int]:
        if 3 in numbers:
            raise ValueError("three")
        return list(numbers)

    results = await asyncio.gather(
        *(database.write_batched(unit, i) for i in range(6)), return_exceptions=True
    )

    assert [r for r in results if not isinstance(r, ValueError)] == [0, 1, 2, 4, 5]
    assert isinstance(results[3], ValueError)


async def test_statements_that_are_sent_together_are_done_in_their_order(
    database: Database,
) -> None:
    def unit(tx: Connection) -> None:
        with sent_together(tx):
            tx.execute(sa.insert(entry).values(id=1, name="a"))
            tx.execute(sa.update(entry).where(entry.c.name == "a").values(name="b"))
            tx.execute(sa.insert(entry), [{"id": 2, "name": "c"}, {"id": 3, "name": "d"}])
        assert tx.scalars(sa.select(entry.c.name).order_by(entry.c.name)).all() == ["b", "c", "d"]

    await database.write(unit)

    assert sorted(await names(database)) == ["b", "c", "d"]


@pytest.mark.parametrize("wrong", [0, 1, 2])
async def test_what_fails_of_those_sent_together_fails_the_unit_and_leaves_nothing(
    database: Database, wrong: int
) -> None:
    def unit(tx: Connection) -> None:
        with sent_together(tx):
            for number in range(3):
                name = "there" if number == wrong else f"{number}"
                tx.execute(sa.insert(entry).values(id=number + 10, name=name))

    await database.write(add("there"))
    results = await asyncio.gather(
        database.write(add("x")), database.write(unit), database.write(add("y")),
        return_exceptions=True,
    )  # fmt: skip

    assert isinstance(results[1], sa.exc.IntegrityError)
    assert sorted(await names(database)) == ["there", "x", "y"]


async def test_an_error_of_ours_among_what_is_sent_together_stays_what_it_is(
    database: Database,
) -> None:
    def unit(tx: Connection) -> None:
        with sent_together(tx):
            tx.execute(sa.insert(entry).values(id=1, name="left behind?"))
            raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await database.write(unit)
    await database.write(add("after"))

    assert await names(database) == ["after"]


async def test_what_is_read_at_once_is_read_together(database: Database) -> None:
    asked: list[int] = []

    def count(tx: Connection, wanted: Sequence[str]) -> list[int]:
        asked.append(len(wanted))
        found = list(tx.scalars(sa.select(entry.c.name)))
        return [found.count(name) for name in wanted]

    await database.write(add("a"))
    counts = await asyncio.gather(*(database.read_batched(count, name) for name in "aba"))

    assert counts == [1, 0, 1]
    assert asked == [3]
    assert await database.read_batched(count, "a") == 1


async def test_what_was_read_is_read_again_once_something_is_committed(
    database: Database, tmp_path: Path, postgres: bool
) -> None:
    asked: list[str] = []

    def count(tx: Connection, wanted: Sequence[str]) -> list[int]:
        asked.extend(wanted)
        found = list(tx.scalars(sa.select(entry.c.name)))
        return [found.count(name) for name in wanted]

    async def there(name: str) -> int:
        return await database.read_remembered(count, name)

    # A server's other databases count too: while others commit there, it is read again.
    for attempt in range(100):
        asked.clear()
        one, other = f"one {attempt}", f"other {attempt}"
        assert [await there(one) for _ in range(3)] == [0, 0, 0]
        assert [await there(other), await there(one)] == [0, 0]
        if asked == [one, other]:
            break
    assert asked == [one, other]

    await database.write(add("a"))
    assert [await there("a") for _ in range(2)] == [1, 1]
    with pytest.raises(ValueError, match="no"):
        await database.write(broken)
    assert await there("a") == 1

    neighbour = open_store(tmp_path / "kit.db", postgres=postgres)  # as another process would
    await neighbour.write(add("b"))
    await neighbour.close()
    assert await there("b") == 1


async def test_a_read_that_a_commit_overtakes_is_not_taken_for_what_follows(
    database: Database,
) -> None:
    def slowly(tx: Connection, wanted: Sequence[str]) -> list[int]:
        found = list(tx.scalars(sa.select(entry.c.name)))
        reading.set()
        assert go_on.wait(5)
        return [found.count(name) for name in wanted]

    reading, go_on = threading.Event(), threading.Event()
    early = asyncio.create_task(database.read_remembered(slowly, "a"))
    assert await asyncio.to_thread(reading.wait, 5)
    await database.write(add("a"))
    go_on.set()

    assert await early == 0
    assert await database.read_remembered(slowly, "a") == 1


async def test_a_question_that_cannot_be_answered_spoils_no_other(database: Database) -> None:
    def lengths(tx: Connection, wanted: Sequence[str]) -> list[int]:
        tx.execute(sa.select(entry.c.name))
        if "" in wanted:
            raise ValueError("no name")
        return [len(name) for name in wanted]

    answers: list[object] = await asyncio.gather(
        *(database.read_batched(lengths, name) for name in ("a", "", "abc")),
        return_exceptions=True,
    )

    assert (answers[0], answers[2]) == (1, 3)
    assert isinstance(answers[1], ValueError)


async def test_who_stops_waiting_for_an_answer_takes_it_from_nobody(database: Database) -> None:
    def lengths(tx: Connection, wanted: Sequence[str]) -> list[int]:
        tx.execute(sa.select(entry.c.name))
        return [len(name) for name in wanted]

    gone, there = (
        asyncio.create_task(database.read_batched(lengths, name)) for name in ("ab", "abc")
    )
    await asyncio.sleep(0)
    gone.cancel()

    assert await there == 3
    with pytest.raises(asyncio.CancelledError):
        await gone


async def test_the_memory_of_a_transaction_ends_with_it(database: Database) -> None:
    def remember(tx: Connection) -> int:
        memory = transaction_memory(tx)
        memory["n"] = memory.get("n", 0) + 1
        return int(memory["n"])

    assert [await database.write(remember) for _ in range(2)] == [1, 1]


async def test_readers_cannot_write(database: Database) -> None:
    with pytest.raises(sa.exc.DBAPIError, match=r"read-?only"):
        await database.read(add("x"))


async def test_a_cancelled_wait_does_not_stop_the_writer(database: Database) -> None:
    waiting = asyncio.ensure_future(database.write(add("a")))
    await asyncio.sleep(0)
    waiting.cancel()

    assert await database.write(add("b")) == "b"


async def test_what_is_queued_is_done_before_the_database_closes(
    tmp_path: Path, postgres: bool
) -> None:
    database = open_store(tmp_path / "kit.db", postgres=postgres)
    await database.write(own.create_all)
    units = [asyncio.ensure_future(database.write(add(f"n{i}"))) for i in range(20)]
    await asyncio.sleep(0)

    await database.close()

    assert await asyncio.gather(*units) == [f"n{i}" for i in range(20)]


async def test_a_database_settles_when_all_is_done_also_what_nobody_waits_for(
    database: Database,
) -> None:
    asked = [asyncio.ensure_future(database.write(add(f"n{i}"))) for i in range(20)]
    await asyncio.sleep(0)
    for one in asked:
        one.cancel()

    await database.settle()

    assert len(await names(database)) == 20


async def test_a_closed_database_refuses(tmp_path: Path, postgres: bool) -> None:
    database = open_store(tmp_path / "kit.db", postgres=postgres)
    await database.close()

    with pytest.raises(DatabaseClosed):
        await asyncio.wait_for(database.write(add("x")), timeout=5)


@pytest.mark.parametrize(
    "moment",
    [
        datetime(2026, 11, 23, 9, 0, 0, 123456, tzinfo=UTC),
        datetime(1969, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
        datetime(9999, 12, 31, 23, 59, 59, 999999, tzinfo=UTC),
    ],
)
async def test_moments_and_json_come_back_as_they_were(
    database: Database, moment: datetime
) -> None:
    data = {"b": [1, 2.5, None, True], "a": "ä\u2028</script>"}
    await database.write(
        lambda tx: tx.execute(sa.insert(entry).values(name="x", at=moment, data=data)) and None
    )

    row = await database.read(lambda tx: tx.execute(sa.select(entry)).one())

    assert (row.at, row.data) == (moment, data)
    assert row.at.utcoffset() == timedelta(0)
