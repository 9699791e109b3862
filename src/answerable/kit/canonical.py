"""One byte form for a value, so that a hash means the value and not its formatting."""

import hashlib
import json
from typing import Any

_encode = json.JSONEncoder(
    sort_keys=True, separators=(",", ":"), ensure_ascii=False, allow_nan=False
).encode


def canonical_text(value: Any) -> str:
    """JSON with sorted keys, no spaces and no NaN; text stays as it is (no \\u escapes)."""
    return _encode(value)


def canonical_json(value: Any) -> bytes:
    """`canonical_text` in UTF-8: what is hashed and signed."""
    return _encode(value).encode()


def sha256_hex(data: bytes) -> str:
    return hashlib.sha256(data).hexdigest()
