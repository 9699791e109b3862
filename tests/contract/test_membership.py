"""Who is alive and who leads, among the processes that serve one store."""

import asyncio
import threading
from collections.abc import AsyncIterator
from pathlib import Path

import psycopg
import pytest
import sqlalchemy as sa

from answerable.kit.database import Database
from answerable.kit.membership import Alone
from answerable.kit.postgres import PostgresDatabase
from answerable.kit.postgres_membership import PostgresMembership
from tests.support.chaos import until
from tests.support.stores import postgres_url


@pytest.fixture
async def url(tmp_path: Path) -> str:
    return postgres_url(tmp_path)


@pytest.fixture
async def database(url: str) -> AsyncIterator[Database]:
    database = PostgresDatabase(url)
    yield database
    await database.close()


async def gone(database: Database, asking: PostgresMembership, *others: str) -> list[str]:
    return await database.write(lambda tx: asking.gone(tx, others))


async def test_a_process_is_alive_until_it_leaves(url: str, database: Database) -> None:
    one, other = PostgresMembership(url), PostgresMembership(url)
    await one.join()
    await other.join()

    assert await gone(database, one, other.id, one.id, "prc_never_there") == ["prc_never_there"]
    await other.leave()
    assert await gone(database, one, other.id) == [other.id]
    await one.leave()


async def test_each_duty_has_one_leader_and_another_takes_over(url: str) -> None:
    processes = [PostgresMembership(url, duties=("seal", "fetch")) for _ in range(3)]
    for process in processes:
        await process.join()

    first = [p for p in processes if p.leads("seal")]
    assert len(first) == 1
    await first[0].leave()
    others = [p for p in processes if p is not first[0]]
    await until(lambda: sum(p.leads("seal") for p in others) == 1, within=5)
    assert not first[0].leads("seal")
    for process in others:
        await process.leave()


async def test_those_that_do_the_same_work_are_counted_and_one_of_them_leads(url: str) -> None:
    workers = [PostgresMembership(url, work="worker") for _ in range(3)]
    connector = PostgresMembership(url, work="connector")
    for process in (*workers, connector):
        await process.join()

    assert [await one.others() for one in workers] == [2, 2, 2]
    assert await connector.others() == 0
    assert [await one.lead("try") for one in workers] == [True, False, False]
    assert await connector.lead("try")
    await workers[0].leave()
    assert [await one.others() for one in workers[1:]] == [1, 1]
    assert [await one.lead("try") for one in workers[1:]] == [True, False]
    assert (await workers[0].others(), await workers[0].lead("try")) == (0, False)  # it has left
    for process in (*workers[1:], connector):
        await process.leave()


async def test_a_server_that_ends_the_connection_finds_the_process_again(
    url: str, database: Database
) -> None:
    process, asking = PostgresMembership(url, duties=("seal",)), PostgresMembership(url)
    await process.join()
    await database.write(
        lambda tx: (
            tx.execute(
                sa.text(
                    "SELECT pg_terminate_backend(pid, 5000) FROM pg_locks l "
                    "JOIN pg_database d ON d.oid = l.database AND d.datname = current_database() "
                    "WHERE locktype = 'advisory' AND pid <> pg_backend_pid()"
                )
            )
            and None
        )
    )

    assert await gone(database, asking, process.id) == [process.id]

    async def back() -> bool:
        return not await gone(database, asking, process.id) and process.leads("seal")

    for _ in range(100):
        if await back():
            break
        await asyncio.sleep(0.1)
    assert await back()
    await process.leave()


async def test_a_process_is_alive_although_another_asked_whether_it_is_gone_as_it_came(
    url: str, database: Database
) -> None:
    process, asking = PostgresMembership(url), PostgresMembership(url)
    asked, answered = threading.Event(), threading.Event()

    def ask(tx: sa.Connection) -> list[str]:
        found = asking.gone(tx, [process.id])
        asked.set()
        answered.wait(10)
        return found

    slow = asyncio.create_task(database.write(ask))
    await asyncio.to_thread(asked.wait, 10)
    joining = asyncio.create_task(process.join())
    await asyncio.to_thread(_waits_for_a_lock, url)
    answered.set()

    assert await slow == [process.id]
    await joining
    assert await gone(database, asking, process.id) == []
    await process.leave()


def _waits_for_a_lock(url: str) -> None:
    """Return once somebody does."""
    with psycopg.connect(url, autocommit=True) as connection:
        for _ in range(1000):
            if connection.execute(
                "SELECT 1 FROM pg_locks l JOIN pg_database d ON d.oid = l.database "
                "WHERE d.datname = current_database() AND NOT granted"
            ).fetchone():
                return
            connection.execute("SELECT pg_sleep(0.01)")
    raise AssertionError("nobody waits for a lock")


async def test_alone_one_leads_everything_and_all_others_are_gone(database: Database) -> None:
    process = Alone()

    assert process.leads("anything")
    assert await database.write(lambda tx: process.gone(tx, [process.id, "prc_x"])) == ["prc_x"]
