"""Idempotency keys: the same key and payload take effect once."""

from __future__ import annotations

import copy
import hashlib
import json
from collections import OrderedDict
from collections.abc import Callable
from typing import Any

from answerable_sandbox.problems import Problem

KEYS_REMEMBERED = 100_000
KEY_LENGTH = 255


class Idempotency:
    """Remembers the first result of each key of one system, bounded to `KEYS_REMEMBERED`."""

    def __init__(self) -> None:
        self._results: OrderedDict[str, tuple[str, dict[str, Any]]] = OrderedDict()

    def once(
        self, key: str | None, payload: Any, apply: Callable[[], dict[str, Any]]
    ) -> dict[str, Any]:
        """The result of `apply`, or the first result if `key` was seen with this payload.

        Without a key `apply` runs each time. A refusal is not remembered: nothing took effect.
        Raises Problem 422 `idempotency_key_reused` if the key came with another payload.
        """
        if key is None:
            return apply()
        if not key or len(key) > KEY_LENGTH:
            raise Problem(400, "idempotency_key_invalid", "A key has 1 to 255 characters.")
        fingerprint = _fingerprint(payload)
        known = self._results.get(key)
        if known is None:
            result = apply()
            self._results[key] = (fingerprint, copy.deepcopy(result))
            if len(self._results) > KEYS_REMEMBERED:
                self._results.popitem(last=False)
            return result
        if known[0] != fingerprint:
            raise Problem(
                422, "idempotency_key_reused", "This key was used with another payload before."
            )
        return copy.deepcopy(known[1])


def _fingerprint(payload: Any) -> str:
    canonical = json.dumps(payload, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(canonical.encode()).hexdigest()
