"""The header block of a mail or part, and the small languages inside headers.

Our own and linear: the standard library needs seconds for one long header (cpython#136063) and
recurses on nested comments.
"""

import base64
import binascii
import re
from collections.abc import Iterator
from dataclasses import dataclass, field

from answerable.channels.email.charsets import decode, one_line
from answerable.channels.email.parsed_mail import MailLimits

_HEADER_LINE = re.compile(rb"([!-9;-~]{1,128})[ \t]*:[ \t]*(.*)", re.DOTALL)
_ENCODED_WORD = re.compile(r"=\?([!->@-~]{1,60})\?([bBqQ])\?([^?]*)\?=")
_MESSAGE_ID = re.compile(r"<([^<>\s]{1,900})>")


@dataclass(frozen=True, slots=True)
class Headers:
    """(lower-case name, unfolded raw value) in order."""

    items: tuple[tuple[str, str], ...] = ()
    defects: tuple[str, ...] = ()

    def get(self, name: str) -> str:
        return next((value for key, value in self.items if key == name), "")

    def all(self, name: str) -> tuple[str, ...]:
        return tuple(value for key, value in self.items if key == name)


def read_headers(block: bytes, limits: MailLimits) -> Headers:
    """Headers of a block without its empty line. Long headers are cut, bad lines left out."""
    defects: list[str] = []
    if len(block) > limits.header_block_bytes:
        block = block[: limits.header_block_bytes]
        defects.append("headers-cut")
    items: list[tuple[str, str]] = []
    for line in _unfolded(block):
        if len(items) >= limits.header_count:
            defects.append("headers-cut")
            break
        match = _HEADER_LINE.fullmatch(line)
        if match is None:
            defects.append("bad-header-line")
            continue
        name, value = match.groups()
        if len(value) > limits.header_bytes:
            value = value[: limits.header_bytes]
            defects.append("header-cut")
        items.append((name.decode("ascii").lower(), decode(value).replace("\n", " ").strip()))
    return Headers(tuple(items), tuple(dict.fromkeys(defects)))


def _unfolded(block: bytes) -> Iterator[bytes]:
    gathered: list[bytes] = []
    for line in block.split(b"\n"):
        line = line.removesuffix(b"\r")
        if line[:1] in (b" ", b"\t"):
            gathered.append(line)
            continue
        if gathered:
            yield b"".join(gathered)
        gathered = [line] if line else []
    if gathered:
        yield b"".join(gathered)


def decode_words(value: str, limit: int = 1000) -> str:
    """A header's text with RFC 2047 encoded words decoded, as one clean line."""
    out: list[str] = []
    pending: tuple[str, bytes] | None = None  # one charset's bytes may be split within a character
    position = 0
    for match in _ENCODED_WORD.finditer(value):
        between = value[position : match.start()]
        charset = match[1].split("*")[0].lower()
        content = _word_bytes(match[2], match[3])
        if pending is not None and not between.strip() and pending[0] == charset:
            pending = (charset, pending[1] + content)
        else:
            if pending is not None:
                out.append(decode(pending[1], pending[0]))
                between = between if between.strip() else ""
            out.append(between)
            pending = (charset, content)
        position = match.end()
    if pending is not None:
        out.append(decode(pending[1], pending[0]))
    out.append(value[position:])
    return one_line("".join(out), limit)


def _word_bytes(encoding: str, text: str) -> bytes:
    raw = text.encode("utf-8", "replace")
    if encoding in "qQ":
        return binascii.a2b_qp(raw.replace(b"_", b" "), header=False)
    return lenient_base64(raw)


_NOT_BASE64 = bytes(
    sorted(
        set(range(256)) - set(b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/")
    )
)


def lenient_base64(raw: bytes) -> bytes:
    """What can be decoded; alien characters and missing padding are forgiven."""
    digits = raw.translate(None, delete=_NOT_BASE64)
    if len(digits) % 4 == 1:
        digits = digits[:-1]
    return base64.b64decode(digits + b"=" * (-len(digits) % 4))


def message_ids(value: str, limit: int) -> tuple[str, ...]:
    """The ids in a Message-ID, In-Reply-To or References header; the newest `limit` of them.

    Only what stands in angle brackets counts, so that an empty or broken id matches nothing.
    """
    found = [f"<{text}>" for text in _MESSAGE_ID.findall(value)]
    return tuple(dict.fromkeys(found))[-limit:]


@dataclass(frozen=True, slots=True)
class Parameterised:
    """A header like Content-Type: its value in lower case and its parameters (RFC 2231 joined)."""

    value: str
    parameters: dict[str, str] = field(default_factory=dict)


def parameterised(header: str, limits: MailLimits) -> Parameterised:
    value, _, rest = header.partition(";")
    raw: dict[str, str] = {}
    for name, text in _parameters(rest, limits.parameters):
        raw.setdefault(name, text)
    plain = value.partition("(")[0].strip().lower()
    return Parameterised(plain, _joined(raw))


def _parameters(rest: str, most: int) -> Iterator[tuple[str, str]]:
    position, count = 0, 0
    while position < len(rest) and count < most:
        equals = rest.find("=", position)
        if equals < 0:
            return
        name = rest[position:equals].rpartition(";")[2].strip().lower()
        position = equals + 1
        while position < len(rest) and rest[position] in " \t":
            position += 1
        if rest[position : position + 1] == '"':
            text, position = _quoted(rest, position + 1)
        else:
            end = rest.find(";", position)
            end = len(rest) if end < 0 else end
            text, position = rest[position:end].strip(), end
        if name:
            yield name, text
        count += 1


def _quoted(rest: str, start: int) -> tuple[str, int]:
    out: list[str] = []
    position = start
    while position < len(rest):
        character = rest[position]
        if character == '"':
            return "".join(out), position + 1
        if character == "\\" and position + 1 < len(rest):
            position += 1
            character = rest[position]
        out.append(character)
        position += 1
    return "".join(out), position


_SECTION = re.compile(r"([^*]+)\*(?:(\d{1,3}))?(\*?)")


def _joined(raw: dict[str, str]) -> dict[str, str]:
    """RFC 2231: `name*0*=utf-8''a%20b; name*1=c` becomes `name`."""
    plain = {name: text for name, text in raw.items() if "*" not in name}
    sections: dict[str, dict[int, tuple[bool, str]]] = {}
    for name, text in raw.items():
        match = _SECTION.fullmatch(name) if "*" in name else None
        if match is not None:
            encoded = bool(match[3]) or match[2] is None
            sections.setdefault(match[1], {})[int(match[2] or 0)] = (encoded, text)
    for name, numbered in sections.items():
        charset, content = "utf-8", b""
        for number in sorted(numbered):
            encoded, text = numbered[number]
            if number == 0 and encoded and text.count("'") >= 2:
                charset, _, text = text.split("'", 2)
            content += _percent(text) if encoded else text.encode("utf-8", "replace")
        plain[name] = decode(content, charset)
    return plain


def _percent(text: str) -> bytes:
    def byte(match: re.Match[bytes]) -> bytes:
        return bytes([int(match[1], 16)])

    return re.sub(rb"%([0-9A-Fa-f]{2})", byte, text.encode("utf-8", "replace"))
