"""Following the ledger: every event of every tenant handed on, in the order of the commits.

At least once: a cursor passes an event only when it is done with. One process of all does it for
each consumer, the one that leads; if two think so for a moment, events come twice.
"""

import asyncio
import contextlib
import time
from collections.abc import Awaitable, Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from prometheus_client import Gauge
from sqlalchemy import Connection

from answerable.kit.database import Database, metadata
from answerable.kit.ids import TenantId
from answerable.kit.live import Live
from answerable.kit.telemetry import get_logger
from answerable.ledger.event import Event
from answerable.ledger.reading import newest_position, read_feed, tenants_since

log = get_logger("processes")

AT_ONCE = 200  # events of a turn
# Of whoever takes a part of a processor only: how long a turn may last, and so hold others up.
TURN_SECONDS = 0.015
FIRST_TURN, FEWEST = 20, 10
LOOK_EVERY = 1.0  # seconds
ALL_EVERY = 60  # looks: whoever has no news is looked at too, in case some became visible late

feed_cursor = sa.Table(
    "feed_cursor",
    metadata,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),  # of the last event that is done with
)

# With the events of a tenant: how many of the first are done with.
Take = Callable[[TenantId, Sequence[Event]], Awaitable[int]]


@dataclass(frozen=True, kw_only=True)
class Consumer:
    """Whom events are handed to. name: of its cursors. behind: how old what waits for it is.

    at_once: whether it is handed what is new when it is new, or once a LOOK_EVERY.
    share: of a processor, that it takes at most while much waits for it.
    """

    name: str
    take: Take
    behind: Gauge
    at_once: bool = True
    share: float = 1.0


class Follower:
    """Hands on what is new. leads: whether it is this process that does so now. now: the time.
    seconds: a clock that is never put right."""

    def __init__(
        self,
        consumer: Consumer,
        *,
        database: Database,
        live: Live,
        tenants: Callable[[], Iterable[TenantId]],
        leads: Callable[[], bool],
        now: Callable[[], datetime],
        seconds: Callable[[], float] = time.monotonic,
    ) -> None:
        self._consumer = consumer
        self._database = database
        self._live = live
        self._tenants = tenants
        self._leads = leads
        self._now = now
        self._looks = 0
        self._seconds = seconds
        self._newest = (0, 0)  # positions a LOOK_EVERY apart, the later one as old as that at most
        self._noted_at = -LOOK_EVERY
        self._left: set[TenantId] = set()  # who was not handed on whole

    async def run(self) -> None:
        """Hand on until cancelled."""
        topics = [f"tenant:{tenant}" for tenant in self._tenants()]
        news = self._live.subscribe(*(topics if self._consumer.at_once else ()))
        try:
            while True:
                complete = True
                if self._leads():
                    try:
                        complete = await self.hand_on(share=self._consumer.share)
                    except Exception:
                        log.exception("following_failed", consumer=self._consumer.name)
                        complete = False
                        self._looks = 0
                else:
                    self._looks = 0  # others went on meanwhile
                await self._wait(news.wait() if complete else asyncio.sleep(LOOK_EVERY))
        finally:
            self._consumer.behind.set(0)
            news.close()

    async def hand_on(self, *, share: float = 1.0, at_once: int = AT_ONCE) -> bool:
        """Everything that is not handed on yet, in turns of tenants; False if not all could be.

        share: of a processor, that it takes at most; whoever takes a part only holds others up for
        a moment at a time. at_once: events of a turn at most; more cost less.
        """
        turn = at_once if share == 1 else min(at_once, FIRST_TURN)
        behind = await self._with_news()
        self._left = set(behind)
        left: list[datetime] = []
        while behind and self._leads():
            for tenant in list(behind):
                began = time.perf_counter()
                events, done = await self._hand_on_some(tenant, turn)
                left += [event.at for event in events[done : done + 1]]
                if done == len(events) < turn:
                    self._left.discard(tenant)
                if done < turn:
                    behind.remove(tenant)
                elif share < 1:
                    took = time.perf_counter() - began
                    await asyncio.sleep(took * (1 / share - 1))
                    turn = min(at_once, max(FEWEST, round(turn * TURN_SECONDS / took)))
                else:
                    await asyncio.sleep(0)
        oldest = (self._now() - min(left)).total_seconds() if left else 0
        self._consumer.behind.set(oldest)
        return not left

    async def _with_news(self) -> list[TenantId]:
        """Tenants that may have events to hand on; of two thousand who are silent, none."""
        since = self._newest[0]
        if self._seconds() - self._noted_at >= LOOK_EVERY:
            newest = await self._database.read(newest_position)
            self._newest, self._noted_at = (self._newest[1], newest), self._seconds()
        all_of_them = list(self._tenants())
        self._looks += 1
        if self._looks % ALL_EVERY == 1:
            return all_of_them
        # From more than a LOOK_EVERY ago: what has a lower position may have been committed later.
        having = await self._database.read(lambda tx: tenants_since(tx, since))
        return [one for one in all_of_them if one in having or one in self._left]

    async def _hand_on_some(self, tenant: TenantId, at_once: int) -> tuple[Sequence[Event], int]:
        """The next events of a tenant, and how many of them are done with."""

        def query(tx: Connection) -> list[Event]:
            return read_feed(tx, tenant, after=self._position(tx, tenant), limit=at_once)

        events = await self._database.read(query, tenant=tenant)
        if not events:
            return events, 0
        done = await self._consumer.take(tenant, events)
        if done:
            position = events[done - 1].position
            await self._database.write(lambda tx: self._pass(tx, tenant, position), tenant=tenant)
        return events, done

    async def _wait(self, something: Awaitable[None]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await something

    def _position(self, tx: Connection, tenant: TenantId) -> int:
        query = sa.select(feed_cursor.c.position).where(*self._of(tenant))
        return tx.execute(query).scalar() or 0

    def _pass(self, tx: Connection, tenant: TenantId, position: int) -> None:
        """Move the cursor on, never back: another process may have been quicker."""
        moved = tx.execute(
            sa.update(feed_cursor)
            .where(*self._of(tenant))
            .values(
                position=sa.case(
                    (feed_cursor.c.position < position, position), else_=feed_cursor.c.position
                )
            )
        )
        if not moved.rowcount:
            row = {"consumer": self._consumer.name, "tenant": tenant, "position": position}
            tx.execute(sa.insert(feed_cursor).values(row))

    def _of(self, tenant: TenantId) -> tuple[sa.ColumnElement[bool], ...]:
        return feed_cursor.c.consumer == self._consumer.name, feed_cursor.c.tenant == tenant
