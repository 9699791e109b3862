"""A TCP proxy that misbehaves as networks do: it cuts, cuts within a frame, or falls silent."""

import asyncio
import random
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from typing import Literal

Cut = Literal["reset", "mid-frame", "half-open"]
CUTS: tuple[Cut, ...] = ("reset", "mid-frame", "half-open")


@dataclass(eq=False)
class _Pair:
    """The two halves of one connection. due: how the next bytes from the service are cut."""

    client: asyncio.StreamWriter
    service: asyncio.StreamWriter
    due: Cut | None = None
    silent: bool = False

    def abort(self) -> None:
        self.client.transport.abort()
        self.service.transport.abort()


@dataclass
class Proxy:
    """Between customers and a service on this machine, or between two programs.

    refused: connections while it is away. delay_seconds: how long what is sent is on its way.
    """

    to_port: int
    port: int = 0
    cuts: int = 0
    refused: int = 0
    delay_seconds: float = 0.0
    _away: bool = False
    _dead: bool = False
    _pairs: set[_Pair] = field(default_factory=set)
    _tasks: set[asyncio.Task[None]] = field(default_factory=set)

    @property
    def connections(self) -> int:
        return sum(not pair.silent for pair in self._pairs)

    def cut(self, kind: Cut, random_: random.Random) -> None:
        """Cut one connection: at once, within the next frame from the service, or by silence."""
        open_ = [pair for pair in self._pairs if pair.due is None and not pair.silent]
        if not open_:
            return
        pair = random_.choice(open_)
        self.cuts += 1
        if kind == "mid-frame":
            pair.due = kind
        elif kind == "half-open":
            pair.silent = True
        else:
            pair.abort()

    def away(self) -> None:
        """As if the service had ended: nothing is open, and nothing can be opened."""
        self._away = True
        for pair in tuple(self._pairs):
            pair.abort()

    def back(self) -> None:
        """What is opened from now on works. What fell silent stays so."""
        self._away = self._dead = False

    def fall_silent(self) -> None:
        """Every connection is dead, and neither side is told."""
        for pair in self._pairs:
            pair.silent = True

    def swallow(self) -> None:
        """`fall_silent`, and what is opened until it is `back` is dead from the first byte."""
        self._dead = True
        self.fall_silent()

    async def _serve(self, reader: asyncio.StreamReader, client: asyncio.StreamWriter) -> None:
        if self._away:
            self.refused += 1
            client.transport.abort()
            return
        try:
            answers, service = await asyncio.open_connection("127.0.0.1", self.to_port)
        except OSError:
            client.transport.abort()
            return
        pair = _Pair(client, service, silent=self._dead)
        self._pairs.add(pair)
        ways = [
            asyncio.create_task(self._carry(pair, reader, service, from_service=False)),
            asyncio.create_task(self._carry(pair, answers, client, from_service=True)),
        ]
        self._tasks.update(ways)
        await asyncio.wait(ways)
        pair.abort()
        self._tasks.difference_update(ways)
        self._pairs.discard(pair)

    async def _carry(
        self,
        pair: _Pair,
        source: asyncio.StreamReader,
        target: asyncio.StreamWriter,
        *,
        from_service: bool,
    ) -> None:
        try:
            while data := await source.read(65536):
                if self.delay_seconds:
                    await asyncio.sleep(self.delay_seconds)
                if pair.silent:
                    continue  # the line is dead, and neither side is told
                if pair.due == "mid-frame" and from_service and len(data) > 2:
                    target.write(data[: len(data) // 2])
                    await target.drain()
                    pair.abort()
                    return
                target.write(data)
                await target.drain()
        except OSError:
            pass
        if not pair.silent:
            pair.abort()


@asynccontextmanager
async def proxy_to(port: int) -> AsyncIterator[Proxy]:
    proxy = Proxy(port)
    server = await asyncio.start_server(proxy._serve, "127.0.0.1", 0)
    proxy.port = server.sockets[0].getsockname()[1]
    try:
        yield proxy
    finally:
        server.close()
        for pair in tuple(proxy._pairs):
            pair.abort()
        for task in tuple(proxy._tasks):
            task.cancel()
        await asyncio.gather(*proxy._tasks, return_exceptions=True)
        await asyncio.sleep(0.05)  # transports close their sockets in the loop's next rounds
