"""Chats that are open and say nothing: memory, processor time, and what others notice of them."""

import asyncio

from benchmarks.lines import Line, percentile
from benchmarks.machine import memory_megabytes, processor_seconds
from benchmarks.measure import Figures, Run, grown
from benchmarks.programs import LOAD, raw_server, served, stay_on_core
from benchmarks.stores import place_of
from benchmarks.talk import CHAT, browsing, enter_all, session_of, signed_in, take_over, talk_at
from tests.support.chaos import until
from tests.support.processes import Instance

TALKERS = 10
A_SECOND = 50.0  # messages, while the others are silent: 1,500 of them, for a steady p99
SESSIONS_AT_ONCE = 20


class Silent:
    """Connections that were welcomed, and only answer when they are asked whether they are there,
    as a browser does; raw ASGI never asks."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self._welcomed = 0

    def take(self, _line: Line, payload: bytes) -> None:
        self._welcomed += b'"type":"welcome"' in payload

    async def enter(self, instance: Instance, number: int) -> None:
        left = iter(range(number))

        async def enters() -> None:
            for _ in left:
                session = await session_of(browser)
                line = await Line.open(instance.port, CHAT, self.take)
                line.send({"type": "hello", "session": session, "after": 0})
                self.lines.append(line)

        async with browsing(instance) as browser:
            await asyncio.gather(*(enters() for _ in range(SESSIONS_AT_ONCE)))
        await until(lambda: self._welcomed == len(self.lines))

    def leave(self) -> None:
        for line in self.lines:
            line.close()


async def chats(run: Run) -> Figures:
    """So many of ours and of a bare server's, then ten times as many, while ten others talk."""
    stay_on_core(LOAD)
    small, large = (100, 1000) if run.quick else (500, 5000)
    seconds = 2 if run.quick else 5
    waits, idle, memory = {}, {}, {}
    async with place_of(run.store) as place, served(place) as instance, raw_server() as (port, raw):
        talkers, silent, bare = await enter_all(instance, TALKERS), Silent(), Silent()
        desk = await signed_in(instance)
        await take_over(desk, TALKERS)
        await desk.aclose()
        await _settled(instance.life.pid)
        none = memory_megabytes(instance.life.pid)
        before = memory_megabytes(raw)
        for number in (small, large):
            await silent.enter(instance, number - len(silent.lines))
            await _settled(instance.life.pid)
            memory[number] = [memory_megabytes(instance.life.pid) - none]
            idle[number] = [await used(instance.life.pid, seconds * 3) * 100]
            many = await talk_at(talkers, a_second=A_SECOND, seconds=seconds * 6)
            waits[number] = [percentile(many, 0.99)]
        bare.lines = [await Line.open(port, "/echo", bare.take) for _ in range(large)]
        yardstick = (memory_megabytes(raw) - before) * 1024 / large
        silent.leave()
        bare.leave()
    ours = memory[large][0] * 1024 / large
    return (
        {
            "bare server, KiB a connection": round(yardstick, 1),
            "idle authenticated chat, KiB": round(ours, 1),
            "ratio": round(ours / yardstick, 2),
            "process without chats, MB": round(none),
        }
        | grown(waits, what="message p99, ms", digits=1)
        | grown(idle, what="idle processor, % of a core", digits=2)
        | grown(memory, what="memory of the chats, MB", digits=1)
    )


async def _settled(pid: int) -> None:
    """Until the server uses little."""
    for _ in range(60):
        if await used(pid, 1.0) < 0.1:
            return


async def quiet(pid: int) -> None:
    """Until a process that has just started has nothing more to prepare."""
    while await used(pid, 1) > 0.05:
        pass


async def used(pid: int, seconds: float) -> float:
    """The share of a core."""
    before = processor_seconds(pid)
    await asyncio.sleep(seconds)
    return (processor_seconds(pid) - before) / seconds
