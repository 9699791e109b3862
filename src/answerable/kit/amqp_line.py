"""A connection to an AMQP broker that is opened again, for ever, whenever it breaks."""

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable
from typing import Any

from aio_pika import Connection
from aio_pika.abc import AbstractConnection
from aio_pika.connection import make_url

from answerable.kit.bus import pause_before
from answerable.kit.telemetry import SERVER_CONNECTIONS, get_logger

log = get_logger("kit")

CONNECT_SECONDS = 5.0
HEARTBEAT_SECONDS = 5  # a silent broker counts as away after three and a bit of them
CLOSE_SECONDS = 1.0
STEADY_SECONDS = 5.0  # a connection that lasted so long was no failure

# What breaks is said by us, once and as an event; the libraries would print a trace each time.
for _library in ("aio_pika", "aiormq"):
    logging.getLogger(_library).setLevel(logging.CRITICAL)

Pause = Callable[[int], float]


class Line:
    """One connection. opened: prepares each new connection before others get it.

    name: what the broker's own tools show. pause: seconds before the nth attempt in a row.
    """

    def __init__(
        self,
        url: str,
        name: str,
        *,
        opened: Callable[[AbstractConnection], Awaitable[None]] | None = None,
        pause: Pause = pause_before,
    ) -> None:
        if "heartbeat=" not in url:
            url += f"{'&' if '?' in url else '?'}heartbeat={HEARTBEAT_SECONDS}"
        self._url = url
        self._name = name
        self._opened = opened
        self._pause = pause
        self._connection: AbstractConnection | None = None
        self._up = asyncio.Event()
        self._broken = asyncio.Event()

    @property
    def is_up(self) -> bool:
        return self._up.is_set()

    async def connection(self) -> AbstractConnection:
        """The connection, waiting for it if there is none."""
        while self._connection is None:
            await self._up.wait()
        return self._connection

    def drop(self, connection: AbstractConnection) -> None:
        """Give up this connection, if it is still ours: it does not do what it should."""
        if connection is self._connection:
            self._broken.set()

    async def keep(self) -> None:
        """Be connected until cancelled."""
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._connect_once(quiet=failures > 0)
            except Exception as error:
                end_if_cancelled()
                # Whatever it is, a wrong password too, somebody may mend it while we go on.
                if not failures:
                    log.warning("broker_away", line=self._name, why=type(error).__name__)
            lasted = asyncio.get_running_loop().time() - began
            failures = 1 if lasted > CONNECT_SECONDS + STEADY_SECONDS else failures + 1
            await asyncio.sleep(self._pause(failures))

    async def _connect_once(self, *, quiet: bool) -> None:
        self._broken = broken = asyncio.Event()
        properties: dict[str, Any] = {"connection_name": self._name}
        connection = Connection(make_url(self._url), client_properties=properties)
        connection.close_callbacks.add(lambda *_: broken.set())
        try:
            async with asyncio.timeout(CONNECT_SECONDS):
                await connection.connect()
            if self._opened is not None:
                async with asyncio.timeout(CONNECT_SECONDS):
                    await self._opened(connection)
            self._connection = connection
            self._up.set()
            log.info("broker_reached", line=self._name)
            with SERVER_CONNECTIONS.labels("broker").track_inprogress():
                await broken.wait()
            log.warning("broker_lost", line=self._name)
        finally:
            self._connection = None
            self._up.clear()
            await close(connection)


def end_if_cancelled() -> None:
    """Raise what the library made another error of: that this task is to end."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError


async def close(connection: AbstractConnection) -> None:
    """Say goodbye, but do not wait long for an answer: the line may be dead."""
    with contextlib.suppress(Exception):
        async with asyncio.timeout(CLOSE_SECONDS):
            await connection.close()
    if not connection.is_closed:
        await connection.close()  # nothing is left to wait for; it only notes that
