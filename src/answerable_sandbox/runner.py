"""Putting the outside world on real ports."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator
from contextlib import contextmanager
from types import TracebackType

import uvicorn

from answerable_sandbox.app import create_app
from answerable_sandbox.receiver import MailServer
from answerable_sandbox.world import World, build_world


class _Server(uvicorn.Server):
    """uvicorn without its signal handlers (the program around us owns them), and saying `ready`."""

    def __init__(self, config: uvicorn.Config) -> None:
        super().__init__(config)
        self.ready = asyncio.Event()

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.ready.set()

    @contextmanager
    def capture_signals(self) -> Iterator[None]:
        yield


class Sandbox:
    """The outside world, running in the current event loop while the context is open.

    http_port, smtp_port: 0 takes any free port; see `url` and `smtp_port` for which.
    Entering raises OSError if a port is taken.
    """

    def __init__(
        self,
        world: World | None = None,
        *,
        host: str = "127.0.0.1",
        http_port: int = 0,
        smtp_port: int = 0,
    ) -> None:
        self.world = world or build_world()
        self.host = host
        self.http_port = http_port
        self.smtp_port = smtp_port
        self._sessions: set[MailServer] = set()

    @property
    def url(self) -> str:
        """The origin of the HTTP server, without a final slash."""
        return f"http://{self.host}:{self.http_port}"

    async def __aenter__(self) -> Sandbox:
        """Start both servers; both accept connections when this returns."""
        listener = socket.create_server((self.host, self.http_port))
        self.http_port = listener.getsockname()[1]
        try:
            self._smtp = await asyncio.get_running_loop().create_server(
                lambda: MailServer(self.world, self._sessions), self.host, self.smtp_port
            )
        except OSError:
            listener.close()
            raise
        self.smtp_port = self._smtp.sockets[0].getsockname()[1]
        config = uvicorn.Config(
            create_app(self.world),
            http=self.world.connections.protocol(),
            ws="none",
            lifespan="off",
            log_config=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            timeout_graceful_shutdown=1,
        )
        self._http = _Server(config)
        self._serving = asyncio.create_task(self._http.serve(sockets=[listener]))
        await self._http.ready.wait()
        return self

    async def __aexit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        """Stop both servers and cut whoever is still connected."""
        self._http.should_exit = True
        self.world.connections.cut_all()
        self._smtp.close()
        for session in list(self._sessions):
            session.abort()
        await self._serving
        await self._smtp.wait_closed()

    async def serve_forever(self) -> None:
        """Return only when the HTTP server stops or the task is cancelled."""
        await asyncio.shield(self._serving)
