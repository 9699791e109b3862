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

from sqlalchemy import Connection

from answerable.flow.work import QUEUES
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import TooMany
from answerable.kit.telemetry import SHED, get_logger
from answerable.ledger.outbox import Due, look_at_due

log = get_logger("flow")

MEASURED_EVERY = 0.25  # seconds
ENOUGH = 50  # due effects that tell a pace; fewer are done within a measure or two
STANDS = 4  # times slower than before: it does not go on
LOST_AFTER = 60.0  # seconds; longer than one start of an effect may take
LAGS_KEPT = 4  # the least of so many counts: one pause is no overload
FIRST_RETRY = timedelta(seconds=2)
LONGEST_RETRY = timedelta(seconds=30)
# Effects that wait for others' systems: how many there are says nothing about how busy we are, and
# how long they take only while they are answered.
OUTSIDE = (frozenset(QUEUES) - {"understand"}) | {"alert"}


@dataclass(frozen=True, kw_only=True)
class Load:
    """waiting: units queued for the database. due: effects of our own that should be under way,
    and wait_seconds: how long they take at the pace at which they are done. lag_seconds: by which
    the event loop is late."""

    waiting: int = 0
    due: int = 0
    wait_seconds: float = 0.0
    lag_seconds: float = 0.0


@dataclass(frozen=True, kw_only=True)
class Bounds:
    """Up to where new work is taken on."""

    waiting: int = 2_000
    due: int = 10_000
    wait_seconds: float = 3.0
    lag_seconds: float = 0.5


def pressure(load: Load, bounds: Bounds) -> float:
    """How full it is: 1 at the first bound that is reached."""
    return max(
        load.waiting / bounds.waiting,
        load.due / bounds.due,
        load.wait_seconds / bounds.wait_seconds,
        load.lag_seconds / bounds.lag_seconds,
    )


def retry_after(full: float) -> timedelta:
    """When to come again; the fuller, the later. Pure, but for the jitter."""
    return min(FIRST_RETRY * full, LONGEST_RETRY) * random.uniform(0.5, 1.0)


class Pace:
    """How fast what is due is done, by whoever does it: told from one effect at a time, the newest
    when it was chosen, and how many were due then. Pure.

    ours: what stands is our fault. Otherwise another system may have stopped answering, and only
    what is done says how busy we are.
    """

    def __init__(self, *, ours: bool = True) -> None:
        self._ours = ours
        self.chosen: str | None = None
        self._ahead = 0
        self._since = 0.0
        self._a_second = float("inf")

    def see(self, due: Due, *, now: float) -> float:
        """What was found; how many seconds all that is due will take."""
        if self.chosen is not None:
            pace = self._ahead / max(now - self._since, MEASURED_EVERY)
            if not due.chosen_is_due:
                self._a_second = pace
            elif self._ours:
                self._a_second = min(self._a_second, pace)
            elif pace < self._a_second / STANDS:
                self._a_second = float("inf")
                if now > self._since + LOST_AFTER:  # put off for hours, perhaps: another may tell
                    self.chosen = None
        if not due.chosen_is_due or self.chosen is None:
            self.chosen = due.newest if due.count >= ENOUGH else None
            self._ahead, self._since = due.count, now
        return due.count / self._a_second if due.count >= ENOUGH else 0.0


class Admission:
    """One place decides for all ways in. due, wait and lag are as of the last `measure`."""

    def __init__(self, database: Database, clock: Clock, bounds: Bounds | None = None) -> None:
        self.bounds = bounds or Bounds()
        self._database = database
        self._clock = clock
        self._due = 0
        self._wait = 0.0
        self._pace = Pace()
        self._outside_pace = Pace(ours=False)
        self._lags: deque[float] = deque([0.0], maxlen=LAGS_KEPT)

    @property
    def load(self) -> Load:
        return Load(
            waiting=self._database.waiting,
            due=self._due,
            wait_seconds=self._wait,
            lag_seconds=min(self._lags),
        )

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
        now, most = self._clock.now(), 2 * self.bounds.due
        ours, others = self._pace.chosen, self._outside_pace.chosen

        def look(tx: Connection) -> tuple[Due, Due]:
            return (
                look_at_due(tx, now, but=OUTSIDE, most=most, chosen=ours),
                look_at_due(tx, now, kinds=OUTSIDE, most=most, chosen=others),
            )

        due, outside = await self._database.read(look)
        self._due = due.count
        seen = time.monotonic()
        self._wait = self._pace.see(due, now=seen) + self._outside_pace.see(outside, now=seen)

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
