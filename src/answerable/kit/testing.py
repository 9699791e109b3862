"""Fakes for tests: a clock that is set, not waited for; processes that are told to be gone."""

import asyncio
import json
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Any

from sqlalchemy import Connection

from answerable.kit.relay import Heard, nothing


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
    """Of several processes: those in `ended` are gone, and this one leads what is in `leading`.

    beside: how many others do the same work; led_elsewhere: duties that one of them has.
    """

    def __init__(self, name: str = "prc_test", *, beside: int = 0) -> None:
        self.id = name
        self.ended: set[str] = set()
        self.leading: set[str] = set()
        self.beside = beside
        self.led_elsewhere: set[str] = set()

    @property
    def is_alone(self) -> bool:
        return False

    def gone(self, tx: Connection, holders: Iterable[str]) -> list[str]:
        return [holder for holder in holders if holder in self.ended]

    def leads(self, duty: str) -> bool:
        return duty in self.leading

    async def lead(self, duty: str) -> bool:
        if duty not in self.led_elsewhere:
            self.leading.add(duty)
        return duty in self.leading

    async def others(self) -> int:
        return self.beside

    async def join(self) -> None:
        pass

    async def leave(self) -> None:
        pass


class FakeRelay:
    """A process's end of a relay within one program. `others`: all ends, this one too.

    down: as if the line were cut, without anybody noticing; `comes_back` ends it.
    """

    def __init__(self, process: str, others: "list[FakeRelay]") -> None:
        self.down = False
        self._process = process
        self._others = others
        self._untold: dict[tuple[str, str], Callable[[], Any]] = {}
        self._hearers: list[tuple[str, Heard]] = []
        self._looks: list[Callable[[], None]] = []
        others.append(self)

    @property
    def is_up(self) -> bool:
        return not self.down

    def tell(self, subject: str, key: str, value: Callable[[], Any] = nothing) -> None:
        if self.down:
            return
        if not self._untold:
            asyncio.get_running_loop().call_soon(self._leave)
        self._untold[subject, key] = value

    def hear(self, subject: str, heard: Heard) -> None:
        self._hearers.append((subject, heard))

    def on_gap(self, look: Callable[[], None]) -> None:
        self._looks.append(look)

    async def run(self) -> None:
        await asyncio.Event().wait()

    def comes_back(self) -> None:
        self.down = False
        for end in self._others:
            for look in end._looks:
                look()

    def _leave(self) -> None:
        untold, self._untold = self._untold, {}
        for (subject, key), value in untold.items():
            said = json.dumps(value())
            for end in self._others:
                if end is not self and not end.down:
                    end._arrive(self._process, subject, key, json.loads(said))

    def _arrive(self, sender: str, subject: str, key: str, value: Any) -> None:
        for wanted, heard in self._hearers:
            if wanted == subject:
                heard(sender, key, value)
