"""A process whose clock is stepped, as by an operator or a time server, while it runs."""

import argparse
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from pathlib import Path

from answerable.cli.options import run_async, settings
from answerable.processes.roles import role_of
from answerable.processes.serving import application, bind, chat_secrets, serve
from answerable.processes.settings import Settings
from answerable.processes.wiring import open_platform


class SteppedClock:
    """The system's time and as many seconds as the file says; none while it is not there."""

    def __init__(self, file: Path) -> None:
        self._file = file

    def now(self) -> datetime:
        try:
            ahead = float(self._file.read_text())
        except (OSError, ValueError):
            ahead = 0.0
        return datetime.now(UTC) + timedelta(seconds=ahead)


def run_with_clock(arguments: Sequence[str], clock: SteppedClock) -> int:
    """`answerable run`, by another clock."""
    options = argparse.ArgumentParser()
    options.add_argument("command")
    options.add_argument("services", nargs="+", type=Path)
    options.add_argument("--data")
    options.add_argument("--port", type=int)
    given = options.parse_args(arguments)
    run_async(_serve(settings(given.data), given.services, given.port, clock))
    return 0


async def _serve(read: Settings, services: Sequence[Path], port: int, clock: SteppedClock) -> None:
    listening = bind("127.0.0.1", port)
    platform = await open_platform(read, services, clock=clock, role=role_of(read))
    app = application(platform, secrets=chat_secrets(read, platform.definitions))
    await serve(app, listening)
