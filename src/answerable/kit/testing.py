"""Fakes for tests: a clock that is set, not waited for; processes that are told to be gone."""

from collections.abc import Iterable
from datetime import UTC, datetime, timedelta

from sqlalchemy import Connection


class SettableClock:
    def __init__(self, start: datetime = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)) -> None:
        self._now = start

    def now(self) -> datetime:
        return self._now

    def set(self, moment: datetime) -> None:
        self._now = moment

    def advance(self, delta: timedelta) -> None:
        self._now += delta


class FakeMembership:
    """Of several processes: those in `ended` are gone, and this one leads what is in `leading`."""

    def __init__(self, name: str = "prc_test") -> None:
        self.id = name
        self.ended: set[str] = set()
        self.leading: set[str] = set()

    def gone(self, tx: Connection, holders: Iterable[str]) -> list[str]:
        return [holder for holder in holders if holder in self.ended]

    def leads(self, duty: str) -> bool:
        return duty in self.leading

    async def join(self) -> None:
        pass

    async def leave(self) -> None:
        pass
