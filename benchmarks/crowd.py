"""Many agents on one inbox: one event to all of them, what an event costs, and presence."""

import asyncio
import secrets
import statistics
import time
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager

from sqlalchemy import Connection

from answerable.api.access import COOKIE
from answerable.desk.agent import Agent, Role
from answerable.desk.agent_store import add_agent
from answerable.desk.session_store import add_session
from answerable.desk.sessions import token_hash
from answerable.kit.clock import SystemClock
from answerable.kit.ids import AgentId, new_id
from benchmarks.lines import Line
from benchmarks.machine import processor_seconds
from benchmarks.measure import Figures, Run, compared, grown
from benchmarks.places import Place
from benchmarks.programs import LOAD, raw_server, served, stay_on_core
from benchmarks.stores import TENANT, place_of
from benchmarks.talk import Customer, enter_all, follow, signed_in, take_over
from tests.support.chaos import until
from tests.support.processes import Instance

EVENTS = 20  # a round
SAID = {"said": "x" * 300}  # to all: as long as our frame of an event


async def hire(place: Place, number: int) -> list[str]:
    """So many agents, each signed in; the tokens of their sessions."""
    tokens = [secrets.token_urlsafe(32) for _ in range(number)]
    at = SystemClock().now()

    def write(tx: Connection) -> None:
        for one, token in enumerate(tokens):
            agent = Agent(
                id=AgentId(new_id("agt")), tenant=TENANT, name=f"Agent {one}",
                email=f"agent{one}@bench.example", role=Role.AGENT, teams=(),
            )  # fmt: skip
            add_agent(tx, agent, password_hash="none", at=at)
            add_session(
                tx, token_hash=token_hash(token), session_id=new_id("ses"), agent_id=agent.id, at=at
            )

    database = place.open()
    await database.write(write)
    await database.close()
    return tokens


class Crowd:
    """Agents who follow. heard: how many frames with the awaited words have come to all of them."""

    def __init__(self) -> None:
        self.lines: list[Line] = []
        self.heard = 0
        self.awaited = b""
        self.last = 0.0
        self.welcomed = 0

    def take(self, payload: bytes) -> None:
        if self.awaited and self.awaited in payload:
            self.heard += 1
            self.last = time.perf_counter()
        elif b'"type":"welcome"' in payload:
            self.welcomed += 1

    async def enter(self, instance: Instance, tokens: list[str]) -> None:
        """One after the other, each welcomed before the next."""
        for token in tokens:
            self.lines.append(await follow(instance, f"{COOKIE}={token}", self.take))
        await until(lambda: self.welcomed == len(self.lines))

    def leave(self) -> None:
        for line in self.lines:
            line.close()


@asynccontextmanager
async def crowded(run: Run, number: int) -> AsyncIterator[tuple[Instance, list[str], Customer]]:
    async with place_of(run.store) as place:
        tokens = await hire(place, number)
        async with served(place) as instance:
            [customer] = await enter_all(instance, 1)
            desk = await signed_in(instance)
            await take_over(desk, 1)
            await desk.aclose()
            yield instance, tokens, customer
            customer.line.close()


async def fan_out(run: Run) -> Figures:
    """From a customer's sending (stored, chained and committed on the way) to the last agent."""
    stay_on_core(LOAD)
    number = run.pick(100, 500)
    bare, ours = [], []
    async with crowded(run, number) as (instance, tokens, customer), raw_server() as (port, _):
        crowd, raw = Crowd(), Crowd()
        await crowd.enter(instance, tokens)
        raw.lines = [await Line.open(port, "/all", _taking(raw)) for _ in range(number)]
        await asyncio.sleep(1)
        for _ in range(run.rounds * EVENTS):
            bare.append(await _reaches(raw, b'"said"', lambda: raw.lines[0].send(SAID)))
            ours.append(await _reaches(crowd, b'"message_received"', customer.say))
        crowd.leave()
        raw.leave()
    # A round's events together: one alone says little.
    rounds = [slice(n * EVENTS, (n + 1) * EVENTS) for n in range(run.rounds)]
    return compared(
        [statistics.median(bare[one]) for one in rounds],
        [statistics.median(ours[one]) for one in rounds],
        what="stored and delivered to all, ms",
        beside="raw broadcast to all, ms",
        digits=1,
    ) | {"agents": number}


def _taking(crowd: Crowd) -> Callable[[Line, bytes], None]:
    return lambda _line, payload: crowd.take(payload)


async def _reaches(crowd: Crowd, words: bytes, send: Callable[[], None]) -> float:
    """Milliseconds until the last of the crowd has it."""
    crowd.heard, crowd.awaited = 0, words
    began = time.perf_counter()
    send()
    await until(lambda: crowd.heard >= len(crowd.lines), within=30, look_every=0.002)
    crowd.awaited = b""
    await asyncio.sleep(0.02)
    return (crowd.last - began) * 1000


async def by_agents(run: Run) -> Figures:
    """Processor time of the server: for each agent who enters, and for each event."""
    stay_on_core(LOAD)
    sizes = (20, 200) if run.quick else (50, 500)
    entering: dict[int, list[float]] = {}
    events: dict[int, list[float]] = {}
    for size in sizes:
        async with crowded(run, size) as (instance, tokens, customer):
            crowd, pid = Crowd(), instance.life.pid
            before = processor_seconds(pid)
            await crowd.enter(instance, tokens)
            await _quiet(pid)
            entering[size] = [(processor_seconds(pid) - before) * 1000]
            events[size] = []
            for _ in range(run.rounds):
                before = processor_seconds(pid)
                for _ in range(EVENTS):
                    await _reaches(crowd, b'"message_received"', customer.say)
                events[size].append((processor_seconds(pid) - before) / EVENTS * 1000)
            crowd.leave()
    return grown(entering, what="all entering, processor ms") | grown(
        events, what="an event, processor ms", digits=1
    )


async def _quiet(pid: int) -> None:
    """Until the server has nothing left to do of what was begun."""
    while True:
        before = processor_seconds(pid)
        await asyncio.sleep(0.5)
        if processor_seconds(pid) - before < 0.05:
            return
