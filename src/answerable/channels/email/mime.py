"""The parts of a mail, found without recursion and in one pass for each level of nesting."""

import binascii
import hashlib
import re
from collections.abc import Iterator
from dataclasses import dataclass

from answerable.channels.email.charsets import one_line
from answerable.channels.email.headers import (
    Headers,
    Parameterised,
    decode_words,
    lenient_base64,
    parameterised,
    read_headers,
)
from answerable.channels.email.parsed_mail import MailLimits

_CHUNK = 2**20


@dataclass(frozen=True, slots=True)
class Part:
    """A leaf: bytes from `start` to `end` of the raw mail are its encoded content.

    path: media types of the multiparts around it, outermost first.
    group: number of the innermost multipart/alternative around it; -1 outside of any.
    """

    headers: Headers
    type: Parameterised
    disposition: Parameterised
    start: int
    end: int
    path: tuple[str, ...]
    group: int

    @property
    def media_type(self) -> str:
        return self.type.value

    @property
    def file_name(self) -> str:
        """As declared, decoded, empty if none."""
        written = self.disposition.parameters.get("filename") or self.type.parameters.get("name")
        return decode_words(written or "", limit=300)

    @property
    def encoding(self) -> str:
        return self.headers.get("content-transfer-encoding").strip().strip('"').lower()


@dataclass(frozen=True, slots=True)
class Structure:
    headers: Headers
    type: Parameterised
    parts: tuple[Part, ...]
    defects: tuple[str, ...]


def split_mail(raw: bytes, limits: MailLimits) -> Structure:
    """The top header and all leaves, in the order in which a reader would see them."""
    top, defects = _node(raw, _envelope_line(raw), len(raw), limits, (), -1, "text/plain")
    waiting: list[Part] = [top]
    leaves: list[Part] = []
    groups = 0
    while waiting:
        part = waiting.pop()
        boundary = part.type.parameters.get("boundary", "").rstrip()
        if not part.media_type.startswith("multipart/") or not boundary:
            leaves.append(part)
            continue
        if len(part.path) >= limits.depth:
            defects.append("depth-cut")
            continue
        spans = _spans(raw, part, boundary, limits.parts + 1)
        if not spans:
            defects.append("boundary-missing")
            leaves.append(_as_text(part))
            continue
        if len(leaves) + len(waiting) + len(spans) > limits.parts:
            defects.append("parts-cut")
            spans = spans[: max(0, limits.parts - len(leaves) - len(waiting))]
        group = part.group
        if part.media_type == "multipart/alternative":
            group, groups = groups, groups + 1
        path = (*part.path, part.media_type)
        default = "message/rfc822" if part.media_type == "multipart/digest" else "text/plain"
        for start, end in reversed(spans):
            child, child_defects = _node(raw, start, end, limits, path, group, default)
            defects.extend(child_defects)
            waiting.append(child)
    defects.extend(top.headers.defects)
    return Structure(top.headers, top.type, tuple(leaves), tuple(dict.fromkeys(defects)))


def _envelope_line(raw: bytes) -> int:
    """Some programs leave mbox's `From ` line on top."""
    if raw.startswith((b"From ", b">From ")):
        end = raw.find(b"\n", 0, 2000)
        return end + 1 if end >= 0 else 0
    return 0


def _node(
    raw: bytes,
    start: int,
    end: int,
    limits: MailLimits,
    path: tuple[str, ...],
    group: int,
    default: str,
) -> tuple[Part, list[str]]:
    defects: list[str] = []
    if raw.startswith((b"\r\n", b"\n"), start, end):
        header_end, body = start, start + (2 if raw[start : start + 1] == b"\r" else 1)
    else:
        header_end, body = _blank_line(raw, start, end)
    block_end = min(header_end, start + limits.header_block_bytes + 1)
    headers = read_headers(raw[start:block_end], limits)
    if not headers.items and header_end > start:
        defects.append("headers-missing")
        body = start  # no header at all: then it is text
    declared = parameterised(headers.get("content-type") or default, limits)
    if "/" not in declared.value:
        declared = Parameterised("text/plain", declared.parameters)
    disposition = parameterised(headers.get("content-disposition"), limits)
    return Part(headers, declared, disposition, body, end, path, group), defects


def _blank_line(raw: bytes, start: int, end: int) -> tuple[int, int]:
    """Where the header ends and where the body begins. Plain `find`: ten times a pattern's pace."""
    crlf = raw.find(b"\n\r\n", start, end)
    bare = raw.find(b"\n\n", start, crlf if crlf >= 0 else end)
    if bare >= 0:
        return bare, bare + 2
    return (crlf, crlf + 3) if crlf >= 0 else (end, end)


def _spans(raw: bytes, part: Part, boundary: str, most: int) -> list[tuple[int, int]]:
    """Where the children of a multipart begin and end; the last may lack its closing line."""
    marker = re.escape(boundary.encode("utf-8", "replace"))
    line = re.compile(rb"\n--" + marker + rb"(--)?[ \t]*(?:\r?\n|\Z)")
    spans: list[tuple[int, int]] = []
    opened = -1
    position = max(0, part.start - 1)  # the line before the body ends in the "\n" that we look for
    while len(spans) < most:
        match = line.search(raw, position, part.end)
        stop = match.start() if match else part.end
        if opened >= 0 and stop >= opened:
            stop -= 1 if match and raw[stop - 1 : stop] == b"\r" and stop > opened else 0
            spans.append((opened, stop))
        elif opened >= 0:
            spans.append((opened, opened))
        if match is None or match[1]:
            break
        opened = match.end()
        position = match.end() - 1  # two boundary lines may share one line end
    return spans


def _as_text(part: Part) -> Part:
    plain = Parameterised("text/plain", part.type.parameters)
    return Part(part.headers, plain, part.disposition, part.start, part.end, part.path, part.group)


def text_bytes(raw: bytes, part: Part, most: int) -> tuple[bytes, bool]:
    """Decoded beginning of a text part, and whether something was cut off."""
    content = raw[part.start : min(part.end, part.start + most)]
    cut = part.end - part.start > most
    if part.encoding == "base64":
        return lenient_base64(content), cut
    if part.encoding == "quoted-printable":
        return binascii.a2b_qp(content), cut
    return content, cut


def size_and_digest(raw: bytes, part: Part) -> tuple[int, str]:
    """Of the decoded content, a mebibyte at a time, so that memory stays small."""
    digest, size = hashlib.sha256(), 0
    for chunk in _decoded_chunks(raw, part):
        digest.update(chunk)
        size += len(chunk)
    return size, digest.hexdigest()


def _decoded_chunks(raw: bytes, part: Part) -> Iterator[bytes]:
    if part.encoding == "quoted-printable":
        yield binascii.a2b_qp(raw[part.start : part.end])
        return
    rest = b""
    for start in range(part.start, part.end, _CHUNK):
        chunk = raw[start : min(start + _CHUNK, part.end)]
        if part.encoding != "base64":
            yield chunk
            continue
        digits = rest + b"".join(chunk.split())
        whole = len(digits) - len(digits) % 4
        yield lenient_base64(digits[:whole])
        rest = digits[whole:]
    if rest:
        yield lenient_base64(rest)


_UNSAFE_IN_NAMES = re.compile(r"[\\/:*?\"<>|%\x00-\x1f]+")


def safe_file_name(written: str, media_type: str, number: int) -> str:
    """A name without path, drive, control or direction characters; one is made up if needed."""
    name = one_line(written, 300).replace("\\", "/").rpartition("/")[2]
    name = _UNSAFE_IN_NAMES.sub("_", name).strip(" .")
    if not name.strip("_"):
        suffix = re.sub(r"[^a-z0-9]", "", media_type.rpartition("/")[2])[:12] or "bin"
        name = f"attachment-{number}.{suffix}"
    if len(name) > 120:
        stem, dot, suffix = name.rpartition(".")
        name = f"{stem[:100]}{dot}{suffix[:19]}" if dot else name[:120]
    return name
