"""The bus: messages on named queues, each to one of those who take from the queue.

What it carries is never the only copy of anything but of what other services ask for: hints at
work, which the sweep finds too. `LocalBus` is within one process, `kit.amqp` among several.

A message is delivered at least once, and is settled only after its handler returned. One that a
handler fails at is tried `ATTEMPTS` times, with pauses, while others go on; then it goes to the
queue `DEAD`, where a person looks at it.
"""

import asyncio
import random
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, field
from typing import Protocol

from answerable.kit.telemetry import get_logger

log = get_logger("kit")

ATTEMPTS = 5
DEAD = "dead"
MOST_WAITING = 100_000  # messages in a queue; it takes no more until some are settled
SHORTEST_PAUSE, LONGEST_PAUSE = 0.02, 5.0  # seconds

Handle = Callable[[bytes], Awaitable[None]]


class Unusable(Exception):
    """Raised by a handler: to try again is of no use, let a person look at the message."""


class Bus(Protocol):
    """Where messages go and come from."""

    async def publish(self, queue: str, body: bytes) -> bool:
        """Put a message into a queue; True once it is safe there.

        False: it may not be. Never raises, and answers within a second.
        """
        ...

    async def consume(self, queue: str, handle: Handle, *, at_once: int) -> None:
        """Handle messages, at most `at_once` at a time, until cancelled.

        A handler that raises has failed and is called again with the same message, here or where
        else the queue is consumed; raising Unusable settles at once that it never will do.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Request:
    """What another program asks. headers: only those that are texts."""

    body: bytes
    headers: Mapping[str, str] = field(default_factory=dict)


@dataclass(frozen=True, kw_only=True)
class Answer:
    """What it is told. refused: it asked in vain, and if it wants no answer a person must know."""

    body: bytes
    media_type: str
    refused: bool = False


@dataclass(frozen=True, kw_only=True)
class Announcement:
    """A message to all who want to know. topic: words with dots between; id: of its content."""

    topic: str
    id: str
    body: bytes
    media_type: str


def pause_before(attempt: int, draw: Callable[[], float] = random.random) -> float:
    """Seconds to wait before this attempt, the first again being 1: doubled each time, bounded.

    draw: 0 to 1, so that not all come back at the same moment.
    """
    longest: float = SHORTEST_PAUSE * 2 ** min(attempt, 16)
    return min(longest, LONGEST_PAUSE) * (0.5 + draw() / 2)


@dataclass(slots=True)
class _Letter:
    body: bytes
    failures: int = 0


class LocalBus:
    """Within one process; what waits is gone with it."""

    def __init__(self, *, most_waiting: int = MOST_WAITING) -> None:
        self._most_waiting = most_waiting
        self._queues: dict[str, asyncio.Queue[_Letter]] = {}

    async def publish(self, queue: str, body: bytes) -> bool:
        return self._put(queue, _Letter(body))

    async def consume(self, queue: str, handle: Handle, *, at_once: int) -> None:
        async with asyncio.TaskGroup() as takers:
            for _ in range(at_once):
                takers.create_task(self._take(queue, handle))

    async def _take(self, name: str, handle: Handle) -> None:
        queue = self._queue(name)
        while True:
            letter = await queue.get()
            try:
                await handle(letter.body)
            except asyncio.CancelledError:
                queue.put_nowait(letter)
                raise
            except Unusable:
                if name != DEAD:
                    self._put(DEAD, _Letter(letter.body))
            except Exception as error:
                log.warning("message_failed", queue=name, why=type(error).__name__)
                letter.failures += 1
                await self._again(name, letter)

    async def _again(self, name: str, letter: _Letter) -> None:
        queue = self._queue(name)
        if name != DEAD and letter.failures >= ATTEMPTS:
            self._put(DEAD, _Letter(letter.body))
            return
        try:
            await asyncio.sleep(pause_before(letter.failures))
        finally:
            queue.put_nowait(letter)

    def _put(self, name: str, letter: _Letter) -> bool:
        queue = self._queue(name)
        if queue.qsize() >= self._most_waiting:
            return False
        queue.put_nowait(letter)
        return True

    def _queue(self, name: str) -> asyncio.Queue[_Letter]:
        return self._queues.setdefault(name, asyncio.Queue())
