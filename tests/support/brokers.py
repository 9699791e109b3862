"""A RabbitMQ broker for tests: names of a test's own, a proxy that cuts, and another service."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from typing import Any
from urllib.parse import urlsplit

import aio_pika
from aio_pika.abc import AbstractChannel, AbstractIncomingMessage

from answerable.kit.amqp import AmqpBus
from tests.support.needs import needs_rabbitmq
from tests.support.proxies import Proxy, proxy_to

QUEUES = ("dead", "dead.commands", "conversations", "commands", "jobs")
EXCHANGES = ("dead", "dead.commands", "events", "commands")
_count = itertools.count()


@dataclass(frozen=True, kw_only=True)
class Broker:
    """url: of the broker itself. cut_url: of the proxy before it. prefix: of all names."""

    url: str
    cut_url: str
    proxy: Proxy
    prefix: str

    def bus(self, *, direct: bool = False, **options: Any) -> AmqpBus:
        url = self.url if direct else self.cut_url
        return AmqpBus(url, prefix=self.prefix, **options)

    @asynccontextmanager
    async def channel(self) -> AsyncIterator[AbstractChannel]:
        """As another service has it, past the proxy."""
        connection = await aio_pika.connect(self.url)
        async with connection, connection.channel() as channel:
            yield channel

    async def inbox(self, channel: AbstractChannel, topics: str = "#") -> "Inbox":
        """A queue bound to the events, as another service makes one."""
        exchange = await channel.declare_exchange(
            f"{self.prefix}.events", aio_pika.ExchangeType.TOPIC, durable=True
        )
        queue = await channel.declare_queue(exclusive=True)
        await queue.bind(exchange, routing_key=topics)
        inbox = Inbox()
        await queue.consume(inbox.take, no_ack=True)
        return inbox


class Inbox:
    """What has arrived."""

    def __init__(self) -> None:
        self.messages: list[AbstractIncomingMessage] = []

    async def take(self, message: AbstractIncomingMessage) -> None:
        self.messages.append(message)


@asynccontextmanager
async def open_broker() -> AsyncIterator[Broker]:
    """Nothing of it is left afterwards."""
    url = needs_rabbitmq()
    parts = urlsplit(url)
    prefix = f"test-{os.getpid()}-{next(_count)}"
    async with proxy_to(parts.port or 5672) as proxy:
        cut_url = url.replace(f":{parts.port or 5672}", f":{proxy.port}")
        broker = Broker(url=url, cut_url=cut_url, proxy=proxy, prefix=prefix)
        try:
            yield broker
        finally:
            async with broker.channel() as channel:
                for queue in QUEUES:
                    await channel.queue_delete(f"{prefix}.{queue}")
                for exchange in EXCHANGES:
                    await channel.exchange_delete(f"{prefix}.{exchange}")


@asynccontextmanager
async def opened(*buses: AmqpBus) -> AsyncIterator[None]:
    """Connected at the beginning, closed at the end."""
    for bus in buses:
        await bus.open()
    async with asyncio.timeout(10):
        while not all(bus.is_up for bus in buses):  # noqa: ASYNC110
            await asyncio.sleep(0.01)
    try:
        yield
    finally:
        for bus in buses:
            await bus.close()
