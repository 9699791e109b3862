"""Putting the outside world on real ports."""

from __future__ import annotations

import asyncio
from types import TracebackType

from uvicorn import Config
from uvicorn.server import ServerState

from answerable_sandbox.app import create_app
from answerable_sandbox.receiver import MailServer
from answerable_sandbox.routes.sms import tell_reports
from answerable_sandbox.world import World, build_world

TELL_EVERY = 0.5  # seconds


class Sandbox:
    """The outside world, running in the current event loop while the context is open.

    http_port, smtp_port: 0 takes any free port; the attributes then say which.
    tells: whether its systems report by themselves what happens in them; else when told to, by
    `POST /sms/reports` and `POST /crm/feed`.
    Entering raises OSError if a port is taken.

    It uses uvicorn's protocol without uvicorn's server: no signal handlers (the program around us
    owns them) and no patience with open calls when it stops.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        host: str = "127.0.0.1",
        http_port: int = 0,
        smtp_port: int = 0,
        tells: bool = False,
    ) -> None:
        self.world = world or build_world()
        self.host = host
        self.http_port = http_port
        self.smtp_port = smtp_port
        self._tells = tells
        self._telling: asyncio.Task[None] | None = None
        self._sessions: set[MailServer] = set()
        self._state = ServerState()
        self._servers: list[asyncio.Server] = []

    @property
    def url(self) -> str:
        """The origin of the HTTP server, without a final slash."""
        return f"http://{self.host}:{self.http_port}"

    async def __aenter__(self) -> Sandbox:
        """Start both servers; both accept connections when this returns."""
        loop = asyncio.get_running_loop()
        config = Config(
            create_app(self.world),
            http=self.world.connections.protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            timeout_keep_alive=60,  # callers keep pools, and a closed one would look like a fault
        )
        config.load()

        def http_protocol() -> asyncio.Protocol:
            protocol: asyncio.Protocol = config.http_protocol_class(  # type: ignore[call-arg]
                config=config, server_state=self._state, app_state={}
            )
            return protocol

        try:
            http = await loop.create_server(http_protocol, self.host, self.http_port)
            self._servers.append(http)
            smtp = await loop.create_server(
                lambda: MailServer(self.world, self._sessions), self.host, self.smtp_port
            )
            self._servers.append(smtp)
        except OSError:
            await self._stop()
            raise
        self.http_port = http.sockets[0].getsockname()[1]
        self.smtp_port = smtp.sockets[0].getsockname()[1]
        if self._tells:
            self._telling = asyncio.create_task(self._tell_forever())
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop both servers and cut whoever is still connected."""
        await self._stop()

    async def _tell_forever(self) -> None:
        while True:
            await tell_reports(self.world)
            await asyncio.sleep(TELL_EVERY)

    async def _stop(self) -> None:
        if self._telling is not None:
            self._telling.cancel()
            await asyncio.gather(self._telling, return_exceptions=True)
        for server in self._servers:
            server.close()
        self.world.connections.cut_all()
        for session in list(self._sessions):
            session.abort()
        calls = list(self._state.tasks)
        for call in calls:
            call.cancel()
        await asyncio.gather(*calls, return_exceptions=True)
        for server in self._servers:
            await server.wait_closed()
        self._servers.clear()
