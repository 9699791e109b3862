"""Real processes for tests: started, waited for, killed, and started again on the same data."""

import asyncio
import contextlib
import itertools
import json
import os
import secrets
import signal
import socket
import sys
import time
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from pathlib import Path

import httpx

from answerable.kit.failpoints import SETTING as FAILPOINT
from tests.support.needs import REPOSITORY

ANSWERABLE = Path(sys.executable).with_name("answerable")
BANK = REPOSITORY / "build" / "tests" / "northwind-bank.yaml"
# Trained once for all tests and kept between runs; a model is named by its definition's hash.
MODELS = REPOSITORY / "build" / "models"
START_WITHIN = 90.0  # seconds; the first start trains a model
END_WITHIN = 30.0


def _write_bank() -> None:
    """The example, without its brakes on what one contact may send and who is texted: tests have
    few contacts who write a lot, or many who move at once."""
    example = REPOSITORY / "examples" / "northwind-bank" / "service.yaml"
    texts = ", ".join(f"{of}: 1000000 per 24h" for of in ("perPrefix", "perTenant"))
    limits = f"{{messagesPerMinute: 1000000, textMessages: {{{texts}}}}}"
    text = example.read_text(encoding="utf-8") + f"\nlimits: {limits}\n"
    if not BANK.exists() or BANK.read_text(encoding="utf-8") != text:
        BANK.parent.mkdir(parents=True, exist_ok=True)
        written = BANK.with_suffix(f".{os.getpid()}")
        written.write_text(text, encoding="utf-8")
        written.replace(BANK)


_write_bank()


# What a process of the tests gives out: a range of its own, and none of it twice in short time.
_RANGE = 2_000
_WORKER = int(os.environ.get("PYTEST_XDIST_WORKER", "gw0").removeprefix("gw")) % 8
_FIRST = secrets.randbelow(_RANGE)
_ports = itertools.cycle(16_000 + _WORKER * _RANGE + (_FIRST + n) % _RANGE for n in range(_RANGE))


def free_port() -> int:
    """One that is also free a moment later: outgoing connections take theirs from higher up."""
    for port in _ports:
        with contextlib.suppress(OSError), socket.create_server(("127.0.0.1", port)):
            return port
    raise AssertionError("unreachable")


class Zygote:
    """Forks instances from one process that has imported everything; see `zygote.py`.

    A context: whatever was begun in it is killed at its end. path: folders from which it imports
    first, such as another release's.
    """

    def __init__(self, *path: Path) -> None:
        self._path = path
        self._process: asyncio.subprocess.Process | None = None
        self._reading: asyncio.Task[None] | None = None
        self._ready = asyncio.Event()
        self._turn = asyncio.Lock()
        self._began: asyncio.Queue[int] = asyncio.Queue()
        self._ends: dict[int, asyncio.Future[int]] = {}

    async def __aenter__(self) -> "Zygote":
        before = os.environ.get("PYTHONPATH", "")
        self._process = await asyncio.create_subprocess_exec(
            sys.executable, "-m", "tests.support.zygote",
            stdin=asyncio.subprocess.PIPE, stdout=asyncio.subprocess.PIPE, cwd=REPOSITORY,
            env={**os.environ, "PYTHONPATH": os.pathsep.join([*map(str, self._path), before])},
        )  # fmt: skip
        self._reading = asyncio.create_task(self._read())
        async with asyncio.timeout(START_WITHIN):
            await self._ready.wait()
        assert not self._reading.done(), "it ended at the start"
        return self

    async def __aexit__(self, *_: object) -> None:
        assert self._process is not None
        assert self._reading is not None
        for pid, end in self._ends.items():
            if not end.done():
                os.kill(pid, signal.SIGKILL)
        await asyncio.gather(*self._ends.values())
        self._process.kill()
        await self._process.wait()
        await self._reading

    async def begin(
        self,
        arguments: Sequence[str],
        environment: Mapping[str, str],
        log: Path,
        *,
        clock: Path | None = None,
    ) -> "Life":
        assert self._process is not None
        assert self._process.stdin is not None
        order = {
            "arguments": list(arguments), "environment": dict(environment), "log": str(log),
            "clock": None if clock is None else str(clock),
        }  # fmt: skip
        async with self._turn:
            self._process.stdin.write(json.dumps(order).encode() + b"\n")
            pid = await self._began.get()
        return Life(pid, self._end_of(pid))

    def _end_of(self, pid: int) -> asyncio.Future[int]:
        return self._ends.setdefault(pid, asyncio.get_running_loop().create_future())

    async def _read(self) -> None:
        assert self._process is not None
        assert self._process.stdout is not None
        async for line in self._process.stdout:
            told = json.loads(line)
            if "began" in told:
                self._began.put_nowait(told["began"])
            elif "ended" in told:
                self._end_of(told["ended"]).set_result(told["code"])
            else:
                self._ready.set()
        self._ready.set()  # it ended; whoever waits for it must know


@dataclass(frozen=True)
class Life:
    """One process from its start to its end."""

    pid: int
    end: asyncio.Future[int]


async def _begin_alone(command: Sequence[str], environment: Mapping[str, str], log: Path) -> Life:
    """Without a zygote: as a shell would start it."""
    with log.open("ab") as file:
        process = await asyncio.create_subprocess_exec(
            *command, env=dict(environment), stdout=file, stderr=file
        )
    return Life(process.pid, asyncio.ensure_future(process.wait()))


@dataclass
class Instance:
    """One `answerable run` and its data, over as many lives as the test gives it.

    settings: names without ANSWERABLE_. Ports stay the same from life to life, as in service.
    zygote: starts it quickly; None starts it as a shell would, by `command`. clock: the file that
    says how many seconds its clock is ahead, if it can be stepped; this needs a zygote.
    """

    data: Path
    zygote: Zygote | None = None
    services: Sequence[Path] = (BANK,)
    settings: Mapping[str, str] = field(default_factory=dict)
    port: int = field(default_factory=free_port)
    command: Sequence[str] = (str(ANSWERABLE),)
    clock: Path | None = None
    lives: int = 0
    _life: Life | None = None

    @property
    def http(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def chat(self) -> str:
        return f"ws://127.0.0.1:{self.port}/v1/customer/chat"

    @property
    def life(self) -> Life:
        assert self._life is not None, "it was never started"
        return self._life

    @property
    def is_running(self) -> bool:
        return self._life is not None and not self._life.end.done()

    async def start(self, *, failpoint: str | None = None, ready: bool = True) -> float:
        """Begin a life; returns the seconds until it answered. ready: wait for that."""
        self.data.mkdir(parents=True, exist_ok=True)
        self.lives += 1
        began = time.monotonic()
        arguments = self.arguments()
        environment, log = self._environment(failpoint), self.data / "log.txt"
        if self.zygote is not None:
            self._life = await self.zygote.begin(arguments, environment, log, clock=self.clock)
        else:
            self._life = await _begin_alone([*self.command, *arguments], environment, log)
        if ready:
            await self.ready()
        return time.monotonic() - began

    def arguments(self) -> list[str]:
        services = [str(service) for service in self.services]
        return ["run", *services, "--data", str(self.data), "--port", str(self.port)]

    async def ready(self) -> None:
        """Until it says so. Raises AssertionError with its log if it ended instead."""
        async with asyncio.timeout(START_WITHIN), httpx.AsyncClient() as client:
            while self.is_running:
                try:
                    if (await client.get(f"{self.http}/readyz")).status_code == 200:
                        return
                except httpx.TransportError:
                    pass
                await asyncio.sleep(0.02)
        raise AssertionError(f"it ended at the start:\n{self.log()[-3000:]}")

    async def kill(self) -> None:
        """SIGKILL, as the kernel would when memory is short."""
        if self.is_running:
            os.kill(self.life.pid, signal.SIGKILL)
        await self.life.end

    async def stop(self) -> float:
        """SIGTERM; the seconds until it was gone. Raises TimeoutError if it does not go."""
        began = time.monotonic()
        os.kill(self.life.pid, signal.SIGTERM)
        await self.ended()
        return time.monotonic() - began

    async def ended(self, within: float = END_WITHIN) -> int:
        """Its exit code, once it has ended by itself. Raises TimeoutError if it does not."""
        async with asyncio.timeout(within):
            return await asyncio.shield(self.life.end)

    def log(self) -> str:
        return (self.data / "log.txt").read_text(encoding="utf-8", errors="replace")

    def _environment(self, failpoint: str | None) -> dict[str, str]:
        kept = {name: v for name, v in os.environ.items() if not name.startswith("ANSWERABLE_")}
        given = {"MODELS": str(MODELS), "LOG_LEVEL": "warning", **self.settings}
        kept.update({f"ANSWERABLE_{name}": value for name, value in given.items()})
        return kept | ({FAILPOINT: failpoint} if failpoint else {})


@asynccontextmanager
async def living(instance: Instance) -> AsyncIterator[Instance]:
    """The instance, started; whatever happens, nothing of it runs afterwards."""
    try:
        await instance.start()
        yield instance
    finally:
        if instance.is_running:
            await instance.kill()
