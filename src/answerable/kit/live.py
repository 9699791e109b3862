"""Live fan-out inside one process: topics carry hints that something is new, never the thing.

A subscriber that does not keep up loses nothing: hints about one topic melt into one, and what is
new is read from the database.
"""

import asyncio
from collections.abc import Iterable


class Subscription:
    """Wakes whoever waits when one of its topics has news; `close` when done."""

    def __init__(self, live: "Live", topics: Iterable[str]) -> None:
        self._live = live
        self._event = asyncio.Event()
        self.topics = set(topics)
        for topic in self.topics:
            live._subscribers.setdefault(topic, set()).add(self)

    def add(self, topic: str) -> None:
        self.topics.add(topic)
        self._live._subscribers.setdefault(topic, set()).add(self)

    def wake(self) -> None:
        self._event.set()

    async def wait(self) -> None:
        """Returns at once if there was a hint since the last call."""
        await self._event.wait()
        self._event.clear()

    def close(self) -> None:
        for topic in self.topics:
            subscribers = self._live._subscribers.get(topic)
            if subscribers is not None:
                subscribers.discard(self)
                if not subscribers:
                    del self._live._subscribers[topic]


class Live:
    def __init__(self) -> None:
        self._subscribers: dict[str, set[Subscription]] = {}

    def subscribe(self, *topics: str) -> Subscription:
        return Subscription(self, topics)

    def hint(self, topic: str) -> None:
        """Tell all subscribers of `topic` that there is news. Costs nothing if there are none."""
        for subscription in self._subscribers.get(topic, ()):
            subscription.wake()
