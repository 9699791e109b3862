"""The search in what a PostgreSQL server keeps finds what was put there, wherever it was put."""

import struct
from pathlib import Path

import sqlalchemy as sa

from answerable.kit.postgres_connection import postgres_engine
from tests.support.server_traces import watch_server, without_headers
from tests.support.stores import postgres_url
from tests.support.traces import traces

SECRET = "the copper zeppelin of Ostwik"
LONG = "x" * 1990 + SECRET + "y" * 50_000  # the pieces of a long value are 1996 bytes


def planted(url: str, *statements: str, **parameters: str) -> None:
    engine = postgres_engine(url, connections=1)
    with engine.begin() as tx:
        for statement in statements:
            tx.execute(sa.text(statement), parameters)
    engine.dispose()


def found_in(tmp_path: Path, *statements: str, **parameters: str) -> set[str]:
    """The kinds of places in which the search finds the secret."""
    url = postgres_url(tmp_path / "planted.db")
    planted(url, "CREATE TABLE planted (id int, said text)")
    server = watch_server(url)
    planted(url, *statements, **parameters)

    found = traces([SECRET], server.places(), cut=True)
    return {one.partition(":")[0].partition("/")[0] for one in found}


def test_a_row_is_found_in_the_pages_the_log_of_writes_and_the_log(tmp_path: Path) -> None:
    insert = "INSERT INTO planted VALUES (1, :said)"
    assert found_in(tmp_path, insert, said=SECRET) == {"base", "pg_wal", "server log"}


def test_a_row_that_was_deleted_again_is_found(tmp_path: Path) -> None:
    statements = ("INSERT INTO planted VALUES (1, :said)", "DELETE FROM planted WHERE said = :said")
    assert found_in(tmp_path, *statements, said=SECRET) >= {"base", "pg_wal"}


def test_a_long_value_is_found_where_it_is_cut(tmp_path: Path) -> None:
    insert = "INSERT INTO planted VALUES (1, :said)"
    assert found_in(tmp_path, insert, said=LONG) >= {"base", "pg_wal"}


def test_what_was_only_asked_for_is_found_in_the_log(tmp_path: Path) -> None:
    query = "SELECT id FROM planted WHERE said = :said"
    assert found_in(tmp_path, query, said=SECRET) == {"server log"}


def test_what_was_never_told_the_server_is_found_nowhere(tmp_path: Path) -> None:
    insert = "INSERT INTO planted VALUES (1, :said)"
    assert found_in(tmp_path, insert, said="something else") == set()


def test_a_text_that_runs_over_the_pages_of_the_log_of_writes_is_found() -> None:
    def page(content: bytes, *, first: bool = False) -> bytes:
        header = struct.pack("<HH", 0xD110, 0x0002 if first else 0x0001)
        header = header.ljust(40 if first else 24, b"\xaa")
        return header + content

    half = len(SECRET) // 2
    begin = b"." * (8192 - 40 - half) + SECRET[:half].encode()
    segment = page(begin, first=True) + page(SECRET[half:].encode().ljust(8192 - 24, b"."))

    assert SECRET.encode() not in segment
    assert traces([SECRET], [("pg_wal", without_headers(segment))]) == [f"pg_wal: {SECRET}"]
