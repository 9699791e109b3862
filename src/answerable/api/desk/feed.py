"""The feed of a tenant's conversations, read once for all agents who follow it.

One reader a tenant turns new events into frames; every connection gets the same strings. A
connection that resumes reads what it missed by itself, up to where the common reader stands.
"""

import asyncio
import json
from dataclasses import dataclass
from typing import NamedTuple, Protocol

from sqlalchemy import Connection

from answerable.api.desk.reading import Reader
from answerable.api.ports import Service
from answerable.desk.inbox_store import find_summaries
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import get_logger
from answerable.ledger.reading import FeedPlace, last_position, read_feed_places

log = get_logger("api")

PAGE = 500
RESUMABLE = 5_000  # positions; whoever is further behind reads everything anew, which is cheaper
# Seconds between two pages. What happens once is told at once; a page costs by the conversations in
# it, so under load they are longer apart and tell of a conversation once what was said in it twice.
PAUSE = 0.05
PAUSE_A_FRAME = 0.01
LONGEST_PAUSE = 0.25
LOOK_EVERY = 5.0  # seconds: for what could not be read when there was a hint at it


@dataclass(frozen=True, kw_only=True, slots=True)
class FeedFrame:
    """An event of a conversation as sent to agents."""

    position: int
    text: str


class FeedPage(NamedTuple):
    """reached: the position of its last event, or where it began. more: others may follow it."""

    frames: list[FeedFrame]
    reached: int
    more: bool


class Follower(Protocol):
    def push(self, frames: list[FeedFrame]) -> None:
        """Must not block."""
        ...


class TenantFeed:
    """position: up to which all followers have been told. page: events read at once."""

    def __init__(
        self, service: Service, tenant: TenantId, *, position: int, page: int = PAGE
    ) -> None:
        self.position = position
        self._page = page
        self._service = service
        self._tenant = tenant
        self._followers: set[Follower] = set()
        self._task: asyncio.Task[None] | None = None

    def join(self, follower: Follower) -> None:
        self._followers.add(follower)
        if self._task is None:
            self._task = asyncio.create_task(self._run())

    def leave(self, follower: Follower) -> bool:
        """Returns whether it was the last one."""
        self._followers.discard(follower)
        if not self._followers and self._task is not None:
            self._task.cancel()
            self._task = None
        return not self._followers

    async def read(self, *, after: int, until: int | None = None) -> FeedPage:
        """The next page."""
        definition = self._service.definitions.active(self._tenant)
        reader = Reader(vault=self._service.vault, tenant=self._tenant, definition=definition)

        def query(tx: Connection) -> FeedPage:
            return read_frames(tx, reader, after=after, until=until, limit=self._page)

        return await self._service.database.read(query, tenant=self._tenant)

    async def _run(self) -> None:
        subscription = self._service.live.subscribe(f"tenant:{self._tenant}")
        try:
            while True:
                told = 0
                try:
                    told = await self._tell_all()
                except Exception as error:
                    log.error("feed_failed", tenant=self._tenant, error=type(error).__name__)
                subscription.reached = self.position
                await asyncio.sleep(min(max(PAUSE, told * PAUSE_A_FRAME), LONGEST_PAUSE))
                try:
                    async with asyncio.timeout(LOOK_EVERY):
                        await subscription.wait()
                except TimeoutError:
                    pass
        finally:
            subscription.close()

    async def _tell_all(self) -> int:
        """How many frames each follower was told."""
        told, more = 0, True
        while more:
            frames, self.position, more = await self.read(after=self.position)
            told += len(frames)
            for follower in tuple(self._followers):
                follower.push(frames)
        return told


class Feeds:
    """The feeds of all tenants that somebody follows."""

    def __init__(self, service: Service) -> None:
        self._service = service
        self._feeds: dict[TenantId, TenantFeed] = {}

    async def join(self, tenant: TenantId, follower: Follower) -> TenantFeed:
        """Follow from the feed's present position on."""
        if tenant not in self._feeds:
            position = await self.last_position(tenant)
            self._feeds.setdefault(tenant, TenantFeed(self._service, tenant, position=position))
        feed = self._feeds[tenant]
        feed.join(follower)
        return feed

    def leave(self, tenant: TenantId, follower: Follower) -> None:
        feed = self._feeds.get(tenant)
        if feed is not None and feed.leave(follower):
            del self._feeds[tenant]

    async def last_position(self, tenant: TenantId) -> int:
        return await self._service.database.read(
            lambda tx: last_position(tx, tenant), tenant=tenant
        )


def read_frames(
    tx: Connection, reader: Reader, *, after: int, until: int | None, limit: int
) -> FeedPage:
    """Five queries a page. Only the last event of a conversation in a page carries its summary."""
    events = read_feed_places(tx, reader.tenant, after=after, until=until, limit=limit)
    if not events:
        return FeedPage([], after, more=False)
    latest = {one.stream: one.position for one in events}
    rows = find_summaries(tx, reader.tenant, list(latest))
    shapes = {shape.id: shape for shape in reader.summaries(tx, list(rows.values()))}
    frames = []
    for one in events:
        if one.stream not in rows:
            continue  # the administration stream is not for every agent
        is_last = latest[one.stream] == one.position
        frames.append(_frame(one, shapes[one.stream].model_dump_json() if is_last else "null"))
    return FeedPage(frames, events[-1].position, more=len(events) == limit)


def _frame(one: FeedPlace, summary: str) -> FeedFrame:
    """summary: in JSON."""
    told = {
        "type": "event",
        "position": one.position,
        "conversation": one.stream,
        "seq": one.seq,
        "kind": one.kind,
    }
    # A summary comes in JSON: taken apart and written again it would cost more than the frame.
    text = f'{json.dumps(told, separators=(",", ":"))[:-1]},"summary":{summary}}}'
    return FeedFrame(position=one.position, text=text)
