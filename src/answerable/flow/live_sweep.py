"""Finds what other processes committed and nobody hinted at here, for all followers at once.

One query a look, however many follow. Without a relay it is what makes other processes' news
live; with one it finds what the relay lost.
"""

import asyncio
import contextlib
from collections.abc import Callable, Iterable

from sqlalchemy import Connection

from answerable.kit.database import Database
from answerable.kit.live import Live
from answerable.kit.telemetry import get_logger
from answerable.ledger.reading import Place, newest_position, read_places

log = get_logger("flow")

LOOK_EVERY = 1.0  # seconds
LOOK_EVERY_BESIDE_RELAY = 5.0
PAGE = 5_000  # events
# A position is taken a moment before its event commits, so one that is missing may still come.
# One that has not come after so many seconds was rolled back.
LATE_SECONDS = 15.0
MOST_MISSING = 2_000
LOOK_BACK = 1_000  # positions, at the first look


class LiveSweep:
    """`run` it in a process with followers, beside others that write.

    relayed: whether hints of other processes reach this one now.
    """

    def __init__(self, database: Database, live: Live, *, relayed: Callable[[], bool]) -> None:
        self._database = database
        self._live = live
        self._relayed = relayed
        self._seen: Seen | None = None
        self._now = asyncio.Event()

    def soon(self) -> None:
        """Look at once: hints may have been lost."""
        self._now.set()

    async def run(self) -> None:
        """Until cancelled. While the store is away followers wait; afterwards all is found."""
        while True:
            try:
                await self.look(asyncio.get_running_loop().time())
            except Exception as error:
                log.warning("live_sweep_failed", why=type(error).__name__)
            every = LOOK_EVERY_BESIDE_RELAY if self._relayed() else LOOK_EVERY
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(every):
                    await self._now.wait()
            self._now.clear()

    async def look(self, now: float) -> None:
        """Wake who follows something new. now: seconds of a steady clock."""
        if self._seen is None:
            newest = await self._database.read(newest_position)
            self._seen = Seen(max(newest - LOOK_BACK, 0))
        full = True
        while full:
            places = await self._database.read(self._seen.query())
            full = len(places) == PAGE
            self._seen.note([place.position for place in places], now)
            self._wake(places)

    def _wake(self, places: Iterable[Place]) -> None:
        """Those who do not know it yet: most heard of it by hints."""
        streams = {place.stream: place.seq for place in places}
        for stream, seq in streams.items():
            self._live.wake_behind(f"conversation:{stream}", seq)
        tenants = {place.tenant: place.position for place in places}
        for tenant, position in tenants.items():
            self._live.wake_behind(f"tenant:{tenant}", position)


class Seen:
    """Which positions were seen: all up to `upto`, but those in `missing` (since when)."""

    def __init__(self, upto: int) -> None:
        self.upto = upto
        self.missing: dict[int, float] = {}

    def query(self) -> Callable[[Connection], list[Place]]:
        """For what was not seen yet, a page of it."""
        after, also = self.upto, tuple(self.missing)
        return lambda tx: read_places(tx, after=after, also=also, limit=PAGE)

    def note(self, positions: Iterable[int], now: float) -> None:
        """These, in ascending order, are seen now."""
        for position in positions:
            if position <= self.upto:
                self.missing.pop(position, None)
                continue
            begin = max(self.upto + 1, position - MOST_MISSING)
            self.missing.update(dict.fromkeys(range(begin, position), now))
            self.upto = position
        for position, since in tuple(self.missing.items()):
            if now - since <= LATE_SECONDS and len(self.missing) <= MOST_MISSING:
                break  # they stand in the order in which they were missed
            del self.missing[position]
