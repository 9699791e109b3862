"""What only a server can do to a transaction: refuse it for another, go away, answer too late."""

import asyncio
import random
from collections.abc import AsyncIterator, Sequence
from datetime import timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import lock_until_commit
from answerable.kit.errors import StoreUnavailable
from answerable.kit.postgres import PostgresDatabase
from tests.support.proxies import Proxy, proxy_to
from tests.support.stores import postgres_url

own = sa.MetaData()
entry = sa.Table(
    "entry",
    own,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, unique=True),
    sa.Column("count", sa.Integer, nullable=False),
)


@pytest.fixture
async def url(tmp_path: Path) -> str:
    return postgres_url(tmp_path)


@pytest.fixture
async def proxy(url: str) -> AsyncIterator[Proxy]:
    address = sa.make_url(url)
    async with proxy_to(address.port or 5432) as proxy:
        yield proxy


@pytest.fixture
async def two(url: str) -> AsyncIterator[tuple[PostgresDatabase, PostgresDatabase]]:
    """Two processes' databases on one server."""
    one, other = PostgresDatabase(url), PostgresDatabase(url)
    await one.write(own.create_all)
    yield one, other
    await one.close()
    await other.close()


def once(name: str):  # type: ignore[no-untyped-def]
    """Insert the name if it is not there yet; whether it was."""

    def unit(tx: Connection) -> bool:
        known = tx.execute(sa.select(entry).where(entry.c.name == name)).first() is not None
        if not known:
            tx.execute(sa.insert(entry).values(name=name, count=0))
        return known

    return unit


def raise_both(first: str, second: str):  # type: ignore[no-untyped-def]
    def unit(tx: Connection) -> None:
        for name in (first, second):
            tx.execute(sa.update(entry).where(entry.c.name == name).values(count=entry.c.count + 1))

    return unit


async def counts(database: PostgresDatabase) -> dict[str, int]:
    rows = await database.read(lambda tx: tx.execute(sa.select(entry.c.name, entry.c.count)).all())
    return {row[0]: row[1] for row in rows}


async def test_the_same_key_from_two_processes_is_there_once_and_both_are_answered(
    two: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    names = [f"n{i}" for i in range(40)]
    answers = await asyncio.gather(
        *(database.write(once(name)) for name in names for database in two)
    )

    assert answers.count(False) == len(names)
    assert sorted(await counts(two[0])) == sorted(names)


async def test_transactions_that_lock_crosswise_both_get_through(
    two: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    for name in ("a", "b"):
        await two[0].write(once(name))

    await asyncio.gather(
        *(two[0].write(raise_both("a", "b")) for _ in range(4)),
        *(two[1].write(raise_both("b", "a")) for _ in range(4)),
    )

    assert await counts(two[0]) == {"a": 8, "b": 8}


async def test_who_asks_for_the_same_lock_waits_for_the_commit(
    two: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    def highest(tx: Connection) -> None:
        lock_until_commit(tx, ["entry"])
        top = tx.scalar(sa.select(sa.func.coalesce(sa.func.max(entry.c.count), 0))) or 0
        tx.execute(sa.insert(entry).values(name=f"n{top + 1}", count=top + 1))

    await asyncio.gather(*(database.write(highest) for _ in range(10) for database in two))

    assert sorted((await counts(two[0])).values()) == list(range(1, 21))


async def test_batches_of_one_unit_keep_their_order(
    two: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    seen: list[int] = []

    def note(_tx: Connection, numbers: Sequence[int]) -> Sequence[int]:
        seen.extend(numbers)
        return numbers

    await asyncio.gather(*(two[0].write_batched(note, i) for i in range(500)))

    assert seen == list(range(500))


async def test_connections_cut_at_any_moment_lose_and_double_nothing(
    url: str, proxy: Proxy
) -> None:
    address = sa.make_url(url).set(host="127.0.0.1", port=proxy.port)
    database = PostgresDatabase(address.render_as_string(hide_password=False))
    await database.write(own.create_all)
    await database.write(once("a"))
    chance = random.Random(7)

    def raise_one(tx: Connection) -> None:
        tx.execute(sa.update(entry).values(count=entry.c.count + 1))

    loop = asyncio.get_running_loop()
    for _ in range(60):
        loop.call_later(chance.uniform(0, 0.01), proxy.cut, "reset", chance)
        await database.write(raise_one)

    assert proxy.cuts > 3
    assert await counts(database) == {"a": 60}
    await database.close()


async def test_a_connection_that_falls_silent_is_given_up_and_the_server_asked_anew(
    url: str, proxy: Proxy
) -> None:
    """Nobody is told that it is dead; not even keepalives fail."""
    address = sa.make_url(url).set(host="127.0.0.1", port=proxy.port)
    text = address.render_as_string(hide_password=False)
    database = PostgresDatabase(text, silence=timedelta(seconds=1))
    await database.write(own.create_all)
    assert await database.read(lambda tx: tx.scalar(sa.select(1))) == 1

    proxy.fall_silent()

    async with asyncio.timeout(20):
        assert await database.read(lambda tx: tx.scalar(sa.select(1))) == 1
        assert not await database.write(once("a"))
        assert await database.write(once("a"))
    await database.close()


async def test_a_slow_statement_that_is_answered_is_no_silence(url: str) -> None:
    database = PostgresDatabase(url, silence=timedelta(seconds=1))
    asked = database.read(lambda tx: [tx.scalar(sa.select(sa.func.pg_sleep(0.6))) for _ in "ab"])

    assert await asked == ["", ""]
    await database.close()


async def test_no_plan_outlives_the_small_table_that_it_was_made_for(
    two: tuple[PostgresDatabase, PostgresDatabase],
) -> None:
    """Rows that are changed again and again leave what they were until a vacuum: a plan that reads
    the whole table is fine for a while, and then half of what the server does."""

    def plans(tx: Connection) -> sa.Row[tuple[int, int]]:
        for _ in range(20):
            tx.execute(sa.select(entry.c.count).where(entry.c.id == 1)).all()
        counted = "sum(custom_plans)::int, sum(generic_plans)::int FROM pg_prepared_statements"
        return tx.execute(sa.text(f"SELECT {counted}")).one()

    made_anew, kept = await two[0].write(plans)

    assert made_anew > 5
    assert kept == 0


async def test_a_server_that_stays_away_is_reported_and_nothing_is_changed(tmp_path: Path) -> None:
    database = PostgresDatabase(
        "postgresql://nobody@127.0.0.1:1/none", patience=timedelta(seconds=0.2)
    )

    with pytest.raises(StoreUnavailable) as refused:
        await database.write(once("a"))
    with pytest.raises(StoreUnavailable):
        await database.read(lambda tx: None)

    assert refused.value.code == "store_unavailable"
    assert refused.value.retry_after > timedelta(0)
    await database.close()
