"""The second wall between tenants: a query that forgot its tenant meets nobody else's rows."""

import asyncio
import importlib
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.ids import TenantId
from answerable.kit.postgres import PostgresDatabase
from answerable.kit.postgres_connection import postgres_engine
from answerable.processes.schema import load_tables
from tests.support.stores import postgres_url

WALLED: tuple[str, ...] = importlib.import_module(
    "answerable.kit.migrations.versions.0002_tenant_wall"
).WALLED
OURS, THEIRS = TenantId("corner-shop"), TenantId("other-shop")


@pytest.fixture
async def database(tmp_path: Path) -> AsyncIterator[PostgresDatabase]:
    """With two rows of each tenant in every walled table."""
    database = PostgresDatabase(postgres_url(tmp_path))

    def fill(tx: Connection) -> None:
        for name in WALLED:
            for number in range(4):
                tx.execute(
                    sa.insert(table(name)).values(row(name, (OURS, THEIRS)[number % 2], number))
                )

    await database.write(fill)
    yield database
    await database.close()


def table(name: str) -> sa.Table:
    return load_tables().tables[name]


def row(name: str, tenant: str, number: int) -> dict[str, Any]:
    """As plain values: what they mean does not matter here."""
    plain: dict[str, Any] = {}
    for column in table(name).c:
        kind = column.type.impl if isinstance(column.type, sa.TypeDecorator) else column.type
        if column.name == "tenant":
            value: Any = tenant
        elif isinstance(kind, sa.Boolean):
            value = False
        elif isinstance(kind, sa.Integer | sa.Float):
            value = number
        elif isinstance(kind, sa.LargeBinary):
            value = str(number).encode()
        else:
            value = str(number)
        plain[column.name] = sa.literal(value, kind)
    return plain


def tenants_in(name: str):  # type: ignore[no-untyped-def]
    """The query that forgot its tenant."""
    return lambda tx: sorted(tx.scalars(sa.select(table(name).c.tenant)))


def test_every_table_with_a_tenant_is_behind_the_wall() -> None:
    with_tenant = {t.name for t in load_tables().sorted_tables if "tenant" in t.c}

    assert set(WALLED) == with_tenant


async def test_the_program_is_no_role_that_walls_do_not_bind(database: PostgresDatabase) -> None:
    role = await database.read(
        lambda tx: tx.execute(
            sa.text("SELECT rolsuper, rolbypassrls FROM pg_roles WHERE rolname = current_user")
        ).one()
    )
    assert tuple(role) == (False, False)


async def test_who_works_for_one_tenant_sees_its_rows_only(database: PostgresDatabase) -> None:
    for name in WALLED:
        assert await database.read(tenants_in(name), tenant=OURS) == [OURS, OURS], name
        assert await database.write(tenants_in(name), tenant=THEIRS) == [THEIRS, THEIRS], name
        assert await database.read(tenants_in(name)) == [OURS, OURS, THEIRS, THEIRS], name
        assert await database.read(tenants_in(name), tenant=TenantId("nobody")) == [], name


async def test_nothing_is_written_into_anothers_data(database: PostgresDatabase) -> None:
    def intrude(tx: Connection) -> None:
        tx.execute(sa.insert(table(name)).values(row(name, THEIRS, 9)))

    def give_away(tx: Connection) -> None:
        tx.execute(sa.update(table(name)).values(tenant=THEIRS))

    for name in WALLED:
        for unit in (intrude, give_away):
            with pytest.raises(sa.exc.DBAPIError, match="row-level security"):
                await database.write(unit, tenant=OURS)
        assert await database.read(tenants_in(name)) == [OURS, OURS, THEIRS, THEIRS], name


async def test_what_is_changed_and_removed_is_its_own(database: PostgresDatabase) -> None:
    def change(tx: Connection) -> int:
        changing = next(c for c in table(name).c if c.name != "tenant")
        return tx.execute(sa.update(table(name)).values({changing: changing})).rowcount

    def remove(tx: Connection) -> int:
        return tx.execute(sa.delete(table(name))).rowcount

    for name in WALLED:
        assert await database.write(change, tenant=OURS) == 2, name
        assert await database.write(remove, tenant=OURS) == 2, name
        assert await database.read(tenants_in(name)) == [THEIRS, THEIRS], name


async def test_a_connection_that_says_nothing_sees_nothing(
    database: PostgresDatabase, tmp_path: Path
) -> None:
    engine = postgres_engine(postgres_url(tmp_path), connections=1)

    def look() -> dict[str, list[str]]:
        with engine.connect() as tx:
            return {name: tenants_in(name)(tx) for name in WALLED}

    try:
        assert await asyncio.to_thread(look) == {name: [] for name in WALLED}
    finally:
        engine.dispose()


async def test_what_a_transaction_said_is_forgotten_with_it(database: PostgresDatabase) -> None:
    """Pooled connections are used for one tenant after the other."""
    reads = [database.read(tenants_in("contact"), tenant=(OURS, THEIRS)[n % 2]) for n in range(60)]
    writes = [
        database.write(tenants_in("contact"), tenant=(OURS, THEIRS)[n % 2]) for n in range(60)
    ]
    for seen in (await asyncio.gather(*reads), await asyncio.gather(*writes)):
        assert seen == [[OURS, OURS], [THEIRS, THEIRS]] * 30
