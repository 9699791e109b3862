"""Serving: the platform behind its HTTP and WebSocket faces, until told to stop."""

import asyncio
import contextlib
import gc
import signal
import sys
from collections.abc import AsyncIterator, Callable, Mapping, Sequence
from socket import socket

import uvicorn
from fastapi import FastAPI
from starlette.routing import BaseRoute

from answerable.api.app import create_app
from answerable.api.context import ApiSettings
from answerable.api.server import listening_socket, server_config
from answerable.flow.definitions import Definitions
from answerable.kit.errors import Conflict
from answerable.kit.telemetry import get_logger
from answerable.processes.platform import Platform
from answerable.processes.settings import Settings

log = get_logger("processes")

# How long a thread may keep the interpreter while another waits for it. The writer gives it up at
# each statement, and got it back only after Python's 5 ms: at half of the capacity the slowest
# acknowledgements take about half as long with this.
SWITCH_SECONDS = 0.001


def chat_secrets(settings: Settings, definitions: Definitions) -> dict[str, str]:
    """The secrets of signed customer tokens, by the names that definitions chose."""
    names = {
        channel.sign_in.secret
        for tenant in definitions.tenants
        for channel in definitions.active(tenant).channels
        if channel.sign_in is not None
    }
    found = {name: settings.named_secret(name) for name in sorted(names)}
    for name in found:
        if found[name] is None:
            log.warning("secret_missing", setting=name, effect="customers cannot sign in")
    return {name: secret for name, secret in found.items() if secret}


def hook_secrets(settings: Settings, definitions: Definitions) -> dict[str, str]:
    """By integration, what its calls at our hooks are signed with, where that is set."""
    names = {
        name for tenant in definitions.tenants for name in definitions.active(tenant).integrations
    }
    found = {name: settings.hook_secret(name) for name in names}
    return {name: secret for name, secret in found.items() if secret}


def application(
    platform: Platform,
    *,
    secrets: Mapping[str, str],
    home: str = "/console/",
    extra_routes: Sequence[BaseRoute] = (),
) -> FastAPI:
    """A process's application, which starts and stops the platform with itself."""

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await platform.start()
        try:
            yield
        finally:
            await platform.stop()

    return create_app(
        platform.service,
        settings=ApiSettings(
            secrets=dict(secrets),
            hook_secrets=hook_secrets(platform.settings, platform.definitions),
            home=home,
            metrics_token=platform.settings.get("METRICS_TOKEN"),
            desk_origins=frozenset(_listed(platform.settings.get("DESK_ORIGINS"))),
        ),
        relay=platform.relay,
        case_texts=platform.case_texts,
        faces_the_world=platform.role.faces_the_world,
        extra_routes=extra_routes,
        lifespan=lifespan,
    )


def _listed(text: str | None) -> list[str]:
    return [part.strip() for part in (text or "").split(",") if part.strip()]


class _Server(uvicorn.Server):
    """uvicorn, which says when it answers requests."""

    def __init__(self, config: uvicorn.Config, ready: Callable[[int], None]) -> None:
        super().__init__(config)
        self._ready = ready

    async def startup(self, sockets: list[socket] | None = None) -> None:
        await super().startup(sockets)
        if self.started:
            # What stands now stays: models, definitions, routes. To look through it for garbage
            # would stop everybody for 0.1 s every few seconds.
            gc.freeze()
            sys.setswitchinterval(SWITCH_SECONDS)
            port = self.servers[0].sockets[0].getsockname()[1]
            log.info("ready", port=port)
            self._ready(port)


def bind(host: str, port: int) -> socket:
    """The socket to serve on, before anything else is started. Raises Conflict if it is taken."""
    try:
        return listening_socket(host, port)
    except OSError as error:
        raise Conflict(
            "port_taken", f"cannot listen on {host}:{port}: {error.strerror or error}"
        ) from error


async def serve(
    app: FastAPI, listening: socket, *, ready: Callable[[int], None] = lambda _port: None
) -> None:
    """Serve until SIGTERM or SIGINT. ready: told the port once requests are answered."""
    host, port = listening.getsockname()[:2]
    server = _Server(server_config(app, host=host, port=port), ready)
    loop = asyncio.get_running_loop()

    def stop() -> None:
        server.should_exit = True

    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, stop)
    await server._serve(sockets=[listening])
