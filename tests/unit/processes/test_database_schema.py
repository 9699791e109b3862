"""The schema's migrations: the tables of the code, in one step that happens or does not."""

import subprocess
import sys
import threading
from pathlib import Path

import pytest
import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory
from sqlalchemy import Connection

from answerable.processes import schema


def names_of_tables(path: Path) -> set[str]:
    engine = sa.create_engine(f"sqlite:///{path}")
    try:
        return set(sa.inspect(engine).get_table_names())
    finally:
        engine.dispose()


def test_an_upgrade_gives_exactly_the_tables_of_the_code(tmp_path: Path) -> None:
    path = tmp_path / "answerable.db"

    schema.upgrade(path)

    assert names_of_tables(path) == {*schema.load_tables().tables, "alembic_version"}
    engine = sa.create_engine(f"sqlite:///{path}")
    with engine.connect() as connection:
        compared = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(compared, schema.load_tables()) == []
    engine.dispose()


def test_the_newest_revision_is_the_migrations_head() -> None:
    config = Config()
    config.set_main_option("script_location", str(schema.MIGRATIONS))

    assert ScriptDirectory.from_config(config).get_heads() == [schema.newest_revision()]


def test_an_upgrade_makes_the_same_objects_as_the_metadata(tmp_path: Path) -> None:
    """Not only the columns: keys, unique constraints and partial indexes too."""
    upgraded, created = tmp_path / "upgraded.db", tmp_path / "created.db"
    schema.upgrade(upgraded)
    engine = sa.create_engine(f"sqlite:///{created}")
    schema.load_tables().create_all(engine)
    engine.dispose()

    assert objects(upgraded) == objects(created)


def objects(path: Path) -> dict[str, tuple[object, ...]]:
    engine = sa.create_engine(f"sqlite:///{path}")
    inspector = sa.inspect(engine)
    described = {
        name: (
            [(c["name"], str(c["type"]), c["nullable"]) for c in inspector.get_columns(name)],
            inspector.get_pk_constraint(name)["constrained_columns"],
            sorted(str(u["column_names"]) for u in inspector.get_unique_constraints(name)),
            sorted(
                (
                    str(index["name"]),
                    str(index["column_names"]),
                    index["unique"],
                    str(index.get("dialect_options", {}).get("sqlite_where")),
                )
                for index in inspector.get_indexes(name)
            ),
        )
        for name in inspector.get_table_names()
        if name != "alembic_version"
    }
    engine.dispose()
    return described


def test_a_second_upgrade_does_nothing(tmp_path: Path) -> None:
    path = tmp_path / "answerable.db"
    schema.upgrade(path)
    before = path.read_bytes()

    schema.upgrade(path)

    assert path.read_bytes() == before
    assert schema.is_current(path)
    assert schema.current_revision(path) == schema.newest_revision()


def test_a_database_that_was_never_upgraded_has_no_revision(tmp_path: Path) -> None:
    assert schema.current_revision(tmp_path / "new.db") is None
    assert not schema.is_current(f"sqlite:///{tmp_path / 'new.db'}")


def test_an_interrupted_upgrade_has_changed_nothing_and_can_be_run_again(tmp_path: Path) -> None:
    path = tmp_path / "answerable.db"
    statements = 0

    def interrupt(connection: Connection, *_: object) -> None:
        nonlocal statements
        statements += 1
        if statements == 25:
            raise KeyboardInterrupt

    sa.event.listen(sa.Engine, "before_cursor_execute", interrupt)
    try:
        with pytest.raises(KeyboardInterrupt):
            schema.upgrade(path)
    finally:
        sa.event.remove(sa.Engine, "before_cursor_execute", interrupt)
    assert names_of_tables(path) == set()

    schema.upgrade(path)

    assert schema.is_current(path)


def test_two_programs_may_upgrade_at_once(tmp_path: Path) -> None:
    path = tmp_path / "answerable.db"
    failures: list[BaseException] = []

    def upgrade() -> None:
        try:
            schema.upgrade(path)
        except BaseException as failure:
            failures.append(failure)

    # Alembic keeps the running revision in module state, so one process upgrades one at a time;
    # what two processes do is the lock's matter, and it is taken by a second connection here.
    holder = sa.create_engine(f"sqlite:///{path}")
    with holder.connect() as connection:
        connection.exec_driver_sql("BEGIN IMMEDIATE")
        other = threading.Thread(target=upgrade)
        other.start()
        other.join(timeout=0.2)
        assert other.is_alive()
        connection.exec_driver_sql("COMMIT")
    other.join(timeout=30)
    holder.dispose()

    assert failures == []
    assert schema.is_current(path)


EVERYTHING_DEFINED = """
import importlib, pkgutil, answerable
from answerable.kit.database import metadata
from answerable.processes import schema

SKIPPED = (
    "answerable.kit.migrations", "answerable.cli", "answerable.understanding.build_encoder",
    "answerable.understanding.torch_encoder",  # needs what only an extra brings
)

def defined():
    tables = metadata.tables.values()
    return {table.name for table in tables} | {i.name for t in tables for i in t.indexes}

schema.load_tables()
known = defined()
for module in pkgutil.walk_packages(answerable.__path__, "answerable."):
    if not module.name.startswith(SKIPPED):
        importlib.import_module(module.name)
print(*(defined() - known))
"""


def test_every_module_with_tables_or_indexes_is_known_to_the_schema() -> None:
    # In a process of its own: here, other tests have imported this and that already.
    done = subprocess.run(
        [sys.executable, "-c", EVERYTHING_DEFINED], capture_output=True, text=True, check=True
    )
    assert done.stdout.split() == []


def test_every_row_can_be_named() -> None:
    """Incremental backups note rows by their primary keys, which must be texts or whole numbers,
    or bytes: of others the two stores would write different keys."""
    named = (sa.Text, sa.Integer, sa.LargeBinary)
    for table in schema.load_tables().sorted_tables:
        columns = list(table.primary_key.columns)
        assert columns, table.name
        assert all(isinstance(column.type, named) for column in columns), table.name
