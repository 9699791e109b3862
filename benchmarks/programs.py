"""Programs beside the benchmark: the product's server, the raw one, yardsticks; each on its core.

The server and its yardsticks run on the first core, the load on the second.
"""

import asyncio
import os
import signal
import sys
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

from benchmarks.places import Place
from tests.support.processes import ANSWERABLE, BANK, Instance, free_port, living

CORE = 0
LOAD = 1
BARE = "benchmarks.yardsticks"


def on_core(number: int) -> list[str]:
    return ["taskset", "-c", str(number)]


def stay_on_core(number: int) -> None:
    os.sched_setaffinity(0, {number})


@asynccontextmanager
async def served(
    place: Place,
    *,
    core: int | None = CORE,
    services: Sequence[Path] = (BANK,),
    limits: bool = False,
    role: str = "all",
) -> AsyncIterator[Instance]:
    """The product, serving a place, and stopped properly.

    limits: `answerable run` itself; else the same without limits for each customer.
    """
    pinned = [] if core is None else on_core(core)
    program = [str(ANSWERABLE)] if limits else [sys.executable, "-m", "benchmarks.server"]
    settings = place.settings | ({"ROLE": role} if role != "all" else {})
    data = place.folder if role == "all" else place.folder / f"{role}-{free_port()}"
    if data is not place.folder:
        settings["MASTER_KEY_FILE"] = str(place.folder / "keys" / "master.key")
    instance = Instance(data, settings=settings, services=services, command=[*pinned, *program])
    async with living(instance):
        yield instance
        if instance.is_running:
            await instance.stop()


@asynccontextmanager
async def raw_server(body: Path | None = None) -> AsyncIterator[tuple[int, int]]:
    """(port, process id) of raw ASGI on the same web server. body: what GET is answered with."""
    port = free_port()
    arguments = [str(port), *([str(body)] if body else [])]
    async with running("raw_server", *arguments) as process:
        await answers_on(port)
        yield port, process.pid


@asynccontextmanager
async def running(name: str, *arguments: str) -> AsyncIterator[asyncio.subprocess.Process]:
    """A yardstick that serves until it is no longer needed."""
    command = [*on_core(CORE), sys.executable, "-m", f"{BARE}.{name}", *arguments]
    process = await asyncio.create_subprocess_exec(*command)
    try:
        yield process
    finally:
        if process.returncode is None:
            process.send_signal(signal.SIGKILL)
        await process.wait()


async def told_by(name: str, *arguments: str, core: int | None = CORE) -> float | None:
    """The number a yardstick prints; None if what it needs is not installed."""
    pinned = [] if core is None else on_core(core)
    process = await asyncio.create_subprocess_exec(
        *pinned, sys.executable, "-m", f"{BARE}.{name}", *arguments,
        stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, errors = await process.communicate()
    if process.returncode and b"ModuleNotFoundError" in errors:
        return None
    assert process.returncode == 0, errors.decode()
    return float(out.split()[-1])


async def called(call: str, *arguments: object) -> float:
    """What a function of the yardsticks returns, called in a process on the server's core.

    call: "module.function"; arguments: as Python writes them.
    """
    module, _, function = call.rpartition(".")
    given = ", ".join(map(str, arguments))
    imports = f"from pathlib import Path; from {BARE}.{module} import {function}"
    code = f"{imports}; print({function}({given}))"
    process = await asyncio.create_subprocess_exec(
        *on_core(CORE), sys.executable, "-c", code, stdout=asyncio.subprocess.PIPE
    )
    out, _ = await process.communicate()
    assert process.returncode == 0
    return float(out)


async def answers_on(port: int) -> None:
    """Until something listens there."""
    async with asyncio.timeout(30):
        while True:
            try:
                _, writer = await asyncio.open_connection("127.0.0.1", port)
            except OSError:
                await asyncio.sleep(0.02)
                continue
            writer.close()
            return
