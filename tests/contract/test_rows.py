"""What both stores promise about rows that are written together."""

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa

from answerable.kit.database import Database, JsonText, UtcDateTime
from answerable.kit.rows import InsertRows, UpdateRows
from tests.support.stores import open_store

MONDAY = datetime(2026, 11, 2, 9, 30, 15, 123456, tzinfo=UTC)
own = sa.MetaData()
parcel = sa.Table(
    "parcel",
    own,
    sa.Column("position", sa.BigInteger().with_variant(sa.Integer, "sqlite"), primary_key=True),
    sa.Column("key", sa.Text, nullable=False, unique=True),
    sa.Column("sealed", sa.LargeBinary),
    sa.Column("at", UtcDateTime),
    sa.Column("data", JsonText),
    sa.Column("weight", sa.Float),
    sa.Column("order", sa.Integer),
)
NAMES = ("key", "sealed", "at", "data", "weight", "order")
FULL: dict[str, Any] = {
    "key": 'a "quoted" 100 % ключ, and \\ \t\n',
    "sealed": bytes(range(256)),
    "at": MONDAY,
    "data": {"b": [1, None], "ä": "</json> \\u0041 'x'"},
    "weight": 0.1 + 0.2,
    "order": 2**31 - 1,
}
EMPTY: dict[str, Any] = dict.fromkeys(NAMES) | {"key": ""}


@pytest.fixture(params=["sqlite", "postgresql"])
async def database(request: pytest.FixtureRequest, tmp_path: Path) -> AsyncIterator[Database]:
    database = open_store(tmp_path / "kit.db", postgres=request.param == "postgresql")
    await database.write(own.create_all)
    yield database
    await database.close()


async def stored(database: Database) -> list[dict[str, Any]]:
    query = sa.select(*(parcel.c[name] for name in NAMES)).order_by(parcel.c.position)
    rows = await database.read(lambda tx: tx.execute(query).mappings().all())
    return [dict(row) for row in rows]


async def test_every_type_comes_back_as_it_was_and_in_order(database: Database) -> None:
    rows = [FULL, EMPTY, *({**FULL, "key": f"{n}", "order": n} for n in range(100))]

    await database.write(lambda tx: InsertRows(parcel, NAMES).write(tx, rows))

    assert await stored(database) == rows


async def test_rows_are_changed_by_their_keys_and_no_others_are(database: Database) -> None:
    others = [{**EMPTY, "key": "b", "weight": 1.5}, {**EMPTY, "key": "c", "weight": 2.5}]
    changes = UpdateRows(parcel, "key", ("sealed", "data", "at"), also='"order" = 7')
    changed = {"key": FULL["key"], "sealed": b"\0", "data": ["new"], "at": None}
    nowhere = {**changed, "key": "not there"}

    await database.write(lambda tx: InsertRows(parcel, NAMES).write(tx, [FULL, *others]))
    await database.write(lambda tx: changes.write(tx, [nowhere, changed, {**changed, "key": "c"}]))

    assert await stored(database) == [
        {**FULL, **changed, "order": 7},
        others[0],
        {**others[1], **changed, "key": "c", "order": 7},
    ]


async def test_what_is_there_is_refused_or_passed_over(database: Database) -> None:
    first, again = {**EMPTY, "key": "a", "order": 1}, {**EMPTY, "key": "a", "order": 2}
    new = {**EMPTY, "key": "b"}
    await database.write(lambda tx: InsertRows(parcel, NAMES).write(tx, [first]))

    with pytest.raises(sa.exc.IntegrityError):
        await database.write(lambda tx: InsertRows(parcel, NAMES).write(tx, [new, again]))
    added = InsertRows(parcel, NAMES, unless_there=True)
    await database.write(lambda tx: added.write(tx, [again, new, new]))

    assert await stored(database) == [first, new]


async def test_no_rows_are_nothing_to_do(database: Database) -> None:
    await database.write(lambda tx: InsertRows(parcel, NAMES).write(tx, []))
    await database.write(lambda tx: UpdateRows(parcel, "key", ("data",)).write(tx, []))

    assert await stored(database) == []
