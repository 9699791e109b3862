"""What the console asks for: pages a second, and what they cost as conversations grow in number."""

import asyncio
import random
import time
from contextlib import AsyncExitStack

from benchmarks.lines import percentile
from benchmarks.measure import Figures, Run, compared, grown
from benchmarks.programs import LOAD, raw_server, served, stay_on_core
from benchmarks.stores import place_of
from benchmarks.talk import cookie_of, enter_all, signed_in, take_over, talk

PAGE = "/v1/desk/conversations?view=queue&limit=50"
SEARCH = "/v1/desk/search"
# A word that a fifth of the conversations have, two that these have, two that none has together,
# one that a single conversation has, and one that nobody ever said.
QUERIES = ("transfer", "payment landlord", "transfer landlord", "order 777", "unheard")
BROWSERS = 8
SUPERVISOR = "supervisor@northwind.example"


class Browser(asyncio.Protocol):
    """Asks for one page again and again over one connection."""

    def __init__(self, path: str, headers: dict[str, str]) -> None:
        lines = "".join(f"{name}: {value}\r\n" for name, value in headers.items())
        self._request = f"GET {path} HTTP/1.1\r\nHost: 127.0.0.1\r\n{lines}\r\n".encode()
        self._buffer = bytearray()
        self._whole = 0
        self.count = 0
        self.asking = False
        self.transport: asyncio.Transport

    @classmethod
    async def open(cls, port: int, path: str, headers: dict[str, str] | None = None) -> "Browser":
        loop = asyncio.get_running_loop()
        _, browser = await loop.create_connection(
            lambda: cls(path, headers or {}), "127.0.0.1", port
        )
        return browser

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        assert isinstance(transport, asyncio.Transport)
        self.transport = transport

    def ask(self) -> None:
        self.transport.write(self._request)

    def data_received(self, data: bytes) -> None:
        self._buffer += data
        if not self._whole:
            end = self._buffer.find(b"\r\n\r\n")
            if end < 0:
                return
            head = bytes(self._buffer[:end]).lower()
            assert head.startswith(b"http/1.1 200"), head
            length = head.partition(b"content-length: ")[2].partition(b"\r\n")[0]
            self._whole = end + 4 + int(length)
        if len(self._buffer) >= self._whole:
            del self._buffer[: self._whole]
            self._whole = 0
            self.count += 1
            if self.asking:
                self.ask()


async def _rate(browsers: list[Browser], seconds: float) -> float:
    before, began = sum(one.count for one in browsers), time.perf_counter()
    for one in browsers:
        one.asking = True
        one.ask()
    await asyncio.sleep(seconds)
    for one in browsers:
        one.asking = False
    rate = (sum(one.count for one in browsers) - before) / (time.perf_counter() - began)
    await asyncio.sleep(0.2)
    return rate


async def inbox(run: Run) -> Figures:
    """The queue's first page of 50, and its very bytes from raw ASGI."""
    stay_on_core(LOAD)
    number = run.pick(10_000, 100_000)
    bare, ours = [], []
    async with place_of(run.store, number) as place, served(place) as instance:
        desk = await signed_in(instance)
        answer = await desk.get(PAGE)
        body = place.scratch / "page.json"
        body.write_bytes(answer.content)
        cookie = {"Cookie": cookie_of(desk)}
        await desk.aclose()
        async with raw_server(body) as (port, _):
            theirs = [await Browser.open(port, "/") for _ in range(BROWSERS)]
            mine = [await Browser.open(instance.port, PAGE, cookie) for _ in range(BROWSERS)]
            for _ in range(run.rounds):
                bare.append(await _rate(theirs, run.seconds))
                ours.append(await _rate(mine, run.seconds))
            for one in (*theirs, *mine):
                one.transport.abort()
    told = compared(bare, ours, what="pages/s", beside="the same bytes from raw ASGI, pages/s")
    return told | {"conversations": f"{number:,}", "bytes a page": len(answer.content)}


async def by_number(run: Run) -> Figures:
    """Two installations at once, of which one is ten times larger, asked in turn."""
    sizes = (1_000, 10_000) if run.quick else (10_000, 100_000)
    waits: dict[str, dict[int, list[float]]] = {}
    intake: dict[int, list[float]] = {size: [] for size in sizes}
    async with AsyncExitStack() as stack:
        desks, talkers = {}, {}
        for size in sizes:
            place = await stack.enter_async_context(place_of(run.store, size))
            instance = await stack.enter_async_context(served(place, core=None))
            desks[size] = await signed_in(instance, SUPERVISOR)
            stack.push_async_callback(desks[size].aclose)
            talkers[size] = await enter_all(instance, 10)
            await take_over(desks[size], 10)
        listed = {size: (await desk.get(PAGE)).json()["items"] for size, desk in desks.items()}
        ids = {size: [item["id"] for item in items] for size, items in listed.items()}
        for _ in range(run.pick(60, 400)):
            for size, desk in desks.items():
                one = random.choice(ids[size])
                query = random.choice(QUERIES)
                began = time.perf_counter()
                (await desk.post(SEARCH, json={"query": query})).raise_for_status()
                wait = (time.perf_counter() - began) * 1000
                waits.setdefault("search", {}).setdefault(size, []).append(wait)
                for what, path in {
                    "inbox page": PAGE,
                    "open a conversation": f"/v1/desk/conversations/{one}",
                    "count badges": "/v1/desk/overview",
                }.items():
                    began = time.perf_counter()
                    (await desk.get(path)).raise_for_status()
                    wait = (time.perf_counter() - began) * 1000
                    waits.setdefault(what, {}).setdefault(size, []).append(wait)
        for _ in range(run.rounds):
            for size, customers in talkers.items():
                intake[size].append(await talk(customers, run.seconds / 2))
        for customer in (one for many in talkers.values() for one in many):
            customer.line.close()
    told: Figures = {}
    for what, by_size in waits.items():
        p95 = {size: [percentile(many, 0.95)] for size, many in by_size.items()}
        told |= grown(p95, what=f"{what} p95, ms", digits=1)
    return told | grown(intake, what="intake, messages/s")
