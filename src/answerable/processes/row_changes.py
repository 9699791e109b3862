"""Which rows changed since the last backup: noted by triggers, and read by incremental backups.

row_change    a row for each row of the store that was added, changed or removed since: its table,
              its primary key as a JSON array (binary columns as hex), and a number that is another
              after each change
backup_link   one row: which backup was the last one

Both are there only while changes are tracked, so they are in no metadata and no migration. They
are not behind the wall between tenants: they hold keys, and nothing else of a row.
"""

import json
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import lock_until_commit
from answerable.kit.errors import Conflict
from answerable.kit.ids import new_id

_own = sa.MetaData()
row_change = sa.Table(
    "row_change",
    _own,
    sa.Column("table_name", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("n", sa.BigInteger, sa.Identity(), nullable=False),  # SQLite's triggers say random()
    sqlite_with_rowid=False,
)
backup_link = sa.Table(
    "backup_link",
    _own,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("made_at", sa.Text, nullable=False),
)
OWN = frozenset(table.name for table in _own.sorted_tables)
_UNTRACKED = OWN | {"alembic_version"}

_KINDS = ("insert", "update", "delete", "key")  # a trigger each; key: an update of the key itself
_TOGETHER = 500  # entries read at a time

# Outside its own transaction an entry is only changed by whoever changes its row, and for that
# holds the row's lock: services do not wait for each other here. The one that forgets entries
# skips those that are just being changed, so it waits for nobody, and nobody with it in a circle.
_FORGET_ON_SERVER = sa.text(
    "WITH copied AS (SELECT c.table_name, c.key, c.n FROM row_change c JOIN unnest("
    "CAST(:tables AS text[]), CAST(:keys AS text[]), CAST(:numbers AS bigint[])"
    ") AS told(table_name, key, n) USING (table_name, key, n) FOR UPDATE OF c SKIP LOCKED) "
    "DELETE FROM row_change c USING copied "
    "WHERE c.table_name = copied.table_name AND c.key = copied.key AND c.n = copied.n"
)
_FUNCTION_ON_SERVER = """
CREATE OR REPLACE FUNCTION {name}() RETURNS trigger LANGUAGE plpgsql
SECURITY DEFINER SET search_path FROM CURRENT AS $$ BEGIN
INSERT INTO row_change (table_name, key) SELECT '{table}', CAST(json_build_array({key}) AS text)
{rows} ON CONFLICT (table_name, key) DO UPDATE SET n = EXCLUDED.n;
RETURN NULL; END $$"""
_CHAIN = "backup chain"  # who begins one, or relies on it, waits for the others
_TRIGGERS_ON_SERVER = {
    "insert": "AFTER INSERT ON {on} REFERENCING NEW TABLE AS changed FOR EACH STATEMENT",
    "update": "AFTER UPDATE ON {on} REFERENCING NEW TABLE AS changed FOR EACH STATEMENT",
    "delete": "AFTER DELETE ON {on} REFERENCING OLD TABLE AS changed FOR EACH STATEMENT",
    "key": "AFTER UPDATE OF {key} ON {on} FOR EACH ROW WHEN (({old}) IS DISTINCT FROM ({new}))",
}
_TRIGGERS_ON_SERVER_ARE = sa.text(
    "SELECT c.relname, t.tgname FROM pg_trigger t JOIN pg_class c ON c.oid = t.tgrelid "
    "WHERE NOT t.tgisinternal AND t.tgenabled <> 'D' AND pg_table_is_visible(c.oid)"
)
# An upsert: another clause would give way to that of the statement which fires the trigger.
_TRIGGER_IN_FILE = """
CREATE TRIGGER {name} {when} BEGIN
INSERT INTO row_change (table_name, key, n) VALUES ('{table}', json_array({key}), random())
ON CONFLICT (table_name, key) DO UPDATE SET n = excluded.n; END"""
_TRIGGERS_IN_FILE = {
    "insert": "AFTER INSERT ON {on}",
    "update": "AFTER UPDATE ON {on}",
    "delete": "AFTER DELETE ON {on}",
    "key": "AFTER UPDATE OF {key} ON {on} WHEN ({old}) IS NOT ({new})",
}
_TRIGGERS_IN_FILE_ARE = sa.text("SELECT tbl_name, name FROM sqlite_master WHERE type = 'trigger'")


@dataclass(frozen=True, kw_only=True)
class Link:
    """The last backup of a chain. id: of a beginning, to which no backup belongs yet, as well."""

    id: str
    made_at: str


@dataclass(frozen=True, kw_only=True)
class Note:
    """That a row changed. n: another one after each change of the row."""

    table: str
    key: str
    n: int


def tracked_tables(tx: Connection) -> list[str]:
    """Names of what is tracked: every table of this database but Alembic's and our own."""
    return sorted(set(sa.inspect(tx).get_table_names()) - _UNTRACKED)


def as_stored(tx: Connection, names: Sequence[str]) -> list[sa.Table]:
    """These tables as they are in this database, whatever version of the program made them."""
    found = sa.MetaData()
    if names:
        found.reflect(tx, only=names)
    return found.sorted_tables


def last_link(tx: Connection) -> Link | None:
    """None: changes are not tracked."""
    if not sa.inspect(tx).has_table(backup_link.name):
        return None
    row = tx.execute(sa.select(backup_link)).one()
    return Link(id=row.id, made_at=row.made_at)


def begin_chain(tx: Connection) -> Link:
    """A beginning, to which no backup belongs: none that was made before can be followed.

    Makes our tables, unless they are there.
    """
    lock_until_commit(tx, [_CHAIN])  # whoever begins one beside us leaves one row as well
    if last_link(tx) is None:
        _own.create_all(tx)
    tx.execute(sa.delete(backup_link))
    link = Link(id=new_id("trk"), made_at="")
    tx.execute(sa.insert(backup_link).values(id=link.id, made_at=link.made_at))
    return link


def hold_chain(tx: Connection, link: Link) -> None:
    """Until the end of the transaction nobody begins another chain. Raises Conflict if somebody has
    since `link`: what one of two changes that the other relies on would be gone, or in the way."""
    lock_until_commit(tx, [_CHAIN])
    if last_link(tx) != link:
        raise Conflict(
            "tracking_changed",
            "somebody else began or ended the tracking of changes meanwhile: "
            "try again, when nobody else is at it",
        )


def not_tracked(tx: Connection) -> list[str]:
    """Names of the tables of which some trigger is not there."""
    on_server = tx.dialect.name == "postgresql"
    query = _TRIGGERS_ON_SERVER_ARE if on_server else _TRIGGERS_IN_FILE_ARE
    there = {tuple(row) for row in tx.execute(query)}
    return [
        name
        for name in tracked_tables(tx)
        if any((name, _trigger(name, kind)) not in there for kind in _KINDS)
    ]


def track(tx: Connection, table: sa.Table) -> None:
    """Note from the end of this transaction on which of the table's rows change."""
    untrack(tx, table.name)
    words = _words(tx, table)
    if tx.dialect.name != "postgresql":
        for kind, when in _TRIGGERS_IN_FILE.items():
            key = words["old_key"] if kind in ("delete", "key") else words["new_key"]
            text = _TRIGGER_IN_FILE.format(
                name=_trigger(table.name, kind),
                table=table.name,
                key=key,
                when=when.format(**words),
            )
            tx.exec_driver_sql(text)
        return
    for kind, rows, key in (
        ("rows", "FROM changed", words["any_key"]),
        ("key", "", words["old_key"]),
    ):
        text = _FUNCTION_ON_SERVER.format(
            name=_trigger(table.name, kind), table=table.name, key=key, rows=rows
        )
        tx.exec_driver_sql(text)
    for kind, when in _TRIGGERS_ON_SERVER.items():
        does = _trigger(table.name, "key" if kind == "key" else "rows")
        text = f"CREATE TRIGGER {_trigger(table.name, kind)} {when.format(**words)}"
        tx.exec_driver_sql(f"{text} EXECUTE FUNCTION {does}()")


def untrack(tx: Connection, table: str) -> None:
    """Remove the table's triggers, as far as they are there."""
    if tx.dialect.name == "postgresql":
        for kind in ("rows", "key"):
            tx.exec_driver_sql(f"DROP FUNCTION IF EXISTS {_trigger(table, kind)}() CASCADE")
        return
    for kind in _KINDS:
        tx.exec_driver_sql(f"DROP TRIGGER IF EXISTS {_trigger(table, kind)}")


def remove_tracking(tx: Connection) -> None:
    """Remove every trigger and our tables. Of a store that does not track nothing changes."""
    lock_until_commit(tx, [_CHAIN])
    if last_link(tx) is None:
        return
    for table in tracked_tables(tx):
        untrack(tx, table)
    remove_notes(tx)


def remove_notes(tx: Connection) -> None:
    """Remove our tables: after this no backup can follow any other."""
    _own.drop_all(tx)


def noted_tables(tx: Connection) -> list[str]:
    """Names of the tables of which something is noted."""
    return sorted(tx.scalars(sa.select(row_change.c.table_name).distinct()))


def noted(tx: Connection, table: str) -> Iterator[list[Note]]:
    """What is noted of a table, in portions."""
    after = ""
    while True:
        query = (
            sa.select(row_change.c.key, row_change.c.n)
            .where(row_change.c.table_name == table, row_change.c.key > after)
            .order_by(row_change.c.key)
            .limit(_TOGETHER)
        )
        part = [Note(table=table, key=row.key, n=row.n) for row in tx.execute(query)]
        if not part:
            return
        yield part
        after = part[-1].key


def forget(tx: Connection, notes: Sequence[Note]) -> None:
    """Remove these notes; a row that was changed again since then stays noted."""
    if tx.dialect.name == "postgresql":
        told = {
            "tables": [note.table for note in notes],
            "keys": [note.key for note in notes],
            "numbers": [note.n for note in notes],
        }
        tx.execute(_FORGET_ON_SERVER, told)
        return
    query = sa.delete(row_change).where(
        row_change.c.table_name == sa.bindparam("of"),
        row_change.c.key == sa.bindparam("with_key"),
        row_change.c.n == sa.bindparam("numbered"),
    )
    tx.execute(query, [{"of": m.table, "with_key": m.key, "numbered": m.n} for m in notes])


def follow(tx: Connection, previous: str, link: Link) -> bool:
    """Make `link` the last backup. False if `previous` is not the last one any more."""
    if last_link(tx) is None:
        return False
    return bool(
        tx.execute(
            sa.update(backup_link)
            .where(backup_link.c.id == previous)
            .values(id=link.id, made_at=link.made_at)
        ).rowcount
    )


def waiting_changes(tx: Connection) -> int:
    """How many rows the next increment will hold; it counts them."""
    return tx.scalar(sa.select(sa.func.count()).select_from(row_change)) or 0


def key_of(table: sa.Table, text: str) -> tuple[Any, ...]:
    """The values of the primary key's columns. Raises ValueError if `text` is none of its keys."""
    values = json.loads(text)
    columns = list(table.primary_key.columns)
    if not isinstance(values, list) or len(values) != len(columns):
        raise ValueError(f"not a key of {table.name}")
    return tuple(map(to_value, columns, values))


def to_value(column: sa.Column[Any], plain: Any) -> Any:
    """What is stored, from what stands in JSON for it: binary values are in hex there."""
    return bytes.fromhex(plain) if _binary(column) and plain is not None else plain


def _binary(column: sa.Column[Any]) -> bool:
    return isinstance(column.type, sa.LargeBinary)


def _trigger(table: str, kind: str) -> str:
    return f"row_change_{kind}_of_{table}"


def _words(tx: Connection, table: sa.Table) -> dict[str, str]:
    """What the statements are completed with."""
    quote = tx.dialect.identifier_preparer.quote
    columns = list(table.primary_key.columns)
    hexed = "encode({}, 'hex')" if tx.dialect.name == "postgresql" else "hex({})"

    def named(prefix: str) -> list[str]:
        return [f"{prefix}{quote(column.name)}" for column in columns]

    def shown(prefix: str) -> str:
        pairs = zip(named(prefix), columns, strict=True)
        return ", ".join(hexed.format(name) if _binary(one) else name for name, one in pairs)

    return {
        "on": quote(table.name),
        "key": ", ".join(named("")),
        "old": ", ".join(named("OLD.")),
        "new": ", ".join(named("NEW.")),
        "any_key": shown(""),
        "old_key": shown("OLD."),
        "new_key": shown("NEW."),
    }
