"""Migrations from every earlier schema, with rows in every table, on both stores."""

import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.cli.main import run
from answerable.kit.errors import Conflict
from answerable.processes import schema
from tests.support.stores import empty_postgres_url

REVISIONS = sorted(path.stem for path in (schema.MIGRATIONS / "versions").glob("[0-9]*.py"))
ANSWERABLE = str(Path(sys.executable).with_name("answerable"))
TENANTS = ("corner-shop", "other-shop")
Rows = dict[str, list[tuple[Any, ...]]]


@pytest.fixture(params=["sqlite", "postgresql"])
def store(request: pytest.FixtureRequest, tmp_path: Path) -> Path | str:
    """A database without any tables."""
    path = tmp_path / "answerable.db"
    return empty_postgres_url(path) if request.param == "postgresql" else path


@contextmanager
def looking(store: Path | str) -> Iterator[Connection]:
    """A transaction that sees every tenant's rows."""
    with schema.transaction(store) as tx:
        if tx.dialect.name == "postgresql":
            tx.execute(sa.select(sa.func.set_config("answerable.tenant", "*", True)))
        yield tx


def tables(tx: Connection) -> list[sa.Table]:
    found = sa.MetaData()
    found.reflect(tx)
    return [table for table in found.sorted_tables if table.name != "alembic_version"]


def invented(column: sa.Column[Any], tenant: str, number: int) -> Any:
    if column.name == "tenant":
        return tenant
    if isinstance(column.type, sa.Boolean):
        return number % 2 == 0
    if isinstance(column.type, sa.Integer):
        return number
    if isinstance(column.type, sa.Float):
        return 0.5
    if isinstance(column.type, sa.LargeBinary):
        return f"{column.name} {number} \\ \x00 ü".encode()
    return f'{{"{column.name}": "{number} ü \\\\n"}}'


def fill(store: Path | str) -> None:
    """Two rows of each tenant in every table."""
    with looking(store) as tx:
        for table in tables(tx):
            for number in range(1, 5):
                tenant = TENANTS[number % 2]
                tx.execute(
                    sa.insert(table).values(
                        {column.name: invented(column, tenant, number) for column in table.c}
                    )
                )


def rows_of(store: Path | str, columns: dict[str, list[str]] | None = None) -> Rows:
    """All rows; of the named columns only, where others have been added since."""
    with looking(store) as tx:
        return {
            table.name: sorted(
                tuple(row)
                for row in tx.execute(
                    sa.select(*(table.c[name] for name in columns[table.name]))
                    if columns
                    else sa.select(table)
                )
            )
            for table in tables(tx)
            if columns is None or table.name in columns
        }


def columns_of(store: Path | str) -> dict[str, list[str]]:
    with looking(store) as tx:
        return {table.name: [column.name for column in table.c] for table in tables(tx)}


def stopped_at(store: Path | str, revision: str) -> None:
    with schema.transaction(store) as tx:
        schema.upgrade_connection(tx, to=revision)


@pytest.mark.parametrize("revision", REVISIONS)
def test_every_row_of_every_earlier_schema_is_kept(store: Path | str, revision: str) -> None:
    stopped_at(store, revision)
    fill(store)
    columns, before = columns_of(store), rows_of(store)
    assert all(len(rows) == 4 for rows in before.values())
    assert schema.current_revision(store) == revision

    schema.upgrade(store)
    schema.upgrade(store)

    assert schema.is_current(store)
    assert rows_of(store, columns) == before


@pytest.mark.parametrize("revision", [None, *REVISIONS[:-1]])
def test_interrupted_at_any_statement_it_has_changed_nothing(
    store: Path | str, revision: str | None
) -> None:
    """Every seventh, which is some of each kind."""
    if revision is not None:
        stopped_at(store, revision)
        fill(store)
    before = rows_of(store)
    left = 0

    def interrupt(*_: object) -> None:
        nonlocal left
        left -= 1
        if left == 0:
            raise KeyboardInterrupt

    sa.event.listen(sa.Engine, "before_cursor_execute", interrupt)
    try:
        for statement in range(1, 1000, 7):
            left = statement
            try:
                schema.upgrade(store)
                break
            except KeyboardInterrupt:
                left = 0
                assert schema.current_revision(store) == revision
                assert rows_of(store) == before
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", interrupt)

    assert statement > 7
    assert schema.is_current(store)


KILLED = """
import os, signal, sys
import sqlalchemy as sa
from answerable.processes import schema

def die(_connection, _cursor, statement, *_):
    if statement.startswith("UPDATE alembic_version"):
        os.kill(os.getpid(), signal.SIGKILL)

sa.event.listen(sa.Engine, "before_cursor_execute", die)
schema.upgrade(sys.argv[1])
"""


def test_a_program_that_is_killed_halfway_leaves_nothing_and_another_completes_it(
    store: Path | str,
) -> None:
    stopped_at(store, REVISIONS[0])
    fill(store)
    before = rows_of(store)

    done = subprocess.run([sys.executable, "-c", KILLED, str(store)], check=False)

    assert done.returncode == -signal.SIGKILL
    assert schema.current_revision(store) == REVISIONS[0]
    schema.upgrade(store)
    assert schema.is_current(store)
    assert rows_of(store) == before


def test_of_several_programs_that_migrate_at_once_one_does_it(store: Path | str) -> None:
    place = ["--database", store] if isinstance(store, str) else ["--data", str(store.parent)]
    command = [ANSWERABLE, "migrate", *place]
    programs = [subprocess.Popen(command, stdout=subprocess.PIPE, text=True) for _ in range(3)]
    told = [program.communicate(timeout=60)[0] for program in programs]

    assert [program.returncode for program in programs] == [0, 0, 0], told
    assert schema.is_current(store)


def test_a_server_waits_with_others_before_it_looks(tmp_path: Path) -> None:
    """Who comes second finds the work done, instead of doing it again."""
    url = empty_postgres_url(tmp_path)
    with schema.transaction(url) as tx:
        schema.upgrade_connection(tx)
        late = subprocess.Popen(
            [ANSWERABLE, "migrate", "--database", url, "--json"],
            stdout=subprocess.PIPE, text=True,
        )  # fmt: skip
        waits = sa.text("SELECT count(*) FROM pg_locks WHERE locktype = 'advisory' AND NOT granted")
        while not tx.scalar(waits):
            assert late.poll() is None
    told, _ = late.communicate(timeout=60)

    assert late.returncode == 0, told
    assert schema.is_current(url)


def test_a_table_that_is_held_for_long_is_not_waited_for(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """Whoever waits for it would hold up everybody who comes later."""
    url = empty_postgres_url(tmp_path)
    stopped_at(url, REVISIONS[0])
    with looking(url) as reader:
        reader.execute(sa.text("SELECT count(*) FROM contact"))

        assert run(["migrate", "--database", url]) == 1

    assert "nothing was changed" in capsys.readouterr().err
    assert schema.current_revision(url) == REVISIONS[0]
    assert run(["migrate", "--database", url]) == 0


def at_revision(store: Path | str, revision: str) -> None:
    with schema.transaction(store) as tx:
        tx.execute(sa.update(schema.REVISIONS).values(version_num=revision))


def test_a_schema_of_a_newer_version_is_refused_and_left_alone(
    store: Path | str, capsys: pytest.CaptureFixture[str]
) -> None:
    schema.upgrade(store)
    at_revision(store, "9999_next_year")

    for refused in (schema.upgrade, schema.require_current):
        with pytest.raises(Conflict, match="newer one") as error:
            refused(store)
        assert error.value.code == "schema_newer"
    place = ["--database", store] if isinstance(store, str) else ["--data", str(store.parent)]
    assert run(["migrate", *place]) == 1
    assert "9999_next_year" in capsys.readouterr().err
    assert schema.current_revision(store) == "9999_next_year"


def test_an_older_schema_is_refused_where_nobody_migrates_by_the_way(store: Path | str) -> None:
    with pytest.raises(Conflict, match=r"without any tables.*answerable migrate"):
        schema.require_current(store)
    stopped_at(store, REVISIONS[0])
    with pytest.raises(Conflict, match=f"{REVISIONS[0]}.*answerable migrate"):
        schema.require_current(store)
    schema.upgrade(store)
    schema.require_current(store)
