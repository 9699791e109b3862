"""Takes card numbers and security codes out of a raw mail, leaving every other byte as it came."""

import base64
import binascii
import codecs
import html
import quopri
import re
from urllib.parse import unquote_to_bytes

from answerable.privacy.bank import find_ibans
from answerable.privacy.cards import find_cards, find_security_codes
from answerable.privacy.spans import CARD, resolve
from answerable.privacy.view import View, plain

_MOST_DEPTH = 30
_BLANK_LINE = re.compile(rb"\r?\n\r?\n")
_HEADER = re.compile(rb"^[!-9;-~]{1,80}:[^\n]*\n?(?:[ \t][^\n]*\n?)*", re.MULTILINE)
_FOLD = re.compile(rb"\r?\n[ \t]")
_BOUNDARY = re.compile(rb'boundary\s{0,3}=\s{0,3}(?:"([^"\r\n]{1,200})"|([^\s";]{1,200}))', re.I)
_CHARSET = re.compile(rb"charset\s{0,3}=\s{0,3}[\"']?([A-Za-z0-9_.:\-]{1,40})", re.I)
_ENCODED_WORD = re.compile(rb"=\?([^?\s]{1,40})\?([bBqQ])\?([^?\s]{0,2000})\?=")
_EXTENDED = re.compile(rb"\*(?:\d{1,3}\*)?=([\w\-]{0,40})'[\w\-]{0,20}'([^;\s]{1,2000})")
_MARKUP = re.compile(r"<[^<>]*>|&#?\w{1,10};")
_TEXT_TYPES = (b"text/", b"application/json", b"application/xml", b"application/xhtml")
# Written by programs for programs; a random id must not lose digits because it passes Luhn.
_MACHINE_HEADERS = frozenset(
    b"received date message-id in-reply-to references content-id dkim-signature arc-seal "
    b"arc-message-signature arc-authentication-results authentication-results thread-index".split()
)
_MANY_DIGITS = re.compile(r"\d[^\d]{0,40}\d[^\d]{0,40}\d")


def mask_raw_mail(raw: bytes) -> bytes | None:
    """The mail with card digits but the last four, and security codes, replaced by X.

    Looks into subjects, file names, and text parts in any transfer encoding, HTML included;
    attachments that are not text are left alone. None if nothing had to change. Never raises on
    broken mail: what cannot be decoded is searched as it stands. Linear in the size of the mail.
    """
    masked = _entity(raw, depth=0)
    return None if masked == raw else masked


def _entity(raw: bytes, *, depth: int) -> bytes:
    blank = _BLANK_LINE.search(raw)
    head_end = blank.end() if blank is not None else len(raw)
    if raw[:1] in (b"\n", b"\r"):  # a part without headers
        head_end = 2 if raw[:2] == b"\r\n" else 1
    head, body = raw[:head_end], raw[head_end:]
    fields = _fields(head)
    kind = fields.get(b"content-type", b"text/plain").strip().lower()
    return _head(head) + _body(body, kind, fields, depth)


def _fields(head: bytes) -> dict[bytes, bytes]:
    fields: dict[bytes, bytes] = {}
    for found in _HEADER.finditer(head):
        name, _, value = found[0].partition(b":")
        fields.setdefault(name.lower(), _FOLD.sub(b" ", value))
    return fields


def _body(body: bytes, kind: bytes, fields: dict[bytes, bytes], depth: int) -> bytes:
    content_type = fields.get(b"content-type", b"")
    boundary = _BOUNDARY.search(content_type) if kind.startswith(b"multipart/") else None
    if boundary is not None and depth < _MOST_DEPTH:
        return _parts(body, boundary[1] or boundary[2], depth)
    encoding = fields.get(b"content-transfer-encoding", b"").strip().lower()
    if kind.startswith(b"message/") and encoding in (b"", b"7bit", b"8bit", b"binary"):
        if depth < _MOST_DEPTH:
            return _entity(body, depth=depth + 1)
    elif not kind.startswith((*_TEXT_TYPES, b"multipart/", b"message/")):
        return body
    found = _CHARSET.search(content_type)
    charset = found[1].decode("ascii") if found is not None else "utf-8"
    return _leaf(body, encoding, charset, is_html=b"html" in kind or b"xml" in kind)


def _parts(body: bytes, boundary: bytes, depth: int) -> bytes:
    delimiter = re.compile(rb"(^--" + re.escape(boundary) + rb"(?:--)?[ \t]*\r?\n?)", re.MULTILINE)
    pieces = delimiter.split(body)
    closed = False
    for index in range(0, len(pieces), 2):
        if index > 0:
            closed = closed or pieces[index - 1].rstrip().endswith(boundary + b"--")
        if index == 0 or closed:  # text before the first and behind the last part
            pieces[index] = _leaf(pieces[index], b"", "utf-8", is_html=False)
        else:
            pieces[index] = _entity(pieces[index], depth=depth + 1)
    return b"".join(pieces)


def _leaf(body: bytes, encoding: bytes, charset: str, *, is_html: bool) -> bytes:
    if encoding == b"base64":
        try:
            decoded = base64.b64decode(body)
        except (binascii.Error, ValueError):
            return _masked_bytes(body, charset, is_html=is_html)
        masked = _masked_bytes(decoded, charset, is_html=is_html)
        return body if masked == decoded else _base64_like(body, masked)
    if encoding == b"quoted-printable":
        decoded = quopri.decodestring(body)
        masked = _masked_bytes(decoded, charset, is_html=is_html)
        return body if masked == decoded else _quoted_like(body, masked)
    return _masked_bytes(body, charset, is_html=is_html)


def _base64_like(body: bytes, content: bytes) -> bytes:
    ending = b"\r\n" if b"\r\n" in body else b"\n"
    return base64.encodebytes(content).replace(b"\n", ending)


def _quoted_like(body: bytes, content: bytes) -> bytes:
    ending = b"\r\n" if b"\r\n" in body else b"\n"
    encoded = quopri.encodestring(content.replace(b"\r\n", b"\n"))
    return encoded.replace(b"\n", ending)


def _masked_bytes(content: bytes, charset: str, *, is_html: bool) -> bytes:
    try:
        codec = codecs.lookup(charset).name
        text = content.decode(codec)
        if text.encode(codec) != content:
            raise ValueError(codec)
    except (LookupError, ValueError):
        # Every byte has its character, and digits are where they are in nearly every charset.
        codec, text = "latin-1", content.decode("latin-1")
    masked = _masked_text(text, is_html=is_html)
    return content if masked == text else masked.encode(codec)


def _masked_text(text: str, *, is_html: bool) -> str:
    if not _MANY_DIGITS.search(text):
        return text
    characters = list(text)
    _blot(text, range(len(text)), characters)
    if is_html:
        visible, origin = _without_markup(text)
        _blot(visible, origin, characters)
    return "".join(characters)


def _without_markup(text: str) -> tuple[str, list[int]]:
    """The text as a reader sees it, and for each character where it begins in the source."""
    visible: list[str] = []
    origin: list[int] = []
    end = 0
    for markup in [*_MARKUP.finditer(text), None]:
        start = markup.start() if markup is not None else len(text)
        visible.append(text[end:start])
        origin.extend(range(end, start))
        if markup is not None:
            if markup[0][0] == "&" and len(character := html.unescape(markup[0])) == 1:
                visible.append(character)
                origin.append(markup.start())
            end = markup.end()
    return "".join(visible), origin


def _blot(text: str, origin: range | list[int], characters: list[str]) -> None:
    view = View(plain(text))
    find_ibans(view)
    find_cards(view)
    find_security_codes(view)
    for span in resolve(view.found):
        if span.type not in ("card", "cvv"):
            continue
        positions = [n for n in range(span.start, span.end) if view.text[n].isdigit()]
        for n in positions[:-4] if span.type == CARD else positions:
            _blot_character(characters, origin[n])


def _blot_character(characters: list[str], position: int) -> None:
    if characters[position] == "&":  # a character reference such as "&#52;"
        while characters[position] != ";":
            characters[position] = ""
            position += 1
    characters[position] = "X"


def _head(head: bytes) -> bytes:
    if not re.search(rb"\d{3}|=\?|\*=", head):
        return head
    return _HEADER.sub(lambda found: _header(found[0]), head)


def _header(field: bytes) -> bytes:
    name, colon, value = field.partition(b":")
    if name.lower() in _MACHINE_HEADERS:
        return field
    # A boundary is often a long random number: blotting it would take the mail apart.
    boundary = _BOUNDARY.search(value) if name.lower() == b"content-type" else None
    if boundary is None:
        return name + colon + _header_value(value)
    start, end = boundary.span()
    return name + colon + _header_value(value[:start]) + boundary[0] + _header_value(value[end:])


def _header_value(value: bytes) -> bytes:
    masked = _ENCODED_WORD.sub(_encoded_word, value)
    masked = _EXTENDED.sub(_extended, masked)
    return _masked_bytes(masked, "utf-8", is_html=False)


def _encoded_word(word: re.Match[bytes]) -> bytes:
    charset = word[1].decode("latin-1").partition("*")[0]
    try:
        if word[2] in b"bB":
            decoded = base64.b64decode(word[3] + b"==")
        else:
            decoded = quopri.decodestring(word[3], header=True)
    except (binascii.Error, ValueError):
        return word[0]
    masked = _masked_bytes(decoded, charset, is_html=False)
    if masked == decoded:
        return word[0]
    return b"=?%b?B?%b?=" % (word[1], base64.b64encode(masked))


def _extended(parameter: re.Match[bytes]) -> bytes:
    """RFC 2231: filename*=utf-8''card%204111..."""
    decoded = unquote_to_bytes(parameter[2])
    masked = _masked_bytes(decoded, parameter[1].decode("latin-1") or "utf-8", is_html=False)
    if masked == decoded:
        return parameter[0]
    quoted = b"".join(
        bytes([byte]) if chr(byte).isalnum() and byte < 128 else b"%%%02X" % byte for byte in masked
    )
    return parameter[0][: -len(parameter[2])] + quoted
