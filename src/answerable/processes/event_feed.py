"""The event feed: every event of the ledger, told to other services on the bus.

At least once and in the order of each tenant's commits: an event is announced, confirmed by the
broker, and only then passed by the cursor. A CloudEvent's `source` and `id` are the same each time
it comes. What it holds are references, never a text or a personal value: so are the events.
"""

from collections.abc import Awaitable, Callable, Sequence

from answerable.api.bus.messages import CLOUD_EVENT, EVENTS
from answerable.kit.bus import Announcement
from answerable.kit.canonical import canonical_json
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import FEED_BEHIND
from answerable.ledger.event import Event, wire_time
from answerable.processes.following import Consumer

Announce = Callable[[str, Sequence[Announcement]], Awaitable[int]]


def event_feed(announce: Announce) -> Consumer:
    """announce: to the exchange, in order; how many of the first are confirmed."""

    async def take(_: TenantId, events: Sequence[Event]) -> int:
        return await announce(EVENTS, [announcement(one) for one in events])

    return Consumer(name="bus", take=take, behind=FEED_BEHIND)


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
