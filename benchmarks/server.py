"""`answerable run` for benchmarks: the same service and API, without limits for each customer."""

import argparse
import contextlib
import os
from collections.abc import AsyncIterator
from pathlib import Path

from fastapi import FastAPI

from answerable.api.app import create_app
from answerable.api.context import ApiSettings
from answerable.channels.chat.service import Rates
from answerable.cli.options import run_async
from answerable.kit.telemetry import configure_logging
from answerable.processes.roles import role_of
from answerable.processes.serving import bind, serve
from answerable.processes.settings import read_settings
from answerable.processes.wiring import open_platform

UNLIMITED = Rates(
    messages=1e6,
    messages_burst=10**6,
    frames=1e6,
    frames_burst=10**6,
)


async def serve_unlimited(arguments: argparse.Namespace) -> None:
    configure_logging(level="warning")
    settings = read_settings(os.environ, DATA=arguments.data)
    platform = await open_platform(settings, arguments.services, role=role_of(settings))

    @contextlib.asynccontextmanager
    async def lifespan(_app: FastAPI) -> AsyncIterator[None]:
        await platform.start()
        yield
        await platform.stop()

    app = create_app(
        platform.service,
        settings=ApiSettings(
            rates=UNLIMITED,
            sessions_per_second=1e6,
            sessions_burst=10**6,
            visits_per_second=1e6,
            visits_burst=10**6,
        ),
        faces_the_world=platform.role.faces_the_world,
        extra_routes=(),
        lifespan=lifespan,
    )
    await serve(app, bind("127.0.0.1", arguments.port))


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("run")
    parser.add_argument("services", type=Path, nargs="+")
    parser.add_argument("--data", required=True)
    parser.add_argument("--port", type=int, required=True)
    run_async(serve_unlimited(parser.parse_args()))


if __name__ == "__main__":
    main()
