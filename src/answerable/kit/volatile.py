"""Values that are nowhere on disk and go by themselves: in this process's memory, or in Redis.

`kit.redis_volatile` is the same for several processes.
"""

import threading
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Protocol

from answerable.kit.clock import Clock

SWEEP_EVERY = timedelta(minutes=1)


class Volatile(Protocol):
    """Small values by name, in groups. A whole group goes at once, when it was not written to for
    so long as the last write said. Safe from any thread. Everything raises StoreUnavailable where
    the values are elsewhere and cannot be reached."""

    def put(self, group: str, values: Mapping[str, bytes], *, lasts: timedelta) -> None:
        """Keep these beside what the group has; the whole group lasts from now on. No values: the
        same, of a group that is there."""
        ...

    def get(self, group: str, names: Sequence[str]) -> dict[str, bytes]:
        """Those of the names that are there."""
        ...

    def all_of(self, group: str) -> dict[str, bytes]: ...

    def remove(self, group: str, names: Sequence[str]) -> None:
        """Those that are not there are no error."""
        ...

    def close(self) -> None:
        """Let go of what it needs."""
        ...


@dataclass
class _Group:
    until: datetime
    values: dict[str, bytes] = field(default_factory=dict)


class MemoryVolatile:
    """`Volatile` in this process alone: a stop or a crash empties it."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._groups: dict[str, _Group] = {}
        self._swept_at = clock.now()
        self._lock = threading.Lock()

    def put(self, group: str, values: Mapping[str, bytes], *, lasts: timedelta) -> None:
        with self._lock:
            now = self._clock.now()
            self._sweep(now)
            found = self._living(group, now)
            if found is None:
                if not values:
                    return
                found = self._groups[group] = _Group(until=now)
            found.values.update(values)
            found.until = now + lasts

    def get(self, group: str, names: Sequence[str]) -> dict[str, bytes]:
        with self._lock:
            found = self._living(group, self._clock.now())
            values = found.values if found is not None else {}
            return {name: values[name] for name in names if name in values}

    def all_of(self, group: str) -> dict[str, bytes]:
        with self._lock:
            found = self._living(group, self._clock.now())
            return dict(found.values) if found is not None else {}

    def remove(self, group: str, names: Sequence[str]) -> None:
        with self._lock:
            found = self._groups.get(group)
            if found is None:
                return
            for name in names:
                found.values.pop(name, None)
            if not found.values:
                del self._groups[group]

    def close(self) -> None:
        with self._lock:
            self._groups.clear()

    def names(self) -> list[str]:
        """Of the groups that are there now."""
        with self._lock:
            self._sweep(self._clock.now(), at_once=True)
            return sorted(self._groups)

    def _living(self, group: str, now: datetime) -> _Group | None:
        found = self._groups.get(group)
        if found is not None and found.until <= now:
            del self._groups[group]
            return None
        return found

    def _sweep(self, now: datetime, *, at_once: bool = False) -> None:
        """Drop what nobody asks for any more."""
        if not at_once and now < self._swept_at + SWEEP_EVERY:
            return
        self._swept_at = now
        for name in [name for name, one in self._groups.items() if one.until <= now]:
            del self._groups[name]
