"""Small files as contacts hand them in: whole ones, and some that only look like it."""

import struct
import zlib


def _chunk(kind: bytes, data: bytes) -> bytes:
    return struct.pack(">I", len(data)) + kind + data + struct.pack(">I", zlib.crc32(kind + data))


def png(width: int = 2, height: int = 2) -> bytes:
    """A white picture, whole as long as it is small."""
    rows = min(height, 64) * (b"\x00" + b"\xff" * width)
    head = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    return (
        b"\x89PNG\r\n\x1a\n"
        + _chunk(b"IHDR", head)
        + _chunk(b"IDAT", zlib.compress(rows))
        + _chunk(b"IEND", b"")
    )


def jpeg(width: int = 2, height: int = 2, *, segments: int = 1) -> bytes:
    """The head of a photo, with so many segments before its size, and no picture."""
    before = b"\xff\xe1\x00\x08Exif\x00\x00" * segments
    frame = struct.pack(">BHHBBBB", 8, height, width, 1, 1, 0x11, 0)
    return b"\xff\xd8" + before + b"\xff\xc0\x00\x0b" + frame + b"\xff\xda\x00\x02\x00\xff\xd9"


def pdf(text: str = "Marriage certificate") -> bytes:
    return f"%PDF-1.7\n% {text}\n1 0 obj<<>>endobj\ntrailer<<>>\n%%EOF\n".encode()
