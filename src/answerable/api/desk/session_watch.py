"""Ends the live connections of sessions that are over, whoever ended them and in which process."""

import asyncio
from collections.abc import Callable

from answerable.desk.sessions import Sessions
from answerable.kit.telemetry import get_logger

log = get_logger("api")

CHUNK = 500


class SessionWatch:
    """Looks after all sessions with a live connection: one query each few seconds, not one each.

    every_seconds: at most this long does a connection outlive its session in another process; in
    this process `look_now` makes it immediate.
    """

    def __init__(self, sessions: Sessions, *, every_seconds: float) -> None:
        self._sessions = sessions
        self._every = every_seconds
        self._watched: dict[str, set[Callable[[], None]]] = {}
        self._news = asyncio.Event()

    def add(self, token_hash: str, on_end: Callable[[], None]) -> None:
        self._watched.setdefault(token_hash, set()).add(on_end)

    def remove(self, token_hash: str, on_end: Callable[[], None]) -> None:
        watching = self._watched.get(token_hash)
        if watching is not None:
            watching.discard(on_end)
            if not watching:
                del self._watched[token_hash]

    def look_now(self) -> None:
        """A session ended or a role changed: do not wait for the next look."""
        self._news.set()

    async def run(self) -> None:
        """Until cancelled. While the database cannot be asked, connections stay as they are."""
        while True:
            try:
                async with asyncio.timeout(self._every):
                    await self._news.wait()
            except TimeoutError:
                pass
            self._news.clear()
            try:
                await self.look()
            except Exception as error:
                log.error("session_watch_failed", error=type(error).__name__)

    async def look(self) -> None:
        hashes = list(self._watched)
        for start in range(0, len(hashes), CHUNK):
            chunk = hashes[start : start + CHUNK]
            alive = await self._sessions.alive(chunk)
            for token_hash in chunk:
                if token_hash not in alive:
                    for on_end in tuple(self._watched.get(token_hash, ())):
                        on_end()
