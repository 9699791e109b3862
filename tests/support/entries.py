"""A table of its own and units that write to it, for tests of what a store promises."""

from collections.abc import Callable

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import Database, JsonText, UtcDateTime

own = sa.MetaData()
entry = sa.Table(
    "entry",
    own,
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.Text, unique=True),
    sa.Column("at", UtcDateTime),
    sa.Column("data", JsonText),
)


def add(name: str) -> Callable[[Connection], str]:
    def unit(tx: Connection) -> str:
        tx.execute(sa.insert(entry).values(name=name))
        return name

    return unit


async def names(database: Database) -> list[str | None]:
    return await database.read(
        lambda tx: list(tx.scalars(sa.select(entry.c.name).order_by(entry.c.id)))
    )
