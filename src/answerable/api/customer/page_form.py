"""What a page's form sends: fields, and files where it asks for some.

It is read as it comes. A file stays in memory up to its limit, what is beyond is thrown away, and
nothing is written to a disk: it is personal, and the vault is where that is put.
"""

from collections.abc import AsyncIterator, Iterable
from dataclasses import dataclass, field
from urllib.parse import parse_qsl

from python_multipart.multipart import MultipartParser, parse_options_header
from starlette.requests import ClientDisconnect, Request

from answerable.contacts.documents import MOST_BYTES, Upload

MOST_FIELDS = 20
LONGEST_FIELD = 4096  # bytes, in a form with files
_MOST_HEADERS, _LONGEST_HEADER = 8, 2048  # of a part: browsers send two


@dataclass(frozen=True, kw_only=True)
class PageForm:
    """One that is none of ours has no fields, and so not the token that each must have."""

    fields: dict[str, str] = field(default_factory=dict, repr=False)
    files: dict[str, Upload] = field(default_factory=dict, repr=False)


def is_multipart(request: Request) -> bool:
    return request.headers.get("content-type", "").lower().startswith("multipart/form-data")


async def read_form(request: Request) -> PageForm:
    """An ordinary form; whatever else comes is a form without fields."""
    body = await request.body()
    try:
        return PageForm(fields=dict(parse_qsl(body.decode("ascii"), max_num_fields=MOST_FIELDS)))
    except ValueError:
        return PageForm()


async def read_form_with_files(request: Request, wanted: Iterable[str]) -> PageForm:
    """wanted: the fields that files are taken for."""
    _, options = parse_options_header(request.headers["content-type"])
    parts = _Parts(frozenset(wanted))
    try:
        await parts.read(options.get(b"boundary", b""), request.stream())
    except (ValueError, ClientDisconnect):  # ours, the parser's, no text; or nobody is there
        return PageForm()
    return PageForm(fields=parts.fields, files=parts.files)


class _NotOurs(ValueError):
    """No form of ours looks like this."""


class _Parts:
    """Fills `fields` and `files`, part by part; raises ValueError at the first that is not ours."""

    def __init__(self, wanted: frozenset[str]) -> None:
        self.fields: dict[str, str] = {}
        self.files: dict[str, Upload] = {}
        self._wanted = wanted
        self._begun = 0
        self._ended = False
        self._header = self._value = b""
        self._disposition = b""
        self._name = ""
        self._file_name: str | None = None
        self._data = bytearray()
        self._cut = False

    async def read(self, boundary: bytes, body: AsyncIterator[bytes]) -> None:
        if not boundary:
            raise _NotOurs
        parser = MultipartParser(
            boundary,
            {
                "on_part_begin": self._begin,
                "on_header_field": self._read_header,
                "on_header_value": self._read_value,
                "on_header_end": self._end_header,
                "on_headers_finished": self._end_headers,
                "on_part_data": self._read_data,
                "on_part_end": self._end_part,
                "on_end": self._end,
            },
            max_header_count=_MOST_HEADERS,
            max_header_size=_LONGEST_HEADER,
        )
        async for chunk in body:
            parser.write(chunk)
        if not self._ended:
            raise _NotOurs

    def _begin(self) -> None:
        self._begun += 1
        if self._begun > MOST_FIELDS:
            raise _NotOurs
        self._header = self._value = self._disposition = b""
        self._data, self._cut = bytearray(), False

    def _read_header(self, data: bytes, start: int, end: int) -> None:
        self._header += data[start:end]

    def _read_value(self, data: bytes, start: int, end: int) -> None:
        self._value += data[start:end]

    def _end_header(self) -> None:
        if self._header.lower() == b"content-disposition":
            self._disposition = self._value
        self._header = self._value = b""

    def _end_headers(self) -> None:
        _, options = parse_options_header(self._disposition)
        self._name = options.get(b"name", b"").decode()
        file_name = options.get(b"filename")
        self._file_name = None if file_name is None else file_name.decode(errors="replace")
        known = self.fields if file_name is None else self.files
        if not self._name or self._name in known:
            raise _NotOurs
        if file_name is not None and self._name not in self._wanted:
            raise _NotOurs

    def _read_data(self, data: bytes, start: int, end: int) -> None:
        size = len(self._data) + end - start
        if self._file_name is None:
            if size > LONGEST_FIELD:
                raise _NotOurs
        elif self._cut or size > MOST_BYTES:
            self._data, self._cut = bytearray(), True
            return
        self._data += data[start:end]

    def _end_part(self) -> None:
        if self._file_name is None:
            self.fields[self._name] = self._data.decode()
            return
        content = None if self._cut else bytes(self._data)
        self.files[self._name] = Upload(name=self._file_name, content=content)

    def _end(self) -> None:
        self._ended = True
