"""Admission: whether new work is taken on, or told at once to come again.

What was accepted goes on first. Nothing is begun that could only wait: a refusal costs next to
nothing, so that under any load what can be done is done, and the backlog is gone soon after.
"""

import asyncio
import random
import time
from collections import deque
from dataclasses import dataclass
from datetime import timedelta

from answerable.flow.work import QUEUES
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import TooMany
from answerable.kit.telemetry import SHED, get_logger
from answerable.ledger.store import count_due

log = get_logger("flow")

MEASURED_EVERY = 0.25  # seconds
LAGS_KEPT = 4  # the least of so many counts: one pause is no overload
FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(seconds=30)
# Effects that wait for others' systems: their queues say nothing about how busy we are.
OUTSIDE = (frozenset(QUEUES) - {"understand"}) | {"alert"}


@dataclass(frozen=True, kw_only=True)
class Load:
    """waiting: units queued for the database. due: effects of our own that should be under way.
    lag_seconds: by which the event loop is late."""

    waiting: int = 0
    due: int = 0
    lag_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Up to where new work is taken on: each a few seconds of work for one process."""

    waiting: int = 2_000
    due: int = 1_000
    lag_seconds: float = 0.5


def pressure(load: Load, bounds: Bounds) -> float:
    """How full it is: 1 at the first bound that is reached."""
    return max(
        load.waiting / bounds.waiting,
        load.due / bounds.due,
        load.lag_seconds / bounds.lag_seconds,
    )


def retry_after(full: float) -> timedelta:
    """When to come again; the fuller, the later. Pure, but for the jitter."""
    return min(FIRST_RETRY * full, LONGEST_RETRY) * random.uniform(0.5, 1.0)


class Admission:
    """One place decides for all ways in. due and lag are as of the last `measure`."""

    def __init__(self, database: Database, clock: Clock, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self._database = database
        self._clock = clock
        self._due = 0
        self._lags: deque[float] = deque([0.0], maxlen=LAGS_KEPT)

    @property
    def load(self) -> Load:
        return Load(waiting=self._database.waiting, due=self._due, lag_seconds=min(self._lags))

    def refusal(self, *, room: float = 1.0) -> timedelta | None:
        """After what time to come again; None: come in.

        room: how much of what there is this kind of work may fill, 1 for what customers begin;
        less for what can wait, more for what ends work.
        """
        full = pressure(self.load, self.bounds)
        return None if full < room else retry_after(full)

    def check(self, way: str, *, room: float = 1.0) -> None:
        """Raises TooMany. way: by which it came, for the metrics."""
        wait = self.refusal(room=room)
        if wait is not None:
            SHED.labels(way).inc()
            raise TooMany("busy", "Too much is going on. Please try again.", retry_after=wait)

    async def measure(self) -> None:
        """Look at what is due."""
        now, most = self._clock.now(), 8 * self.bounds.due
        self._due = await self._database.read(lambda tx: count_due(tx, now, but=OUTSIDE, most=most))

    async def watch(self) -> None:
        """Measure until cancelled."""
        while True:
            before = time.monotonic()
            await asyncio.sleep(MEASURED_EVERY)
            self._lags.append(time.monotonic() - before - MEASURED_EVERY)
            try:
                await self.measure()
            except Exception:  # the database is away: those who come are told so by itself
                log.exception("load_not_measured")
