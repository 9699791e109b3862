"""Addresses out of From, To, Cc and Reply-To.

An address is taken only from where RFC 5322 puts one: inside angle brackets, or bare outside
quotes and comments. A display name that looks like an address stays a name (CVE-2023-27043).
"""

import re

from answerable.channels.email.headers import decode_words
from answerable.channels.email.parsed_mail import MailAddress

_LOCAL = re.compile(r"[^\s\x00-\x1f\x7f\"(),:;<>@\[\]\\]{1,64}")
_DOMAIN = re.compile(
    r"(?=.{1,253}\Z)(?:[^\W_](?:[\w-]{0,61}[^\W_])?\.)*[^\W_](?:[\w-]{0,61}[^\W_])?"
)
_LITERAL = re.compile(r"\[[0-9A-Za-z:.]{3,60}\]")


def read_addresses(header: str, most: int) -> tuple[MailAddress, ...]:
    """The addresses of a header, in order, without repeats; malformed entries are left out."""
    found: dict[str, MailAddress] = {}
    for entry in _entries(header):
        address = _address(entry)
        if address is not None:
            found.setdefault(address.key, address)
        if len(found) >= most:
            break
    return tuple(found.values())


def is_address(text: str) -> bool:
    """One plain address that may be written into a header or an SMTP envelope as it is."""
    local, at, domain = text.rpartition("@")
    if not at or not _LOCAL.fullmatch(local) or len(text) > 254:
        return False
    if local.startswith(".") or local.endswith(".") or ".." in local or "=?" in local:
        return False
    return bool(_DOMAIN.fullmatch(domain) or _LITERAL.fullmatch(domain))


class _Entry:
    """One mailbox while it is read: words outside brackets, and what stood inside them."""

    __slots__ = ("angles", "comment", "quoted", "words")

    def __init__(self) -> None:
        self.words: list[str] = []
        self.angles: list[str] = []
        self.comment: list[str] = []
        self.quoted = False


def _entries(header: str) -> list[_Entry]:
    """One pass, a state for quotes, comments and brackets; groups (`name: a, b;`) are opened."""
    entries = [_Entry()]
    depth, position, length = 0, 0, len(header)
    where = "words"
    while position < length:
        character = header[position]
        entry = entries[-1]
        if character == "\\" and (where == "quote" or depth) and position + 1 < length:
            position += 1
            _add(entry, where, depth, header[position])
        elif depth:
            depth += {"(": 1, ")": -1}.get(character, 0)
            if depth:
                entry.comment.append(character)
        elif where == "quote":
            if character == '"':
                where = "words"
            else:
                entry.words.append(character)
        elif where == "angle":
            if character == ">":
                where = "words"
            else:
                entry.angles[-1] += character
        elif character == '"':
            where, entry.quoted = "quote", True
        elif character == "(":
            depth = 1
        elif character == "<":
            where = "angle"
            entry.angles.append("")
        elif character in ",;":
            entries.append(_Entry())
        elif character == ":":
            entries[-1] = _Entry()  # what came before is a group's name
        else:
            entry.words.append(character)
        position += 1
    return entries


def _add(entry: _Entry, where: str, depth: int, character: str) -> None:
    (entry.comment if depth else entry.words).append(character)


def _address(entry: _Entry) -> MailAddress | None:
    words = "".join(entry.words).strip()
    if len(entry.angles) > 1:
        return None  # `<a@x> <b@y>`: nobody can say which one is meant
    if entry.angles:
        written, name = entry.angles[0].strip(), words
        written = written.rpartition(":")[2] if written.startswith("@") else written  # old routes
    elif entry.quoted:
        return None  # `"a@x"`: a name without an address
    else:
        written, name = words, "".join(entry.comment)
    local, at, domain = written.rpartition("@")
    address = f"{local}{at}{domain.lower().rstrip('.')}"
    if not is_address(address):
        return None
    return MailAddress(address=address, name=decode_words(name, limit=200))
