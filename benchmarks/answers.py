"""From a customer's message to the assistant's reply on the demo bank, as its users see it.

The demo as `answerable demo` runs it, its outside world in the same process; 50 conversations, 25
messages a second in total, each customer asking what the assistant answers by itself.
"""

import asyncio
import json
import os
import random
import tempfile
import time
import uuid
from collections.abc import Sequence
from pathlib import Path

from benchmarks.lines import Line, percentile, sleep_until
from benchmarks.machine import memory_megabytes
from benchmarks.measure import Figures, Run
from tests.support.chaos import KEY
from tests.support.processes import ANSWERABLE, Instance, free_port, living
from tests.support.talkers import open_session

CUSTOMERS = 50
A_SECOND = 25.0
ASKED = (
    "When is your branch in Hamburg open?",
    "What is the EUR to USD exchange rate?",
    "When does the Berlin branch open?",
    "Where is your branch in Munich?",
)


class Demo(Instance):
    """`answerable demo` on free ports."""

    def arguments(self) -> list[str]:
        ports = {"--port": self.port, "--sandbox-port": free_port(), "--sandbox-smtp-port":
                 free_port(), "--mail-port": free_port()}  # fmt: skip
        pairs = [text for name, port in ports.items() for text in (name, str(port))]
        return ["demo", "--data", str(self.data), *pairs]


class _Asker:
    """times: from sending to the first reply, in milliseconds. waiting: since when."""

    def __init__(self, session: str) -> None:
        self.session = session
        self.times: list[float] = []
        self.waiting: float | None = None
        self.unanswered = 0
        self.others: list[str] = []
        self.line: Line

    def take(self, _line: Line, payload: bytes) -> None:
        now = time.perf_counter()
        frame = json.loads(payload)
        if frame["type"] != "event":
            if frame["type"] == "error":
                self.others.append(str(frame))
            return
        event = frame["event"]
        if event.get("author") == "assistant" and self.waiting is not None:
            self.times.append((now - self.waiting) * 1000)
            self.waiting = None
        elif event["kind"] == "notice":
            self.others.append(event["code"])

    def ask(self, text: str) -> None:
        self.unanswered += self.waiting is not None
        self.waiting = time.perf_counter()
        self.line.send({"type": "message", "client_id": str(uuid.uuid4()), "text": text})


async def answers(run: Run) -> Figures:
    seconds = 10 if run.quick else 40
    with tempfile.TemporaryDirectory(dir="build") as scratch:
        demo = Demo(Path(scratch) / "data", command=[str(ANSWERABLE)])
        async with living(demo):
            askers = []
            for _ in range(CUSTOMERS):
                asker = _Asker(await open_session(demo.http, KEY))
                asker.line = await Line.open(demo.port, "/v1/customer/chat", asker.take)
                asker.line.send({"type": "hello", "session": asker.session, "after": 0})
                askers.append(asker)
            await _ask_all(askers, 2 * CUSTOMERS / A_SECOND)
            for asker in askers:
                asker.times.clear()
                asker.unanswered = 0
            load = os.getloadavg()[0]
            await _ask_all(askers, seconds)
            memory = memory_megabytes(demo.life.pid)
            for asker in askers:
                asker.line.close()
            await demo.stop()
    times = [one for asker in askers for one in asker.times]
    return {
        "replies": len(times),
        "p50 ms": round(percentile(times, 0.5), 1),
        "p95 ms": round(percentile(times, 0.95), 1),
        "p99 ms": round(percentile(times, 0.99), 1),
        "unanswered": sum(asker.unanswered for asker in askers),
        "not by the assistant": sorted({one for asker in askers for one in asker.others}),
        "memory MB": round(memory),
        "load": round(load, 1),
    }


async def _ask_all(askers: Sequence[_Asker], seconds: float) -> None:
    """Customers in turn, evenly spread."""
    random_ = random.Random(1)
    began = time.perf_counter()
    for number in range(int(seconds * A_SECOND)):
        await sleep_until(began + number / A_SECOND)
        askers[number % len(askers)].ask(random_.choice(ASKED))
    await asyncio.sleep(1)
