"""Password hashing: deliberately slow, so deliberately rationed."""

import asyncio
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import TypeVar

from pwdlib import PasswordHash
from pwdlib.hashers.argon2 import Argon2Hasher

from answerable.kit.errors import TooMany
from answerable.kit.processors import processors

T = TypeVar("T")

# Each takes 64 MiB, and a core of its own for a third of a second: whoever signs in again and again
# keeps half of the cores busy at most, and everybody else has the others.
COMPUTATIONS = max(1, processors() // 2)
WAITING = 16  # further ones may wait; at 0.3 s each, the last waits 5 s


class Passwords:
    """argon2id in threads of its own, at most COMPUTATIONS at once, each of which has one.

    Both methods raise TooMany if COMPUTATIONS are under way and WAITING wait already.
    """

    def __init__(self, hasher: Argon2Hasher | None = None, *, waiting: int = WAITING) -> None:
        self._hashing = PasswordHash((hasher or Argon2Hasher(parallelism=1),))
        self._threads = ThreadPoolExecutor(COMPUTATIONS, thread_name_prefix="argon2")
        self._room = COMPUTATIONS + waiting
        self._under_way = 0
        self._decoy: str | None = None

    async def hash(self, password: str) -> str:
        return await self._compute(lambda: self._hashing.hash(password))

    async def verify(self, password: str, hashed: str | None) -> bool:
        """Whether the password fits. `hashed` None, for an unknown address, costs the same."""
        return await self._compute(lambda: self._verify(password, hashed))

    def close(self) -> None:
        self._threads.shutdown(wait=False, cancel_futures=True)

    def prepare(self) -> None:
        """Make the decoy hash now, so that the first unknown address takes no longer."""
        if self._decoy is None:
            self._decoy = self._hashing.hash("nobody has this password")

    def _verify(self, password: str, hashed: str | None) -> bool:
        self.prepare()
        fits = self._hashing.verify(password, hashed or self._decoy or "")
        return fits and hashed is not None

    async def _compute(self, work: Callable[[], T]) -> T:
        if self._under_way >= self._room:
            raise TooMany(
                "too_many_sign_ins",
                "Too many people are signing in at this moment.",
                retry_after=timedelta(seconds=2),
            )
        self._under_way += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work)
        finally:
            self._under_way -= 1
