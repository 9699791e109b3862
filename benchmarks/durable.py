"""Durable chat messages a second, beside bare SQLite: over WebSockets, and without them.

Fifty customers, each of whom says the next thing as soon as the last is acknowledged and shown;
their conversations belong to an agent. Everything is on: redaction, vault, chain, summary, outbox,
commit, acknowledgement, and (over WebSockets) one agent who follows the inbox.
"""

import asyncio
import json
import os
import random
import statistics
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import httpx

from answerable.kit.ids import ConversationId
from answerable.processes.demo import PASSWORD
from benchmarks.lines import Line
from benchmarks.stores import TEXTS, bench_service, give, message
from benchmarks.yardstick import bare_commits
from tests.support.chaos import KEY, until
from tests.support.processes import Instance, living
from tests.support.talkers import open_session

CUSTOMERS = 50
WINDOW = 4  # messages each has on the way: a socket's round trip must not be the measure
AGENT = "agent@northwind.example"


async def without_sockets(*, rounds: int, seconds: float) -> dict[str, Any]:
    """The same at the service: accept, and advance, for each message."""
    bare, ours = [], []
    with tempfile.TemporaryDirectory(dir="build") as scratch:
        folder = Path(scratch)
        service = bench_service(folder / "answerable.db")
        ids = await _owned(service)
        loops = asyncio.create_task(service.run())
        for _ in range(rounds):
            bare.append(await asyncio.to_thread(bare_commits, folder, seconds=seconds))
            ours.append(await _says_all(service, ids, seconds))
        loops.cancel()
        await asyncio.wait([loops])
        await service.database.close()
    return _compared(bare, ours)


async def _owned(service: Any) -> list[ConversationId]:
    accepted = [await service.accept(message(n, "Hello")) for n in range(CUSTOMERS)]
    ids = [one.conversation for one in accepted]
    await service.database.write(lambda tx: give(tx, service._advancer, ids))
    return ids


async def _says_all(service: Any, ids: list[ConversationId], seconds: float) -> float:
    end = time.perf_counter() + seconds
    count = 0

    async def says(number: int) -> None:
        nonlocal count
        random_ = random.Random()  # no two say the same, or it would be a repeat
        while time.perf_counter() < end:
            text = f"{random_.choice(TEXTS)} {random_.random()}"
            await service.accept(message(number, text, to=ids[number]))
            count += 1

    began = time.perf_counter()
    await asyncio.gather(*(says(n) for n in range(CUSTOMERS) for _ in range(WINDOW)))
    await until(lambda: not service._behind)
    return count / (time.perf_counter() - began)


def _compared(bare: list[float], ours: list[float]) -> dict[str, Any]:
    ratios = [mine / theirs for mine, theirs in zip(ours, bare, strict=True)]
    return {
        "bare commits/s": [round(one) for one in bare],
        "messages/s": [round(one) for one in ours],
        "median bare": round(statistics.median(bare)),
        "median ours": round(statistics.median(ours)),
        "ratio": round(statistics.median(ratios), 2),
        "ratios": [round(one, 2) for one in ratios],
    }


class _Customer:
    """Sends the next message when the last was acknowledged. count: of acknowledgements."""

    def __init__(self, number: int, session: str) -> None:
        self.session = session
        self.conversation: str | None = None
        self.count = 0
        self.on_the_way = 0
        self.talking = False
        self.shown = 0
        self._random = random.Random(number)
        self.line: Line

    def take(self, line: Line, payload: bytes) -> None:
        if b'"type":"ack"' in payload or b'"type": "ack"' in payload:
            self.count += 1
            self.on_the_way -= 1
            if self.talking:
                self.say()
        elif b'"event"' in payload[:24]:
            self.shown += 1
        elif b'"welcome"' in payload:
            self.conversation = json.loads(payload)["conversation"]
        elif b'"error"' in payload:
            raise AssertionError(payload)

    def say(self) -> None:
        while self.on_the_way < WINDOW:
            self.on_the_way += 1
            text = f"{self._random.choice(TEXTS)} {self._random.random()}"
            client_id = f"{self._random.getrandbits(128):032x}"
            client_id = "-".join(
                client_id[a:b] for a, b in ((0, 8), (8, 12), (12, 16), (16, 20), (20, 32))
            )
            self.line.send({"type": "message", "client_id": client_id, "text": text})


async def over_sockets(*, rounds: int, seconds: float) -> dict[str, Any]:
    """Server and bare SQLite on the first core, the customers on the second."""
    bare, ours = [], []
    follower = {"events": 0}
    with tempfile.TemporaryDirectory(dir="build") as scratch:
        folder = Path(scratch)
        # A server of the benchmark's own, which differs from `answerable run` in its rate limits.
        command = [*_on_core(0), sys.executable, "-m", "benchmarks.server"]
        instance = Instance(folder / "data", command=command)
        _stay_on_core(1)
        async with living(instance):
            customers = await _customers(instance)
            watcher = await _taken_over(instance, customers, follower)
            for _ in range(rounds):
                bare.append(await _bare_on_core_0(folder, seconds))
                ours.append(await _talk(customers, seconds))
            told = sum(customer.count for customer in customers)
            await asyncio.sleep(1)
            watcher.close()
            for customer in customers:
                customer.line.close()
            await instance.stop()
    return _compared(bare, ours) | {
        "messages": told,
        "shown to customers": sum(customer.shown for customer in customers),
        "told to the agent": follower["events"],
    }


async def _customers(instance: Instance) -> list[_Customer]:
    customers = []
    for number in range(CUSTOMERS):
        customer = _Customer(number, await open_session(instance.http, KEY))
        customer.line = await Line.open(instance.port, "/v1/customer/chat", customer.take)
        customer.line.send({"type": "hello", "session": customer.session, "after": 0})
        customers.append(customer)
    return customers


async def _taken_over(instance: Instance, customers: list[_Customer], told: dict[str, int]) -> Line:
    """Each says one thing, the agent takes all of it over, and follows from then on."""
    for customer in customers:
        customer.say()
    await until(lambda: not any(customer.on_the_way for customer in customers))
    async with httpx.AsyncClient(base_url=instance.http, timeout=30) as desk:
        signed_in = await desk.post(
            "/v1/desk/sessions", json={"email": AGENT, "password": PASSWORD}
        )
        csrf = signed_in.json()["csrf"]
        page: dict[str, Any] = {"next": ""}
        ids: list[str] = []
        while page["next"] is not None:
            query = {"view": "all", "limit": 100} | (
                {"after": page["next"]} if page["next"] else {}
            )
            page = (await desk.get("/v1/desk/conversations", params=query)).json()
            ids += [item["id"] for item in page["items"]]
        for one in ids:
            headers = {"X-CSRF-Token": csrf, "Idempotency-Key": f"take-{one}"}
            answer = await desk.post(
                f"/v1/desk/conversations/{one}/take-over", json={}, headers=headers
            )
            assert answer.status_code == 200, answer.text
        cookie = "; ".join(f"{name}={value}" for name, value in desk.cookies.items())

    def take(_line: Line, payload: bytes) -> None:
        told["events"] += b'"message_received"' in payload

    watcher = await Line.open(
        instance.port, "/v1/desk/stream", take, {"Cookie": cookie, "Origin": instance.http}
    )
    watcher.send({"type": "hello", "after": None})
    return watcher


async def _talk(customers: list[_Customer], seconds: float) -> float:
    before = sum(customer.count for customer in customers)
    began = time.perf_counter()
    for customer in customers:
        customer.talking = True
        customer.say()
    await asyncio.sleep(seconds)
    for customer in customers:
        customer.talking = False
    await until(lambda: not any(customer.on_the_way for customer in customers), look_every=0.005)
    told = sum(customer.count for customer in customers) - before
    return told / (time.perf_counter() - began)


async def _bare_on_core_0(folder: Path, seconds: float) -> float:
    code = (
        "import sys; from pathlib import Path; from benchmarks.yardstick import bare_commits;"
        "print(bare_commits(Path(sys.argv[1]), seconds=float(sys.argv[2])))"
    )
    process = await asyncio.create_subprocess_exec(
        *_on_core(0), sys.executable, "-c", code, str(folder), str(seconds),
        stdout=asyncio.subprocess.PIPE,
    )  # fmt: skip
    out, _ = await process.communicate()
    return float(out)


def _on_core(number: int) -> list[str]:
    return ["taskset", "-c", str(number)]


def _stay_on_core(number: int) -> None:
    os.sched_setaffinity(0, {number})
