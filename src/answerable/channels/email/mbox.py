"""Mail from files: single .eml files and mboxes, one mail after the other, without loading all."""

import mmap
import re
from collections.abc import Iterator
from pathlib import Path

# A line that starts a mail in an mbox ends in the date that delivery programs write, and stands
# below an empty line; a sentence that begins with "From " has neither.
_START = re.compile(rb"From [^\r\n]{0,300}\d{1,2}:\d{2}[^\r\n]{0,60}\r?\n")
_QUOTED_FROM = re.compile(rb"^>(>*From )", re.MULTILINE)


def read_mbox(path: Path) -> Iterator[bytes]:
    """The mails of an mbox (mboxrd quoting), in order, as raw bytes without the `From ` line.

    A file without such a line is taken for one mail, so that no content is passed over.
    """
    if path.stat().st_size == 0:
        return
    with (
        path.open("rb") as file,
        mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) as content,
    ):
        begins = 0
        for match in _START.finditer(content):
            start = match.start()
            if start and not content[max(0, start - 3) : start].endswith((b"\n\n", b"\n\r\n")):
                continue
            if start:
                yield _mail(content[begins:start])
            begins = match.end()
        if begins < len(content):
            yield _mail(content[begins:])


def _mail(raw: bytes) -> bytes:
    if raw.endswith(b"\r\n\r\n"):
        raw = raw[:-2]
    elif raw.endswith(b"\n\n"):
        raw = raw[:-1]
    return _QUOTED_FROM.sub(rb"\1", raw)
