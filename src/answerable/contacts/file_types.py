"""What a file is, by its own bytes: what it is called and what a browser says of it count nothing.

Pictures are not decoded. Only their heads are read, for how large they would become.
"""

import re
import zlib
from dataclasses import dataclass
from typing import Literal

MediaType = Literal["image/jpeg", "image/png", "application/pdf"]

_PNG = b"\x89PNG\r\n\x1a\n"
_PDF = re.compile(rb"%PDF-[12]\.\d")
_PDF_END_WITHIN = 1024  # of the end of the file, as readers of PDF look for it
_MOST_SEGMENTS = 1000  # of a JPEG before its size; cameras write a few dozen
_FRAMES = frozenset(range(0xC0, 0xD0)) - {0xC4, 0xC8, 0xCC}  # the markers that tell the size


@dataclass(frozen=True, kw_only=True, slots=True)
class FileType:
    """pixels: that a picture becomes when it is shown; 0 for what is none."""

    media_type: MediaType
    pixels: int = 0


def file_type(content: bytes) -> FileType | None:
    """None for whatever is not the whole head of a JPEG, of a PNG, or a PDF."""
    if content.startswith(_PNG):
        return _picture("image/png", _png_size(content))
    if content.startswith(b"\xff\xd8"):
        return _picture("image/jpeg", _jpeg_size(content))
    if _PDF.match(content) and b"%%EOF" in content[-_PDF_END_WITHIN:]:
        return FileType(media_type="application/pdf")
    return None


def _picture(media_type: MediaType, size: tuple[int, int] | None) -> FileType | None:
    if size is None or 0 in size:
        return None
    return FileType(media_type=media_type, pixels=size[0] * size[1])


def _png_size(content: bytes) -> tuple[int, int] | None:
    """From the first chunk, whose sum must be right."""
    head = content[8:33]
    if len(head) < 25 or head[:8] != b"\x00\x00\x00\x0dIHDR":
        return None
    if zlib.crc32(head[4:21]) != int.from_bytes(head[21:25]):
        return None
    return int.from_bytes(head[8:12]), int.from_bytes(head[12:16])


def _jpeg_size(content: bytes) -> tuple[int, int] | None:
    """From the frame's segment, over all that stand before it."""
    at = 2
    for _ in range(_MOST_SEGMENTS):
        marker, length = content[at : at + 2], int.from_bytes(content[at + 2 : at + 4])
        if marker == b"\xff\xff":  # one byte of padding
            at += 1
            continue
        if len(marker) < 2 or marker[0] != 0xFF or marker[1] < 0xC0 or length < 2:
            return None
        if marker[1] in _FRAMES:
            frame = content[at + 5 : at + 9]
            if len(frame) < 4:
                return None
            return int.from_bytes(frame[2:]), int.from_bytes(frame[:2])
        if 0xD0 <= marker[1] <= 0xDA:  # a picture's data before its size, or a second beginning
            return None
        at += 2 + length
    return None
