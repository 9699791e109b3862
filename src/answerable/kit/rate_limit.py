"""Token buckets: a steady rate with room for a burst, per key, in memory."""

from collections import OrderedDict
from datetime import timedelta


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


class RateLimiter:
    """One bucket a key. Beyond `keys` the longest unused is forgotten, so memory is bounded."""

    def __init__(self, *, per_second: float, burst: float, keys: int = 100_000) -> None:
        self._per_second = per_second
        self._burst = burst
        self._limit = keys
        self._buckets: OrderedDict[str, TokenBucket] = OrderedDict()

    def take(self, key: str, now: float) -> timedelta | None:
        bucket = self._buckets.get(key)
        if bucket is None:
            bucket = TokenBucket(per_second=self._per_second, burst=self._burst, now=now)
            self._buckets[key] = bucket
            if len(self._buckets) > self._limit:
                self._buckets.popitem(last=False)
        else:
            self._buckets.move_to_end(key)
        return bucket.take(now)
