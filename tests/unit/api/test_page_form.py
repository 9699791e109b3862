"""Forms with files, read piece by piece: what is ours, and what is not read to its end."""

from collections.abc import AsyncIterator, Sequence

import httpx
import pytest
from starlette.requests import Request
from starlette.types import Message

from answerable.api.customer.page_form import (
    LONGEST_FIELD,
    MOST_FIELDS,
    PageForm,
    read_form_with_files,
)
from answerable.contacts.documents import MOST_BYTES

Files = Sequence[tuple[str, tuple[str, bytes]]]


def sent(fields: dict[str, str], files: Files) -> tuple[str, bytes]:
    """The content type and the body, as a browser puts them together."""
    made = httpx.Request("POST", "http://localhost/", data=fields, files=files)
    return made.headers["content-type"], made.read()


async def read(kind: str, body: bytes, *, at_once: int = 65_536) -> PageForm:
    async def pieces() -> AsyncIterator[Message]:
        for start in range(0, len(body), at_once):
            yield {"type": "http.request", "body": body[start : start + at_once], "more_body": True}
        yield {"type": "http.request", "body": b"", "more_body": False}

    coming = pieces()
    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}
    return await read_form_with_files(Request(scope, coming.__anext__), ["document"])


@pytest.mark.parametrize("at_once", [1, 7, 100, 65_536])
async def test_fields_and_a_file_arrive_whatever_the_pieces(at_once: int) -> None:
    content = b"\r\n--not the end\r\n--" + bytes(range(256)) * 8
    form = await read(
        *sent({"act": "enter", "name": "Zoë"}, [("document", ("Ürkunde.pdf", content))]),
        at_once=at_once,
    )

    assert form.fields == {"act": "enter", "name": "Zoë"}
    assert form.files["document"].name == "Ürkunde.pdf"
    assert form.files["document"].content == content


async def test_a_field_that_was_left_empty_is_a_file_without_name_and_bytes() -> None:
    part = b'--x\r\nContent-Disposition: form-data; name="document"; filename=""\r\n\r\n\r\n--x--'
    form = await read("multipart/form-data; boundary=x", part)
    assert (form.files["document"].name, form.files["document"].content) == ("", b"")


async def test_of_a_file_that_is_too_large_nothing_is_kept_and_the_fields_are() -> None:
    just, more = b"x" * MOST_BYTES, b"x" * (MOST_BYTES + 1)

    kept = await read(*sent({"name": "Anna"}, [("document", ("a.pdf", just))]))
    cut = await read(*sent({"name": "Anna"}, [("document", ("a.pdf", more))]))

    assert kept.files["document"].content == just
    assert cut.files["document"].content is None
    assert cut.fields == {"name": "Anna"}


MANY: Files = [(f"f{number}", ("", b"")) for number in range(MOST_FIELDS + 1)]


@pytest.mark.parametrize(
    ("fields", "files"),
    [
        ({f"f{number}": "" for number in range(MOST_FIELDS)}, [("document", ("a", b"a"))]),
        ({"name": "x" * (LONGEST_FIELD + 1)}, [("document", ("a", b"a"))]),
        ({"name": "x"}, [("other", ("a", b"a"))]),
        ({"name": "x"}, [("document", ("a", b"a")), ("document", ("b", b"b"))]),
        ({"name": "x"}, MANY),
        ({}, [("document", ("a" * 5_000, b"a"))]),
    ],
    ids=["fields", "long", "unasked", "twice", "files", "header"],
)
async def test_what_no_page_of_ours_sends_is_no_form(fields: dict[str, str], files: Files) -> None:
    assert await read(*sent(fields, files)) == PageForm()


async def test_who_goes_away_while_sending_has_sent_no_form() -> None:
    kind, body = sent({"act": "enter"}, [("document", ("a.pdf", b"a" * 1000))])
    coming = iter([{"type": "http.request", "body": body[:300], "more_body": True}])

    async def receive() -> Message:
        return next(coming, {"type": "http.disconnect"})

    scope = {"type": "http", "method": "POST", "headers": [(b"content-type", kind.encode())]}
    assert await read_form_with_files(Request(scope, receive), ["document"]) == PageForm()


@pytest.mark.parametrize(
    ("kind", "body"),
    [
        ("multipart/form-data", b"--x--\r\n"),
        ("multipart/form-data; boundary=" + "x" * 5_000, b"--x--\r\n"),
        ("multipart/form-data; boundary=x", b""),
        ("multipart/form-data; boundary=x", b"act=enter&form=1"),
        ("multipart/form-data; boundary=x",
         b"--x\r\nContent-Disposition: form-data\r\n\r\na\r\n--x--"),
        ("multipart/form-data; boundary=x",
         b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\n\xff\xfe\r\n--x--'),
        ("multipart/form-data; boundary=x",
         b'--x\r\nContent-Disposition: form-data; name="a"\r\n\r\nnever closed'),
        ("multipart/form-data; boundary=x", b"--x\r\n" + b"A: b\r\n" * 100 + b"\r\n\r\n--x--"),
    ],
)  # fmt: skip
async def test_what_is_no_form_at_all_has_no_fields(kind: str, body: bytes) -> None:
    assert await read(kind, body) == PageForm()
