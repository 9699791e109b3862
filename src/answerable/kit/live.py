"""Live fan-out: topics carry hints that something is new, and may carry it.

A subscriber that does not keep up loses nothing: what is new can be read from the database, and
is to be read from there by whoever was given a hint without it, or more than can be kept. With a
relay hints reach the subscribers of all processes; what is new is handed over in this one only.
"""

import asyncio
from collections.abc import Iterable
from typing import Any

from answerable.kit.relay import Relay

KEPT = 64  # pieces of news that wait for one subscriber; beyond that it reads instead
_HINT = "hint"


class Subscription:
    """Wakes whoever waits when one of its topics has news; `close` when done."""

    def __init__(self, live: "Live", topics: Iterable[str]) -> None:
        self._live = live
        self._event = asyncio.Event()
        self._news: list[Any] | None = []  # None: something is new that was not kept
        self.reached = 0  # number up to which the subscriber knows its topics' news
        self.topics = set(topics)
        for topic in self.topics:
            live._subscribers.setdefault(topic, set()).add(self)

    def add(self, topic: str) -> None:
        self.topics.add(topic)
        self._live._subscribers.setdefault(topic, set()).add(self)

    def wake(self, news: Any = None) -> None:
        """Something is new: this, or (None) something that is to be read."""
        if news is None or self._news is None or len(self._news) >= KEPT:
            self._news = None
        else:
            self._news.append(news)
        self.signal()

    def signal(self) -> None:
        """Let go on whoever waits, although nothing is new."""
        self._event.set()

    async def wait(self) -> None:
        """Returns at once if there was a hint since the last call."""
        await self._event.wait()
        self._event.clear()

    def take(self) -> list[Any] | None:
        """What is new since the last call, in order; None: it is to be read."""
        news, self._news = self._news, []
        return news

    def close(self) -> None:
        for topic in self.topics:
            subscribers = self._live._subscribers.get(topic)
            if subscribers is not None:
                subscribers.discard(self)
                if not subscribers:
                    del self._live._subscribers[topic]


class Live:
    """relay: to the other processes; None if there are none."""

    def __init__(self, relay: Relay | None = None) -> None:
        self._subscribers: dict[str, set[Subscription]] = {}
        self._relay = relay
        if relay is not None:
            relay.hear(_HINT, self._heard)

    def subscribe(self, *topics: str) -> Subscription:
        return Subscription(self, topics)

    def hint(self, topic: str, news: Any = None) -> None:
        """Tell all subscribers of `topic`, in all processes, that there is news."""
        self.wake(topic, news)
        if self._relay is not None:
            self._relay.tell(_HINT, topic)

    def wake(self, topic: str, news: Any = None) -> None:
        """Tell the subscribers in this process. Costs nothing if there are none."""
        for subscription in self._subscribers.get(topic, ()):
            subscription.wake(news)

    def wake_behind(self, topic: str, number: int) -> None:
        """As `wake`, but only those who have not reached the news of this number."""
        for subscription in self._subscribers.get(topic, ()):
            if subscription.reached < number:
                subscription.wake()

    def _heard(self, _sender: str, topic: str, _value: Any) -> None:
        self.wake(topic)
