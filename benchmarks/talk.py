"""Customers and an agent over WebSockets, as the load of many measures."""

import asyncio
import json
import random
import time
import uuid
from collections.abc import Sequence
from typing import Any

import httpx

from answerable.processes.demo import PASSWORD
from benchmarks.lines import Line, sleep_until
from benchmarks.stores import TEXTS
from tests.support.chaos import KEY, until
from tests.support.processes import Instance

CHAT = "/v1/customer/chat"
STREAM = "/v1/desk/stream"
AGENT = "agent@northwind.example"
FIRST = "I want to speak to a person, please."  # what the assistant neither answers nor closes
WINDOW = 4  # messages each has on the way: a socket's round trip must not be the measure


class Customer:
    """Says something as soon as there is room, or when told to. waits: of acknowledgements, ms."""

    line: Line

    def __init__(self, number: int, session: str) -> None:
        self.session = session
        self.conversation: str | None = None
        self.acknowledged = 0
        self.on_the_way = 0
        self.talking = False
        self.shown = 0
        self.refused = 0
        self.waits: list[float] = []
        self._sent: dict[str, float] = {}
        self._random = random.Random(number)

    @classmethod
    async def enter(cls, number: int, instance: Instance, browser: httpx.AsyncClient) -> "Customer":
        customer = cls(number, await session_of(browser))
        customer.line = await Line.open(instance.port, CHAT, customer.take)
        customer.line.send({"type": "hello", "session": customer.session, "after": 0})
        return customer

    def take(self, _line: Line, payload: bytes) -> None:
        if b'"type":"ack"' in payload:
            frame = json.loads(payload)
            self.waits.append((time.perf_counter() - self._sent.pop(frame["client_id"])) * 1000)
            self.acknowledged += 1
            self.on_the_way -= 1
            if self.talking:
                self.fill()
        elif payload.startswith(b'{"event":'):
            self.shown += 1
        elif b'"type":"welcome"' in payload:
            self.conversation = json.loads(payload)["conversation"]
        elif b'"type":"error"' in payload:
            self._refused(json.loads(payload))

    def _refused(self, frame: dict[str, Any]) -> None:
        """Too much to do: it is not taken in, and said again later. Nothing else may happen."""
        assert "retry_after_seconds" in frame, frame
        self.refused += 1
        self.on_the_way -= 1
        del self._sent[frame["client_id"]]
        if self.talking:
            asyncio.get_running_loop().call_later(frame["retry_after_seconds"], self._again)

    def _again(self) -> None:
        if self.talking:
            self.fill()

    def fill(self) -> None:
        """Say as much as may be on the way."""
        while self.on_the_way < WINDOW:
            self.say()

    def say(self, text: str | None = None) -> None:
        """No two messages are the same, or they would be repeats."""
        text = text or f"{self._random.choice(TEXTS)} {self._random.random()}"
        client_id = str(uuid.UUID(int=self._random.getrandbits(128)))
        self.on_the_way += 1
        self._sent[client_id] = time.perf_counter()
        self.line.send({"type": "message", "client_id": client_id, "text": text})


async def enter_all(instance: Instance, number: int, *, seed: int = 0) -> list[Customer]:
    """So many customers, each with a conversation that waits for a person."""
    async with browsing(instance) as browser:
        customers = [await Customer.enter(seed + n, instance, browser) for n in range(number)]
    for customer in customers:
        customer.say(FIRST)
    await until(lambda: not any(customer.on_the_way for customer in customers))
    for customer in customers:
        customer.waits.clear()
    return customers


def browsing(instance: Instance) -> httpx.AsyncClient:
    """A client for many: making one costs more than what is asked with it."""
    return httpx.AsyncClient(base_url=instance.http, timeout=60)


async def session_of(browser: httpx.AsyncClient) -> str:
    """A new customer's session."""
    answer = await browser.post("/v1/customer/sessions", json={"key": KEY})
    answer.raise_for_status()
    return str(answer.json()["session"])


async def signed_in(instance: Instance, email: str = AGENT) -> httpx.AsyncClient:
    """A browser at the desk, which may change things. Close it."""
    desk = browsing(instance)
    answer = await desk.post("/v1/desk/sessions", json={"email": email, "password": PASSWORD})
    answer.raise_for_status()
    desk.headers["X-CSRF-Token"] = answer.json()["csrf"]
    return desk


async def take_over(desk: httpx.AsyncClient, number: int) -> None:
    """So many conversations, those in which something was said last, become the agent's: the
    assistant has nothing to do in them, and its work is not measured besides."""
    page: dict[str, Any] = {"next": ""}
    while number > 0 and page["next"] is not None:
        query = {"view": "all", "limit": str(min(100, number))}
        query |= {"after": page["next"]} if page["next"] else {}
        page = (await desk.get("/v1/desk/conversations", params=query)).json()
        number -= len(page["items"])
        for item in page["items"]:
            answer = await desk.post(
                f"/v1/desk/conversations/{item['id']}/take-over",
                json={},
                headers={"Idempotency-Key": f"take-{item['id']}"},
            )
            assert answer.is_success, answer.text


def cookie_of(desk: httpx.AsyncClient) -> str:
    return "; ".join(f"{name}={value}" for name, value in desk.cookies.items())


async def follow(instance: Instance, cookie: str, taken: Any) -> Line:
    """An agent's connection to the stream, from now on. taken: called with each frame."""
    headers = {"Cookie": cookie, "Origin": instance.http}
    line = await Line.open(instance.port, STREAM, lambda _line, one: taken(one), headers)
    line.send({"type": "hello", "after": None})
    return line


async def talk(customers: Sequence[Customer], seconds: float) -> float:
    """Messages a second, acknowledged, each customer saying the next thing at once."""
    before = sum(customer.acknowledged for customer in customers)
    began = time.perf_counter()
    for customer in customers:
        customer.talking = True
        customer.fill()
    await asyncio.sleep(seconds)
    for customer in customers:
        customer.talking = False
    await until(lambda: not any(customer.on_the_way for customer in customers), look_every=0.005)
    told = sum(customer.acknowledged for customer in customers) - before
    return told / (time.perf_counter() - began)


async def talk_at(customers: Sequence[Customer], *, a_second: float, seconds: float) -> list[float]:
    """Milliseconds until each acknowledgement, when so much is said, evenly and by all in turn.

    What is late is sent at once, so that a pause of the server is waited for by all who met it.
    """
    for customer in customers:
        customer.waits.clear()
    began = time.perf_counter()
    for number in range(int(a_second * seconds)):
        due = began + number / a_second
        if due > time.perf_counter():
            await sleep_until(due)
        customers[number % len(customers)].say()
    await until(lambda: not any(customer.on_the_way for customer in customers), look_every=0.005)
    return [wait for customer in customers for wait in customer.waits]
