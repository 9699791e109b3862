"""Bytes to text, whatever charset was declared; never raises, never yields control characters."""

import codecs
import re

# What browsers do, because senders declare the left and write the right.
_REALLY = {
    "iso-8859-1": "cp1252",
    "latin-1": "cp1252",
    "latin1": "cp1252",
    "iso-8859-9": "cp1254",
    "iso-8859-8-i": "iso-8859-8",
    "iso-8859-8-e": "iso-8859-8",
    "gb2312": "gb18030",
    "gbk": "gb18030",
    "ks_c_5601-1987": "cp949",
    "euc-kr": "cp949",
    "shift_jis": "cp932",
    "x-sjis": "cp932",
    "big5": "big5hkscs",
    "x-mac-roman": "mac-roman",
    "unicode-1-1-utf-7": "utf-7",
    "utf8mb4": "utf-8",
    "cp-850": "cp850",
}
# Codecs of Python that are no charsets of mail; some are slow, some are not text at all.
_NEVER = frozenset(
    {"idna", "punycode", "unicode-escape", "raw-unicode-escape", "undefined", "mbcs", "oem"}
)
_CONTROL = re.compile("[\x00-\x08\x0b\x0c\x0e-\x1f\x7f-\x84\x86-\x9f\ud800-\udfff\ufffe\uffff]")
_SPACE_AND_DIRECTION = re.compile(
    "[\x00-\x20\x7f-\xa0\u00ad\u200b\u200e\u200f\u2028-\u202f\u2060-\u206f\ufeff]+"
)


def decode(content: bytes, charset: str = "") -> str:
    """Text of `content`: as declared if that works, else UTF-8, else Windows-1252."""
    name = charset.strip().strip("\"'").lower().replace("_", "-")
    name = _REALLY.get(name, _REALLY.get(charset.lower(), name))
    if name.startswith(("utf-16", "utf-32")) and b"\x00" not in content:
        name = ""  # no Western text looks like this: the declaration is a lie
    if name and name not in ("us-ascii", "ascii") and is_charset(name):
        try:
            return clean(content.decode(name))
        except (UnicodeDecodeError, ValueError):
            pass  # a lie, or one bad byte: decided below
    text = content.decode("utf-8", "replace")
    # Cut or damaged UTF-8 has more letters than damage; Windows-1252 read as UTF-8 has none.
    bad = text.count("\ufffd")
    if bad and bad >= sum(1 for character in text if character > "\x7f" and character != "\ufffd"):
        text = content.decode("cp1252", "replace")
    return clean(text)


def is_charset(name: str) -> bool:
    if not name or len(name) > 40 or name in _NEVER:
        return False
    try:
        return codecs.lookup(name)._is_text_encoding
    except (LookupError, ValueError, UnicodeError):
        return False


def clean(text: str) -> str:
    """Without NUL and other control characters; line ends are "\\n"."""
    text = text.replace("\r\n", "\n").replace("\r", "\n").replace("\u2028", "\n")
    return _CONTROL.sub("", text.replace("\x85", "\n").replace("\u2029", "\n").replace("\f", "\n"))


def one_line(text: str, limit: int = 1000) -> str:
    """For names and subjects: one line, single spaces, nothing that turns the text around."""
    return _SPACE_AND_DIRECTION.sub(" ", clean(text[: limit * 4])).strip()[:limit]
