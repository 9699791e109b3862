"""Looking for what somebody said wherever a program may have left it, in whatever form."""

import base64
import os
from collections.abc import Iterable, Iterator
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import make_url

from answerable.kit.database import metadata
from answerable.kit.postgres_connection import EVERY_TENANT, postgres_engine
from tests.support.needs import needs_postgres


def forms_of(text: str) -> Iterator[bytes]:
    """A text as it is, in UTF-16, in hex, and in base64 wherever in a longer text it begins."""
    for plain in {text.encode(), text.encode("utf-16-le"), text.encode("utf-16-be")}:
        yield plain
        yield plain.hex().encode()
        yield plain.hex().upper().encode()
        for before in range(3):
            encoded = base64.b64encode(b"\0" * before + plain)
            # What depends on the bytes beside it is left away.
            inner = encoded[(before * 8 + 5) // 6 : (before + len(plain)) * 8 // 6]
            yield inner
            yield inner.replace(b"+", b"-").replace(b"/", b"_")


def traces(secrets: Iterable[str], places: Iterable[tuple[str, bytes]]) -> list[str]:
    """`place: secret` for each of the secrets in each place that has it."""
    forms = {secret: set(forms_of(secret)) for secret in secrets}
    return [
        f"{place}: {secret}"
        for place, content in places
        for secret, written in forms.items()
        if any(form in content for form in written)
    ]


def files_of(folder: Path) -> Iterator[tuple[str, bytes]]:
    for path in sorted(folder.rglob("*")):
        if path.is_file():
            yield path.name, path.read_bytes()


def rows_of(url: str) -> Iterator[tuple[str, bytes]]:
    """Every row of every table of a PostgreSQL database, bytes as they are and as text."""
    engine = postgres_engine(url, connections=1)
    with engine.connect() as connection:
        connection.execute(sa.text(f"SET answerable.tenant = '{EVERY_TENANT}'"))
        for table in metadata.sorted_tables:
            for row in connection.execute(sa.select(table)):
                for name, value in row._mapping.items():
                    raw = value if isinstance(value, bytes) else str(value).encode()
                    yield f"{table.name}.{name}", raw
    engine.dispose()


def pages_of(url: str) -> Iterator[tuple[str, bytes]]:
    """The files of a PostgreSQL database's tables and indexes, as far as they are on this machine
    and may be read; without the server's write-ahead log."""
    name = make_url(url).database
    engine = sa.create_engine(
        make_url(needs_postgres()).set(drivername="postgresql+psycopg"),
        isolation_level="AUTOCOMMIT",
    )
    with engine.connect() as connection:
        connection.execute(sa.text("CHECKPOINT"))
        folder = connection.scalar(sa.text("SHOW data_directory"))
        query = sa.text("SELECT oid FROM pg_database WHERE datname = :name")
        number = connection.scalar(query, {"name": name})
    engine.dispose()
    pages = Path(str(folder)) / "base" / str(number)
    if os.access(pages, os.R_OK):
        yield from files_of(pages)
