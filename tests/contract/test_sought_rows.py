"""What both stores promise about rows that are sought by their keys."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from answerable.kit.database import Database, JsonText, UtcDateTime
from answerable.kit.rows import InsertRows
from answerable.kit.sought_rows import SoughtRows, WholeRows
from tests.support.stores import open_store

MONDAY = datetime(2026, 11, 2, 9, 30, 15, 123456, tzinfo=UTC)
own = sa.MetaData()
parcel = sa.Table(
    "parcel",
    own,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("of", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("at", UtcDateTime),
    sa.Column("data", JsonText),
    sa.Column("order", sa.BigInteger),
    sa.Column("weight", sa.Float),
)
NAMES = ("key", "of", "sealed", "at", "data", "order")
FULL: dict[str, Any] = {
    "key": 'a "quoted" 100 % :these ключ?, and \\ \t\n',
    "of": "x",
    "sealed": bytes(range(256)),
    "at": MONDAY,
    "data": {"b": [1, None, 0.1 + 0.2, 1e300, -0.0, 10**30], "ä": "</json> \\u0041 'x' \u2028\0"},
    "order": 2**63 - 1,
}
EMPTY: dict[str, Any] = dict.fromkeys(NAMES) | {"key": "", "of": "y"}
_all = sa.select(*(parcel.c[name] for name in NAMES))
ROWS = SoughtRows(_all.order_by(parcel.c.order.desc(), parcel.c.key), parcel.c.key)
ROWS_OF = SoughtRows(_all.where(parcel.c.of == sa.bindparam("owner")), parcel.c.key)


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = open_store(tmp_path / "kit.db", postgres=request.param == "postgresql")
    await database.write(own.create_all)
    yield database
    await database.close()


async def kept(database: Database, *rows: dict[str, Any]) -> None:
    await database.write(lambda tx: InsertRows(parcel, NAMES).write(tx, rows))


async def found(database: Database, *keys: str) -> list[dict[str, Any]]:
    rows = await database.read(lambda tx: ROWS.read(tx, keys))
    return [row._asdict() for row in rows]


async def test_every_type_comes_back_as_it_was(database: Database) -> None:
    await kept(database, FULL, EMPTY)

    assert await found(database, FULL["key"]) == [FULL]
    assert await found(database, "") == [EMPTY]


async def test_rows_come_in_the_order_of_the_query_each_once(database: Database) -> None:
    many = [{**EMPTY, "key": f"{number:03}", "order": number} for number in range(300)]
    await kept(database, *many)

    wanted = [many[number]["key"] for number in range(0, 300, 3)]
    rows = await found(database, *wanted, *wanted, "not there")

    assert [row["key"] for row in rows] == wanted[::-1]


async def test_nothing_is_found_for_no_key(database: Database) -> None:
    await kept(database, FULL)

    assert await found(database) == []
    assert await found(database, "not there") == []


async def test_other_parameters_are_the_callers(database: Database) -> None:
    await kept(database, {**EMPTY, "key": "a", "of": "x"}, {**EMPTY, "key": "b", "of": "y"})

    for owner, key in (("x", "a"), ("y", "b"), ("' OR 1=1 --", None)):
        rows = await database.read(lambda tx, of=owner: ROWS_OF.read(tx, ["a", "b"], owner=of))
        assert [row.key for row in rows] == ([key] if key else [])


async def test_numbers_that_json_would_round_keep_all_their_digits(database: Database) -> None:
    numbers = [0.1 + 0.2, 1 / 3, -2 / 3, 1e-12 / 7, 1e12 / 7, 3.0, 0.0, None]
    rows = [{**EMPTY, "key": str(place), "weight": number} for place, number in enumerate(numbers)]
    await database.write(lambda tx: InsertRows(parcel, (*NAMES, "weight")).write(tx, rows))

    weights = SoughtRows(sa.select(parcel.c.key, parcel.c.weight), parcel.c.key)
    found = await database.read(lambda tx: weights.read(tx, [row["key"] for row in rows]))

    assert {row.key: repr(row.weight) for row in found} == {
        row["key"]: repr(row["weight"]) for row in rows
    }


async def test_all_rows_of_a_query_come_in_its_order(database: Database) -> None:
    await kept(database, *({**EMPTY, "key": f"{n}", "order": -n, "of": "x"} for n in range(5)))
    await kept(database, {**EMPTY, "key": "another's", "order": -9, "of": "y"})
    first = WholeRows(
        sa.select(parcel.c.key)
        .where(parcel.c.of == sa.bindparam("owner"))
        .order_by(parcel.c.order)
        .limit(sa.bindparam("most"))
    )

    rows = await database.read(lambda tx: first.read(tx, owner="x", most=3))
    nothing = await database.read(lambda tx: first.read(tx, owner="z", most=3))

    assert [row.key for row in rows] == ["4", "3", "2"]
    assert nothing == []
