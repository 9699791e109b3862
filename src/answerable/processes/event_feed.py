"""The event feed: every event of the ledger, told to other services on the bus.

At least once and in the order of each tenant's commits: an event is announced, confirmed by the
broker, and only then passed by the cursor. A CloudEvent's `source` and `id` are the same each time
it comes. What it holds are references, never a text or a personal value: so are the events.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Iterable, Sequence
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.api.bus.messages import CLOUD_EVENT, EVENTS
from answerable.kit.bus import Announcement
from answerable.kit.canonical import canonical_json
from answerable.kit.database import Database, metadata
from answerable.kit.ids import TenantId
from answerable.kit.live import Live
from answerable.kit.telemetry import FEED_BEHIND, get_logger
from answerable.ledger.event import Event, wire_time
from answerable.ledger.reading import read_feed

log = get_logger("processes")

AT_ONCE = 200
LOOK_EVERY = 1.0  # seconds
_CONSUMER = "bus"

Announce = Callable[[str, Sequence[Announcement]], Awaitable[int]]

feed_cursor = sa.Table(
    "feed_cursor",
    metadata,
    sa.Column("consumer", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("position", sa.BigInteger, nullable=False),  # of the last event it was told of
)


class EventFeed:
    """Announces what is new; in one process of all, the one that leads.

    announce: to the exchange, in order; how many of the first are confirmed. now: the time.
    leads: whether it is this process now. If two think so for a moment, events come twice.
    """

    def __init__(
        self,
        *,
        database: Database,
        live: Live,
        tenants: Callable[[], Iterable[TenantId]],
        announce: Announce,
        leads: Callable[[], bool],
        now: Callable[[], datetime],
    ) -> None:
        self._database = database
        self._live = live
        self._tenants = tenants
        self._announce = announce
        self._leads = leads
        self._now = now

    async def run(self) -> None:
        """Announce until cancelled."""
        news = self._live.subscribe(*(f"tenant:{tenant}" for tenant in self._tenants()))
        try:
            while True:
                complete = True
                if self._leads():
                    try:
                        complete = await self.announce_new()
                    except Exception:
                        log.exception("event_feed_failed")
                        complete = False
                await self._wait(news.wait() if complete else asyncio.sleep(LOOK_EVERY))
        finally:
            FEED_BEHIND.set(0)
            news.close()

    async def announce_new(self) -> bool:
        """Everything that is not announced yet, in turns of tenants; False if not all could be."""
        behind = list(self._tenants())
        left: list[datetime] = []
        while behind and self._leads():
            for tenant in list(behind):
                events, told = await self._announce_some(tenant)
                left += [event.at for event in events[told : told + 1]]
                if told < AT_ONCE:
                    behind.remove(tenant)
        FEED_BEHIND.set((self._now() - min(left)).total_seconds() if left else 0)
        return not left

    async def _announce_some(self, tenant: TenantId) -> tuple[Sequence[Event], int]:
        """The next events of a tenant, and how many of them are announced."""

        def query(tx: Connection) -> list[Event]:
            return read_feed(tx, tenant, after=_position(tx, tenant), limit=AT_ONCE)

        events = await self._database.read(query, tenant=tenant)
        if not events:
            return events, 0
        told = await self._announce(EVENTS, [announcement(one) for one in events])
        if told:
            position = events[told - 1].position
            await self._database.write(lambda tx: _pass(tx, tenant, position), tenant=tenant)
        return events, told

    async def _wait(self, something: Awaitable[None]) -> None:
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(LOOK_EVERY):
                await something


def announcement(event: Event) -> Announcement:
    """An event as a CloudEvent in JSON, under the topic `<tenant>.<kind>`."""
    name = f"{event.stream}:{event.seq}"
    told = {
        "specversion": "1.0",
        "id": name,
        "source": f"/tenants/{event.tenant}",
        "type": f"answerable.{event.kind}",
        "subject": event.stream,
        "time": wire_time(event.at),
        "datacontenttype": "application/json",
        "actor": event.actor,
        "seq": event.seq,
        "hash": event.hash,
        "data": event.data,
    }
    return Announcement(
        topic=f"{event.tenant}.{event.kind}",
        id=name,
        body=canonical_json(told),
        media_type=CLOUD_EVENT,
    )


def _position(tx: Connection, tenant: TenantId) -> int:
    query = sa.select(feed_cursor.c.position).where(*_of(tenant))
    return tx.execute(query).scalar() or 0


def _pass(tx: Connection, tenant: TenantId, position: int) -> None:
    """Move the cursor on, never back: another process may have been quicker."""
    moved = tx.execute(
        sa.update(feed_cursor)
        .where(*_of(tenant))
        .values(
            position=sa.case(
                (feed_cursor.c.position < position, position), else_=feed_cursor.c.position
            )
        )
    )
    if not moved.rowcount:
        row = {"consumer": _CONSUMER, "tenant": tenant, "position": position}
        tx.execute(sa.insert(feed_cursor).values(row))


def _of(tenant: TenantId) -> tuple[sa.ColumnElement[bool], ...]:
    return feed_cursor.c.consumer == _CONSUMER, feed_cursor.c.tenant == tenant
