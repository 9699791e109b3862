"""The number of queries of each endpoint: pinned, and the same at 10 rows and at 1,000."""

from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from answerable.desk.summary_store import Summary, write_summaries
from answerable.kit.ids import ContactId, ConversationId
from answerable.kit.sqlite import SqliteDatabase
from tests.support.service import House, open_house

# Each includes one for the session. None of them may grow with the number of rows.
PINNED = {
    "/v1/desk/sessions/current": 1,
    "/v1/desk/overview": 2,
    "/v1/desk/conversations?view=all&limit=200": 5,
    "/v1/desk/conversations?view=queue&limit=200": 5,
    "/v1/desk/conversations/{id}": 6,
    "/v1/desk/conversations/{id}/messages?limit=200": 6,
    "/v1/desk/conversations/{id}/events?limit=200": 4,
    "/v1/desk/teams": 1,
    "/v1/desk/agents": 2,
}


@contextmanager
def counted(house: House) -> Iterator[list[str]]:
    statements: list[str] = []

    def note(*arguments: Any) -> None:
        statement = str(arguments[2])
        if not statement.startswith(("BEGIN", "PRAGMA", "COMMIT")):
            statements.append(statement)

    database = house.service.database
    assert isinstance(database, SqliteDatabase)
    engines = (database._reader_engine, database._writer_engine)
    for engine in engines:
        sa.event.listen(engine, "before_cursor_execute", note)
    try:
        yield statements
    finally:
        for engine in engines:
            sa.event.remove(engine, "before_cursor_execute", note)


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    house = await open_house(tmp_path / "house.db", postgres=False)  # its planner is asked
    yield house
    await house.close()


async def counts(house: House, conversation: str) -> dict[str, int]:
    client = await house.signed_in("administrator")
    found = {}
    for path in PINNED:
        with counted(house) as statements:
            response = await client.get(path.replace("{id}", conversation))
        assert response.status_code == 200, response.text
        found[path] = len(statements)
    await client.aclose()
    return found


async def test_queries_are_as_many_as_pinned_whatever_the_number_of_rows(house: House) -> None:
    first = await house.says("my parcel, and fraud")
    for n in range(9):
        await house.says("fraud", by=f"vis_{n}")
    few = await counts(house, first.conversation)

    await multiply(house, 990)
    for n in range(200):
        await house.says(f"again {n}", settle=False)
    await house.service.settle()
    many = await counts(house, first.conversation)

    assert few == many == PINNED


async def multiply(house: House, times: int) -> None:
    """Many more rows in the inbox, like the one that is there."""

    def write(tx: sa.Connection) -> None:
        row = tx.execute(sa.text("SELECT * FROM conversation LIMIT 1")).mappings().one()
        now = house.clock.now()
        moments = dict.fromkeys(
            ("opened_at", "updated_at", "waiting_since", "first_response_due"), now
        )
        copies = [
            Summary(
                **{
                    **row,
                    **moments,
                    "closed_at": None,
                    "id": ConversationId(f"cnv_copy_{n}"),
                    "contact_id": ContactId(f"con_copy_{n}"),
                }
            )
            for n in range(times)
        ]
        write_summaries(tx, new=copies, changed=[])

    await house.service.database.write(write)


@pytest.mark.parametrize(
    ("view", "index"),
    [
        ("all", "conversation_by_status"),
        ("closed", "conversation_by_status"),
        ("queue", "conversation_by_owner_kind"),
        ("assistant", "conversation_by_owner_kind"),
        ("mine", "conversation_inbox"),
    ],
)
async def test_a_page_of_the_inbox_is_read_from_an_index_in_its_order(
    house: House, view: str, index: str
) -> None:
    client = await house.signed_in()
    await house.says("fraud")
    await multiply(house, 300)
    with counted(house) as statements:
        await client.get("/v1/desk/conversations", params={"view": view, "limit": "50"})
    [page] = [text for text in statements if "FROM conversation" in text]
    literal = page.replace("?", "1")
    plan = await house.service.database.read(
        lambda tx: str(tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {literal}").all())
    )
    assert index in plan
    await client.aclose()
