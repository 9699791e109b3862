"""Keyset pagination: a cursor names the last row seen, so a page costs the same wherever it is.

A cursor authorises nothing: it only says where to go on within what the credential may read.
"""

import base64
import binascii
import json
import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

from answerable.kit.errors import InvalidInput

_EPOCH = datetime(1970, 1, 1, tzinfo=UTC)
_ID = re.compile(r"[A-Za-z0-9_]{1,64}")
_LATEST = 2**53
CURSOR_LENGTH = 200


@dataclass(frozen=True, kw_only=True)
class Cursor:
    """The sort key of the last row of a page."""

    at: datetime
    id: str

    def encode(self) -> str:
        microseconds = (self.at - _EPOCH) // timedelta(microseconds=1)
        raw = json.dumps([microseconds, self.id], separators=(",", ":")).encode()
        return base64.urlsafe_b64encode(raw).decode().rstrip("=")


def parse_cursor(text: str | None) -> Cursor | None:
    """Raises InvalidInput `invalid_cursor` for anything that `Cursor.encode` did not write."""
    if text is None:
        return None
    try:
        padded = text.encode("ascii") + b"=" * (-len(text) % 4)
        microseconds, row_id = json.loads(base64.b64decode(padded, b"-_", validate=True))
        if type(microseconds) is not int or not 0 <= microseconds < _LATEST:
            raise ValueError
        if not isinstance(row_id, str) or not _ID.fullmatch(row_id):
            raise ValueError
        at = _EPOCH + timedelta(microseconds=microseconds)
    except (ValueError, TypeError, binascii.Error, RecursionError, OverflowError):
        raise InvalidInput("invalid_cursor", "This is not a cursor of this list.") from None
    return Cursor(at=at, id=row_id)
