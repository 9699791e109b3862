"""What is done when five times as much is offered as can be done, and how soon that is over.

Customers ask what the assistant answers by itself, from a sandbox that runs beside the load. First
a little is asked, then as much as is answered, then five times that, whatever is refused, and
then a little again.
"""

import asyncio
import json
import os
import random
import time
import uuid
from collections.abc import Sequence

from answerable_sandbox.runner import Sandbox
from benchmarks.answers import ASKED
from benchmarks.lines import Line, percentile, sleep_until
from benchmarks.measure import Figures, Run
from benchmarks.programs import LOAD, served, stay_on_core
from benchmarks.stores import place_of
from benchmarks.talk import browsing, session_of
from tests.support.processes import Instance

CUSTOMERS = 200
QUIET = 10.0  # messages a second
TIMES = 5
MOST_REFUSED_MS = 50.0
BACK_WITHIN = 10.0  # seconds


class Asker:
    """waits: from a message that was accepted to its reply, in milliseconds, in order; several that
    came together may have one reply. late: replies to what was asked before `forget`."""

    def __init__(self, number: int) -> None:
        self.replies = 0
        self.waits: list[float] = []
        self.refusals: list[float] = []
        self.late = 0
        self.codes: set[str] = set()
        self.keeps_asking = False
        self._random = random.Random(number)
        self._sent: dict[str, float] = {}
        self._unanswered: list[float] = []
        self.line: Line

    def take(self, _line: Line, payload: bytes) -> None:
        frame, now = json.loads(payload), time.perf_counter()
        match frame["type"]:
            case "ack":
                self._unanswered.append(self._sent.pop(frame["client_id"]))
            case "error":
                self.codes.add(frame["code"])
                self.refusals.append((now - self._sent.pop(frame["client_id"])) * 1000)
            case "event" if frame["event"].get("author") == "assistant":
                self.replies += 1
                if self._unanswered:
                    self.waits.append((now - self._unanswered.pop(0)) * 1000)
                else:
                    self.late += 1
                if self.keeps_asking:
                    self.ask()
            case "event" if frame["event"]["kind"] == "notice":
                self.codes.add(frame["event"]["code"])

    def ask(self) -> None:
        client_id = str(uuid.UUID(int=self._random.getrandbits(128)))
        self._sent[client_id] = time.perf_counter()
        text = self._random.choice(ASKED)
        self.line.send({"type": "message", "client_id": client_id, "text": text})

    def forget(self) -> None:
        self.replies = 0
        self.late = 0
        self.waits.clear()
        self.refusals.clear()
        self._unanswered.clear()


async def overload(run: Run) -> Figures:
    """L05."""
    stay_on_core(LOAD)
    seconds = float(run.pick(5, 20))
    async with Sandbox() as sandbox:
        more = {"CONNECTOR_CORE_BANKING_URL": f"{sandbox.url}/core"}
        async with place_of(run.store, more=more) as place, served(place) as instance:
            askers = await _enter(instance)
            before = await _ask_at(askers, QUIET, seconds)
            peak = await _ask_as_answered(askers, seconds)
            during = await _ask_at(askers, TIMES * peak, seconds)
            await asyncio.sleep(BACK_WITHIN)
            after = await _ask_at(askers, QUIET, seconds)
            for asker in askers:
                asker.line.close()
    return {
        "answered a second, at most": round(peak, 1),
        f"answered a second, {TIMES} times that offered": round(during["a second"], 1),
        "ratio": round(during["a second"] / peak, 2),
        "refused": during["refused"],
        "a refusal p99 ms": during["refusal p99"],
        "reply p95 ms before, during, after": [one["p95"] for one in (before, during, after)],
        "replies to questions of before, then, during, after": [
            one["late"] for one in (before, during, after)
        ],
        "told": sorted({code for asker in askers for code in asker.codes}),
        "load": round(os.getloadavg()[0], 1),
    }


async def _enter(instance: Instance) -> list[Asker]:
    askers = [Asker(number) for number in range(CUSTOMERS)]
    async with browsing(instance) as browser:
        for asker in askers:
            asker.line = await Line.open(instance.port, "/v1/customer/chat", asker.take)
            session = await session_of(browser)
            asker.line.send({"type": "hello", "session": session, "after": 0})
    return askers


async def _ask_at(askers: Sequence[Asker], a_second: float, seconds: float) -> Figures:
    """So much, evenly and by all in turn, whatever becomes of it."""
    for asker in askers:
        asker.forget()
    began = time.perf_counter()
    for number in range(int(a_second * seconds)):
        if (due := began + number / a_second) > time.perf_counter():
            await sleep_until(due)
        elif number % 50 == 0:
            await asyncio.sleep(0)  # the answers want to be read
        askers[number % len(askers)].ask()
    took = time.perf_counter() - began
    replies = sum(asker.replies for asker in askers)
    refusals = [one for asker in askers for one in asker.refusals]
    await asyncio.sleep(1)
    waits = [one for asker in askers for one in asker.waits]
    return {
        "a second": replies / took,
        "refused": len(refusals),
        "refusal p99": round(percentile(refusals, 0.99), 1) if refusals else 0,
        "p95": round(percentile(waits, 0.95)) if waits else None,
        "late": sum(asker.late for asker in askers),
    }


async def _ask_as_answered(askers: Sequence[Asker], seconds: float) -> float:
    """Replies a second, when each asks again once answered."""
    for asker in askers:
        asker.forget()
        asker.keeps_asking = True
        asker.ask()
    await asyncio.sleep(2)
    before = sum(asker.replies for asker in askers)
    await asyncio.sleep(seconds)
    rate = (sum(asker.replies for asker in askers) - before) / seconds
    for asker in askers:
        asker.keeps_asking = False
    await asyncio.sleep(2)
    return rate
