"""A Redis for tests: a channel of a test's own, and a proxy that cuts."""

import asyncio
import itertools
import os
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import urlsplit

from redis.asyncio import Redis

from answerable.kit.redis_relay import RedisRelay
from tests.support.needs import needs_redis
from tests.support.proxies import Proxy, proxy_to

_count = itertools.count()


@dataclass(frozen=True, kw_only=True)
class RedisForTests:
    """url: of Redis itself. cut_url: of the proxy before it."""

    url: str
    cut_url: str
    proxy: Proxy
    channel: str
    _runs: dict[RedisRelay, asyncio.Task[None]] = field(default_factory=dict)

    def relay(self, process: str, *, direct: bool = False, **options: Any) -> RedisRelay:
        """One that runs until the end of the test, or until `kill`."""
        url = self.url if direct else self.cut_url
        relay = RedisRelay(url, channel=self.channel, process=process, **options)
        self._runs[relay] = asyncio.create_task(relay.run())
        return relay

    async def kill(self, relay: RedisRelay) -> None:
        run = self._runs.pop(relay)
        run.cancel()
        await asyncio.gather(run, return_exceptions=True)

    async def up(self) -> None:
        """Until all relays are."""
        async with asyncio.timeout(10):
            while not all(relay.is_up for relay in self._runs):  # noqa: ASYNC110
                await asyncio.sleep(0.005)

    async def command(self, *words: str | bytes) -> Any:
        """As an operator gives it, past the proxy."""
        async with Redis.from_url(self.url) as redis:
            return await redis.execute_command(*words)  # type: ignore[no-untyped-call]


@asynccontextmanager
async def open_redis() -> AsyncIterator[RedisForTests]:
    url = needs_redis()
    port = urlsplit(url).port or 6379
    async with proxy_to(port) as proxy:
        redis = RedisForTests(
            url=url,
            cut_url=url.replace(f":{port}", f":{proxy.port}"),
            proxy=proxy,
            channel=f"test-{os.getpid()}-{next(_count)}",
        )
        try:
            yield redis
        finally:
            for relay in tuple(redis._runs):
                await redis.kill(relay)
