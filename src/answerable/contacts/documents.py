"""Documents that contacts hand in with a change of their data: what is taken, and as what."""

import re
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, field
from typing import Any, Literal, get_args

from answerable.contacts.file_types import MediaType, file_type
from answerable.contacts.plain_text import plain

MOST_BYTES = 5 * 1024 * 1024
MOST_PIXELS = 64_000_000  # some 250 MB once an agent's browser has decoded them
LONGEST_FILE_NAME = 100

Refusal = Literal["no_file", "empty", "too_large", "wrong_type", "too_many_pixels", "not_kept"]
_ENDINGS: Mapping[MediaType, tuple[str, ...]] = {
    "image/jpeg": (".jpg", ".jpeg"),
    "image/png": (".png",),
    "application/pdf": (".pdf",),
}
MEDIA_TYPES: tuple[MediaType, ...] = get_args(MediaType)
ACCEPTED = ",".join([*MEDIA_TYPES, *(one for ends in _ENDINGS.values() for one in ends)])


@dataclass(frozen=True, kw_only=True)
class Upload:
    """A file as a browser sent it. name: whatever it says.

    content: None if there is more of it than MOST_BYTES, which nobody has kept.
    """

    name: str = field(repr=False)
    content: bytes | None = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class Document:
    """A file that is taken. name: safe to show and to save under."""

    name: str = field(repr=False)
    media_type: MediaType
    content: bytes = field(repr=False)


@dataclass(frozen=True, kw_only=True)
class StoredDocument:
    """A document in the vault, as the value of its change names it.

    ref: of its bytes. commitment: of exactly these; the change's own commitment covers it.
    """

    name: str = field(repr=False)
    media_type: MediaType
    size_bytes: int
    ref: str
    commitment: str

    def as_data(self) -> dict[str, Any]:
        return asdict(self)


def read_document(upload: Upload | None) -> Document | Refusal:
    """What a field for a document was given. None: nothing, or a field that was left empty."""
    if upload is None:
        return "no_file"
    if upload.content is None:
        return "too_large"
    if not upload.content:
        return "empty" if upload.name else "no_file"
    kind = file_type(upload.content)
    if kind is None:
        return "wrong_type"
    if kind.pixels > MOST_PIXELS:
        return "too_many_pixels"
    name = safe_name(upload.name, kind.media_type)
    return Document(name=name, media_type=kind.media_type, content=upload.content)


def read_documents(
    wanted: Iterable[str], uploads: Mapping[str, Upload], *, kept: Iterable[str]
) -> tuple[dict[str, Document], dict[str, Refusal]]:
    """(taken, wrong) by field. kept: fields with a document from before, which stays where nothing
    else was chosen."""
    taken: dict[str, Document] = {}
    wrong: dict[str, Refusal] = {}
    for name in wanted:
        read = read_document(uploads.get(name))
        if isinstance(read, Document):
            taken[name] = read
        elif read != "no_file" or name not in kept:
            wrong[name] = read
    return taken, wrong


def safe_name(name: str, media_type: MediaType) -> str:
    """The name without its folders, in letters, digits and few signs, with the ending of what the
    file is: no name makes a picture run as a program."""
    own = plain(re.split(r"[/\\]", name)[-1])
    stem, dot, ending = own.rpartition(".")
    endings = _ENDINGS[media_type]
    ending = f".{ending.lower()}" if dot else ""
    stem = re.sub(r"[^\w .()-]", "_", stem if dot else own).strip(" .")
    if ending not in endings:
        ending = endings[0]
    return (stem[: LONGEST_FILE_NAME - len(ending)].rstrip(" .") or "document") + ending


def documents_in(value: Mapping[str, Any]) -> dict[str, StoredDocument]:
    """By field, the documents of a change whose value in the vault this is."""
    return {name: StoredDocument(**one) for name, one in value.get("documents", {}).items()}
