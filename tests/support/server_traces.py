"""What a PostgreSQL server keeps of a database: its files, its write-ahead log, its own log.

All is read through the server, as its superuser, so that it does not matter whose files they are.
What can be found there, as plain bytes:

- In the files of tables, TOAST, indexes and statistics: everything, also in rows that were deleted,
  once the server has written out its pages. Long values would be compressed, so here they are not
  (`STORAGE EXTERNAL`), and are cut into pieces of two thousand bytes: a text that is cut in two is
  found by the half that is whole.
- In the write-ahead log: everything, once the headers of its pages, which cut through records, are
  taken out. Images of pages would be compressed with `wal_compression`, which is refused.
- In the log: every statement with its parameters, as they are told to be written for this database.
"""

import struct
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass

import sqlalchemy as sa
from sqlalchemy import make_url

from answerable.kit.postgres_connection import postgres_engine
from tests.support.needs import needs_postgres

_WAL_PAGE = 8192
_HEADER, _LONG_HEADER = 24, 40  # of a page; the first one of a segment has the long one
_LONG = 0x0002
_AT_ONCE = 2**22  # bytes of one file that are asked for in one query
# Beside the tables, what the server may put contents of rows or statements into.
_FOLDERS = ("base/pgsql_tmp", "pg_stat_tmp", "pg_stat", "pg_replslot", "pg_logical", "pg_twophase")
_TELLS_ALL = {
    "log_statement": "all",
    "log_min_duration_statement": "0",
    "log_parameter_max_length": "-1",
    "log_parameter_max_length_on_error": "-1",
    "log_error_verbosity": "verbose",
}


@dataclass(frozen=True)
class ServerTraces:
    """url: of the database. segment: of the write-ahead log, in which this began. log: of the
    server; log_length: how long it was then."""

    url: str
    segment: str
    log: str
    log_length: int

    def places(self) -> Iterator[tuple[str, bytes]]:
        """Everything that the server has of the database, and wrote since this was made."""
        with _superuser() as server:
            # Statistics hold values of columns, and their order in them.
            with _superuser(make_url(self.url).database) as inside:
                inside.exec_driver_sql("ANALYZE")
            server.exec_driver_sql("CHECKPOINT")
            yield from self._files(server)
            yield "pg_wal", b"".join(map(without_headers, self._segments(server)))
            yield "server log", _read(server, self.log, begin=self.log_length)

    def _files(self, server: sa.Connection) -> Iterator[tuple[str, bytes]]:
        name = make_url(self.url).database
        query = sa.text("SELECT oid FROM pg_database WHERE datname = :name")
        number = server.scalar(query, {"name": name})
        for folder in (f"base/{number}", *_FOLDERS):
            yield from _files_below(server, folder)

    def _segments(self, server: sa.Connection) -> Iterator[bytes]:
        server.exec_driver_sql("SELECT pg_switch_wal()")  # what stands in it is on disk then
        last = server.scalar(sa.text("SELECT pg_walfile_name(pg_current_wal_lsn())"))
        query = sa.text(
            "SELECT name FROM pg_ls_waldir() WHERE length(name) = 24 "
            "AND name BETWEEN :first AND :last ORDER BY name"
        )
        for name in server.scalars(query, {"first": self.segment, "last": last}):
            yield _read(server, f"pg_wal/{name}")


def watch_server(url: str) -> ServerTraces:
    """Begin before the program connects: from here on its statements are written to the log, and
    nothing is compressed that could be searched."""
    name = make_url(url).database
    with _superuser() as server:
        packed = server.scalar(sa.text("SHOW wal_compression"))
        assert packed == "off", "wal_compression is on: what it packs cannot be searched"
        for setting, value in _TELLS_ALL.items():
            server.exec_driver_sql(f"ALTER DATABASE {name} SET {setting} = '{value}'")
        server.exec_driver_sql("SELECT pg_switch_wal()")  # what others wrote before is not read
        first = server.scalar(sa.text("SELECT pg_walfile_name(pg_current_wal_insert_lsn())"))
        log = server.scalar(sa.text("SELECT pg_current_logfile()")) or "/proc/self/fd/2"
        length = _length(server, log)
        assert length, f"the server's log, {log}, is no file: it cannot be searched"
    _leave_uncompressed(url)
    return ServerTraces(url=url, segment=str(first), log=str(log), log_length=length)


def without_headers(segment: bytes) -> bytes:
    """What stands in the pages of a segment of the write-ahead log, joined."""
    parts = []
    for at in range(0, len(segment), _WAL_PAGE):
        _, info = struct.unpack_from("<HH", segment, at)
        begin = at + (_LONG_HEADER if info & _LONG else _HEADER)
        parts.append(segment[begin : at + _WAL_PAGE])
    return b"".join(parts)


def _leave_uncompressed(url: str) -> None:
    columns = sa.text(
        "SELECT table_name, column_name FROM information_schema.columns "
        "WHERE table_schema = 'public' "
        "AND data_type IN ('text', 'bytea', 'json', 'jsonb', 'character varying')"
    )
    engine = postgres_engine(url, connections=1)
    with engine.begin() as tx:
        for table, column in tx.execute(columns).all():
            tx.exec_driver_sql(
                f'ALTER TABLE "{table}" ALTER COLUMN "{column}" SET STORAGE EXTERNAL'
            )
    engine.dispose()


@contextmanager
def _superuser(database: str | None = None) -> Iterator[sa.Connection]:
    url = make_url(needs_postgres()).set(drivername="postgresql+psycopg")
    url = url.set(database=database) if database else url
    engine = sa.create_engine(url, isolation_level="AUTOCOMMIT")
    with engine.connect() as connection:
        connection.exec_driver_sql("SET log_statement = 'none'")  # what is read is not to be found
        connection.exec_driver_sql("SET log_min_duration_statement = -1")
        yield connection
    engine.dispose()


def _files_below(server: sa.Connection, folder: str) -> Iterator[tuple[str, bytes]]:
    """Also in folders below it; none if there is no such folder."""
    listed = sa.text(
        "SELECT path, (pg_stat_file(path, true)).isdir, (pg_stat_file(path, true)).size "
        "FROM (SELECT :folder || '/' || name AS path FROM pg_ls_dir(:folder, true, false) AS name) "
        "AS paths ORDER BY path"
    )
    found = server.execute(listed, {"folder": folder}).all()
    for path, is_folder, size in found:
        if is_folder:
            yield from _files_below(server, path)
        elif size is not None and size > _AT_ONCE:
            yield path, _read(server, path)
    small = [path for path, is_folder, size in found if is_folder is False and size <= _AT_ONCE]
    content = sa.text(
        "SELECT path, pg_read_binary_file(path, 0, :most, true) "
        "FROM unnest(CAST(:paths AS text[])) AS path"
    )
    for path, bytes_of in server.execute(content, {"most": _AT_ONCE, "paths": small}):
        yield path, bytes(bytes_of or b"")


def _length(server: sa.Connection, path: str) -> int:
    query = sa.text("SELECT size FROM pg_stat_file(:path, true)")
    return int(server.scalar(query, {"path": path}) or 0)


def _read(server: sa.Connection, path: str, *, begin: int = 0) -> bytes:
    """Of a file from there on; nothing of one that has gone meanwhile."""
    query = sa.text("SELECT pg_read_binary_file(:path, :begin, :length, true)")
    parts = []
    for at in range(begin, _length(server, path), _AT_ONCE):
        asked = {"path": path, "begin": at, "length": _AT_ONCE}
        parts.append(bytes(server.scalar(query, asked) or b""))
    return b"".join(parts)
