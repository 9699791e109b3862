"""The number of queries of each endpoint: pinned, and the same at 10 rows and at 1,000."""

import asyncio
import json
from collections.abc import AsyncIterator, Iterator
from contextlib import contextmanager
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from answerable.api.desk.inbox_lines import InboxLines
from answerable.api.desk.inbox_pages import InboxPages
from answerable.desk.search_store import find_conversations
from answerable.desk.session_store import add_attempt
from answerable.desk.summary_store import Summary, conversation, write_summaries
from answerable.kit.ids import ContactId, ConversationId, new_id
from answerable.kit.sqlite import SqliteDatabase
from tests.support.searching import indexed
from tests.support.service import SHOP, House, open_house

# After something was committed, else nothing is asked that was asked before. Each includes one for
# the session. None of them may grow with the number of rows.
PINNED = {
    "/v1/desk/sessions/current": 1,
    "/v1/desk/overview": 3,
    "/v1/desk/conversations?view=all&limit=200": 6,
    "/v1/desk/conversations?view=queue&limit=200": 2,  # all of it was in the page before
    "/v1/desk/conversations/{id}": 7,
    "/v1/desk/conversations/{id}/messages?limit=200": 6,
    "/v1/desk/conversations/{id}/events?limit=200": 4,
    "/v1/desk/approvals": 2,  # none wait
    "/v1/desk/teams": 1,
    "/v1/desk/agents": 2,
    "/v1/desk/intents": 1,
    "/v1/desk/model": 2,
    "/v1/desk/waves": 3,
}

INBOX = "/v1/desk/conversations?view=all"


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
    house.clock.advance(timedelta(minutes=1))  # waves are looked for once a minute
    client = await house.signed_in("administrator")
    found = {}
    for path in PINNED:
        await something_happens(house)
        with counted(house) as statements:
            response = await client.get(path.replace("{id}", conversation))
        assert response.status_code == 200, response.text
        found[path] = len(statements)
    await client.aclose()
    return found


async def something_happens(house: House) -> None:
    """Somewhere else: no page shows it."""
    at = house.clock.now()
    await house.service.database.write(lambda tx: add_attempt(tx, new_id("att"), "nobody", at))


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


async def test_a_search_asks_as_often_whatever_the_number_of_rows(house: House) -> None:
    async def asked() -> list[int]:
        await indexed(house.service)
        client = await house.signed_in("agent")
        found = []
        for query in ("parcel", "parcel fraud", "nowhere"):
            await something_happens(house)
            with counted(house) as statements:
                answer = await client.post("/v1/desk/search", json={"query": query})
            assert answer.status_code == 200, answer.text
            found.append(len(statements))
        await client.aclose()
        return found

    await house.says("my parcel, and fraud")
    few = await asked()
    for n in range(100):
        await house.says("my parcel, and fraud", by=f"vis_{n}", settle=False)
    await house.service.settle()

    assert few == await asked() == [11, 15, 8]


async def test_what_has_not_changed_is_read_once_for_all(house: House) -> None:
    first = await house.says("my parcel, and fraud")
    for n in range(9):
        await house.says("fraud", by=f"vis_{n}")
    sam, boss = await house.signed_in("agent"), await house.signed_in("supervisor")
    written = (await sam.get(INBOX)).content
    before = {one["id"]: one["seq"] for one in json.loads(written)["items"]}

    await something_happens(house)
    with counted(house) as statements:
        assert (await boss.get(INBOX)).content == written
    assert len(statements) == 2  # who asks, and the page

    with counted(house) as statements:
        assert (await boss.get(INBOX)).content == written
    assert statements == []  # nothing was committed meanwhile

    await house.says("fraud again", by="vis_3")
    after = {one["id"]: one["seq"] for one in (await boss.get(INBOX)).json()["items"]}
    assert after.keys() == before.keys()
    assert sum(after[one] != before[one] for one in after) == 1
    assert first.conversation in after
    await sam.aclose()
    await boss.aclose()


async def test_a_page_that_many_ask_for_at_once_is_read_once(house: House) -> None:
    await house.says("my parcel, and fraud")
    sam, boss = await house.signed_in("agent"), await house.signed_in("supervisor")
    await sam.get(INBOX)

    await something_happens(house)
    with counted(house) as statements:
        pages = await asyncio.gather(*(one.get(INBOX) for one in (sam, boss) * 4))

    assert len({page.content for page in pages}) == 1
    assert pages[0].json()["items"]
    assert len(statements) < len(pages)  # by each for itself: twice as many as pages
    mine = [await one.get(INBOX.replace("all", "mine")) for one in (sam, boss)]
    assert [page.json()["items"] for page in mine] == [[], []]
    await sam.aclose()
    await boss.aclose()


async def test_no_more_lines_are_remembered_than_may_be(house: House) -> None:
    for n in range(5):
        await house.says("fraud", by=f"vis_{n}")
    house.api.inbox = InboxPages(lines=InboxLines(remembered=3))
    sam = await house.signed_in("agent")
    written = (await sam.get(INBOX)).content

    await something_happens(house)
    with counted(house) as statements:
        assert (await sam.get(INBOX)).content == written
    assert len(statements) > 2  # some had to be written again
    await sam.aclose()


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
    page = next(text for text in statements if "FROM conversation" in text)
    literal = page.replace("?", "1")
    plan = await house.service.database.read(
        lambda tx: str(tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {literal}").all())
    )
    assert index in plan
    await client.aclose()


async def test_conversations_of_the_same_contact_are_found_without_reading_the_inbox(
    house: House,
) -> None:
    first = await house.says("fraud")
    await multiply(house, 300)
    client = await house.signed_in()
    with counted(house) as statements:
        await client.get(f"/v1/desk/conversations/{first.conversation}")
    related = next(text for text in statements if "FROM conversation" in text and "UNION" in text)
    literal = related.replace("?", "1")
    plan = await house.service.database.read(
        lambda tx: str(tx.exec_driver_sql(f"EXPLAIN QUERY PLAN {literal}").all())
    )
    assert "SEARCH conversation USING INDEX conversation_contact (contact_id=?)" in plan
    await client.aclose()


async def test_what_is_sought_by_its_key_is_not_looked_for_in_all_that_a_tenant_has(
    house: House,
) -> None:
    for n in range(30):
        await house.says("my parcel, and fraud", by=f"vis_{n}", settle=False)
    await house.service.settle()
    await indexed(house.service)
    client = await house.signed_in("agent")
    house.api.inbox = InboxPages(lines=InboxLines())
    database = house.service.database
    somebody = await database.read(lambda tx: tx.scalar(sa.select(conversation.c.contact_id)))

    with explained(house) as steps:
        found = await client.post("/v1/desk/search", json={"query": "parcel fraud", "limit": 20})
        page = await client.get("/v1/desk/conversations?view=all&limit=20")
        of_one = await database.read(
            lambda tx: find_conversations(tx, SHOP, [], of=[somebody], limit=20)
        )

    assert len(of_one.found) == 1
    assert [len(answer.json()["items"]) for answer in (found, page)] == [20, 20]
    large = ("conversation", "contact", "event", "vault_value", "search_document")
    assert {step.split()[1] for step in steps} >= set(large)
    for step in steps:
        if step.split()[1] in large:
            assert not step.endswith("(tenant=?)"), step
            assert not step.startswith("SCAN"), step
    await client.aclose()


@contextmanager
def explained(house: House) -> Iterator[list[str]]:
    """How each statement is carried out, with the lists that it was asked with."""
    steps: list[str] = []

    def note(_connection: Any, cursor: Any, statement: str, given: Any, *_: Any) -> None:
        if statement.startswith("SELECT"):
            plan = cursor.connection.execute(f"EXPLAIN QUERY PLAN {statement}", given)
            steps.extend(row[3] for row in plan)

    database = house.service.database
    assert isinstance(database, SqliteDatabase)
    sa.event.listen(database._reader_engine, "before_cursor_execute", note)
    try:
        yield steps
    finally:
        sa.event.remove(database._reader_engine, "before_cursor_execute", note)
