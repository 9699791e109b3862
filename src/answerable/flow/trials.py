"""Trials: what may kill a process is tried by one that has nothing else meanwhile.

Nobody is then struck beside it, and what would have come to that process goes to the others. There
must be others to go on: a process that dies is missing until it has been started again. What lacked
more than one end is likely to kill, so it waits until two are there.
"""

import asyncio
from collections.abc import Awaitable, Callable, Sequence
from datetime import datetime, timedelta

from answerable.flow.perform import Performer
from answerable.kit.clock import Clock
from answerable.kit.membership import Membership
from answerable.ledger.event import Effect
from answerable.ledger.outbox import Room

TRYING = "trying suspects"
DRAINED_IN = 1.0  # seconds; after them, suspects run beside what has not ended
APART = 2.0  # seconds; what runs for longer does not kill at once, and others join it
COMES_BACK = timedelta(seconds=5)  # what died, before one of too few tries what killed it


class Trials:
    """Of one process among several; where there is never another, nothing is gained by them."""

    def __init__(self, clock: Clock, membership: Membership, performer: Performer) -> None:
        self._clock = clock
        self._membership = membership
        self._performer = performer
        self._others: tuple[int, datetime] | None = None  # and since when they are so many
        self._over = asyncio.Event()
        self._over.set()

    async def over(self) -> None:
        """Until this process may take on something besides suspects."""
        await self._over.wait()

    async def hold(
        self,
        due: Callable[[bool], Awaitable[bool]],
        claim: Callable[[Room], Awaitable[Sequence[Effect]]],
    ) -> bool:
        """Try the suspects that are due; whether there were any to try.

        due: whether there are any, also such as lacked more than one end if told so. claim: takes
        them and submits them to the performer.
        """
        if self._performer.suspects:
            return False
        if not await due(True):
            self._others = None
            return False
        others = await self._membership.others()
        patience = self._is_over(others)
        dangerous = others > 1 or patience
        if not (others or patience) or not (dangerous or await due(False)):
            return False
        if not await self._membership.lead(TRYING):
            return False
        self._over.clear()
        try:
            return await self._apart(dangerous, claim)
        finally:
            self._over.set()

    async def _apart(
        self, dangerous: bool, claim: Callable[[Room], Awaitable[Sequence[Effect]]]
    ) -> bool:
        tried = False
        try:
            await self._performer.idle(DRAINED_IN)
            async with asyncio.timeout(APART):
                while claimed := await claim(self._performer.room_for_suspects(dangerous)):
                    tried = True
                    await asyncio.gather(*(self._performer.ended(one.key) for one in claimed))
        except TimeoutError:
            return True
        return tried

    def _is_over(self, others: int) -> bool:
        """Whether so many others, and no more, have been there for long enough."""
        now = self._clock.now()
        if self._others is None or self._others[0] != others:
            self._others = (others, now)
        return now >= self._others[1] + COMES_BACK
