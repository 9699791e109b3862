"""Old mail in files: mboxes, single mails, folders of both; a file that is neither is named."""

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

from answerable.channels.email.mbox import read_mbox

_HEAD_BYTES = 4096
_MAIL_SUFFIXES = frozenset({".eml", ".mbox", ".mbx"})
_MAILDIR = frozenset({"cur", "new"})  # in a Maildir the files have no suffix
_HEADER = re.compile(rb"[!-9;-~]{1,76}[ \t]*:")
# What people have instead of an mbox, by its first bytes, and what to do about it.
_OTHERS = (
    (b"!BDN", "an Outlook data file (.pst): export its folders as .eml or .mbox"),
    (b"\xd0\xcf\x11\xe0", "an Outlook message (.msg): export it as .eml"),
    (b"PK\x03\x04", "a zip file: unpack it first"),
    (b"\x1f\x8b", "compressed (gzip): unpack it first"),
    (b"BZh", "compressed (bzip2): unpack it first"),
    (b"\xfd7zXZ", "compressed (xz): unpack it first"),
    (b"%PDF", "a PDF: mail as .eml or .mbox is needed"),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class ArchivedMail:
    """file: where it stands. number: which of the file's mails, from 1 on."""

    file: Path
    number: int
    raw: bytes


@dataclass(frozen=True, kw_only=True, slots=True)
class NoMail:
    """A file without mail. why: the rest of a sentence that begins with the file's name."""

    file: Path
    why: str


def mails_of(paths: Sequence[Path]) -> Iterator[ArchivedMail | NoMail]:
    """Every mail of files and folders, in the order of `paths` and of names within a folder.

    One mail is in memory at a time. Raises OSError for a path that is not there or not readable.
    """
    for path in paths:
        if not path.is_dir():
            yield from _of_file(path)
            continue
        files = [one for one in sorted(path.rglob("*")) if one.is_file() and _may_be_mail(one)]
        if not files:
            yield NoMail(file=path, why="holds no .eml and no .mbox file")
        for file in files:
            yield from _of_file(file)


def _may_be_mail(file: Path) -> bool:
    return file.suffix.lower() in _MAIL_SUFFIXES or file.parent.name in _MAILDIR


def _of_file(file: Path) -> Iterator[ArchivedMail | NoMail]:
    with file.open("rb") as opened:
        head = opened.read(_HEAD_BYTES)
    why = _no_mail(head)
    if why:
        yield NoMail(file=file, why=why)
        return
    for number, raw in enumerate(read_mbox(file), start=1):
        yield ArchivedMail(file=file, number=number, raw=raw)


def _no_mail(head: bytes) -> str:
    """Why a file that begins like this holds no mail; empty if it may."""
    begins = head.removeprefix(b"\xef\xbb\xbf").lstrip()
    if not begins:
        return "is empty"
    for mark, what in _OTHERS:
        if head.startswith(mark):
            return f"is {what}"
    if b"\x00" in head:
        return "is binary, not mail: mail as .eml or .mbox is needed"
    if begins.startswith(b"From ") or _HEADER.match(begins):
        return ""
    return "is neither an mbox nor a mail: it begins with no header and no `From ` line"
