"""Token buckets: a steady rate with room for a burst, per key, in memory.

With a relay a rate holds for all processes together, but for what several let pass within the
moment that the news need; while the relay is away it holds for each process by itself.
"""

import hashlib
import time
from collections import OrderedDict
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from answerable.kit.relay import Relay

_TAKEN = "taken"


class TokenBucket:
    """Starts full. `now` is any steadily growing number of seconds (a monotonic clock)."""

    __slots__ = ("_burst", "_rate", "_tokens", "_updated")

    def __init__(self, *, per_second: float, burst: float, now: float) -> None:
        self._rate = per_second
        self._burst = burst
        self._tokens = burst
        self._updated = now

    def take(self, now: float) -> timedelta | None:
        """Take one token; None if there was one, otherwise how long until there is."""
        elapsed = max(0.0, now - self._updated)
        self._tokens = min(self._burst, self._tokens + elapsed * self._rate)
        self._updated = now
        if self._tokens >= 1:
            self._tokens -= 1
            return None
        return timedelta(seconds=(1 - self._tokens) / self._rate)

    def owe(self, count: float) -> None:
        """Tokens were taken elsewhere, also such as were not there any more: at most a burst."""
        self._tokens = max(self._tokens - count, -self._burst)


class RateLimiter:
    """One bucket a key. Beyond `keys` the longest unused is forgotten, so memory is bounded.

    relay, name: to the limiters of this name in other processes, which learn keys as hashes only.
    seconds: the clock whose moments `take` is given.
    """

    def __init__(
        self,
        *,
        per_second: float,
        burst: float,
        keys: int = 100_000,
        relay: Relay | None = None,
        name: str = "",
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._per_second = per_second
        self._burst = burst
        self._limit = keys
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()
        self._relay = relay
        self._name = name
        self._seconds = seconds
        self._taken: dict[str, int] = {}  # since it was last told
        if relay is not None:
            relay.hear(_TAKEN, self._heard)

    def take(self, key: str, now: float) -> timedelta | None:
        if self._relay is None:
            return self._bucket(key, now).take(now)
        key = hashlib.sha256(key.encode()).hexdigest()[:24]
        wait = self._bucket(key, now).take(now)
        if not self._relay.is_up:
            self._taken.clear()
        elif wait is None:
            self._taken[key] = self._taken.get(key, 0) + 1
            self._relay.tell(_TAKEN, self._name, self._told)
        return wait

    def _bucket(self, key: str, now: float) -> TokenBucket:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = TokenBucket(per_second=self._per_second, burst=self._burst, now=now)
            self._buckets[key] = bucket
            if len(self._buckets) > self._limit:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket

    def _told(self) -> dict[str, int]:
        taken, self._taken = self._taken, {}
        return taken

    def _heard(self, _process: str, name: str, value: Any) -> None:
        if name != self._name or not isinstance(value, dict):
            return
        now = self._seconds()
        for key, count in value.items():
            if isinstance(count, int):
                self._bucket(key, now).owe(count)
