"""Looking for what somebody said wherever a program may have left it, in whatever form."""

import base64
from collections.abc import Iterable, Iterator
from pathlib import Path

import sqlalchemy as sa

from answerable.kit.database import metadata
from answerable.kit.postgres_connection import EVERY_TENANT, postgres_engine

SHORTEST_HALF = 8  # characters


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


def halves_of(text: str) -> Iterator[bytes]:
    """Of what is cut in two somewhere, one of these is whole. None of a text so short that its half
    may stand anywhere by chance."""
    middle = len(text) // 2
    if middle >= SHORTEST_HALF:
        yield text[:middle].encode()
        yield text[middle:].encode()


def traces(
    secrets: Iterable[str], places: Iterable[tuple[str, bytes]], *, cut: bool = False
) -> list[str]:
    """`place: secret` for each of the secrets in each place that has it. cut: or half of it."""
    forms = {secret: set(forms_of(secret)) for secret in secrets}
    if cut:
        forms = {secret: {*written, *halves_of(secret)} for secret, written in forms.items()}
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
