"""Changes of address: how long a page takes between the link and the submission, and a thousand
at the same time, each from the mail to the customer who is told that it is done.
"""

import asyncio
import random
import time
from collections import defaultdict
from collections.abc import AsyncIterator, Sequence
from contextlib import AsyncExitStack, asynccontextmanager
from typing import Any

import httpx

from answerable_sandbox.systems.bank_records import Customer
from benchmarks.lines import percentile
from benchmarks.measure import Figures, Run
from benchmarks.places import Place
from benchmarks.programs import LOAD, called, raw_server, served, stay_on_core
from benchmarks.stores import place_of
from tests.support import ledgers
from tests.support.change_chaos import Outside
from tests.support.chaos import Told, until
from tests.support.mail_chaos import mail_port
from tests.support.many_changes import POSTED_AT_ONCE, change_together, check_crowd
from tests.support.movers import SENT, Caller, Mover, new_customers
from tests.support.processes import Instance

CONTACTS = 20  # at their pages at the same time
THINK = (0.2, 0.8)  # seconds before each request: forty a second of all of them together
MOST_MS = 300.0
LONGEST = 3600.0  # seconds
WAITED = "any of them p95, ms"
SUBMITTED = "from the right code to the request at the bank, p95 ms"
BARE = "bare SQLite commits/s, before and after"
PAGES = {
    "look": "a page shown", "confirm": "yes, I want this", "enter": "the address entered",
    "send-code": "a code asked for", "code": "the right code typed",
}  # fmt: skip


class Visitor(Mover):
    """Asks the yardstick too, after each request of theirs."""

    yardstick: Caller
    right_at = 0.0

    async def ask(self, what: str, method: str, path: str, **more: Any) -> httpx.Response:
        act = dict(more.get("data", {})).get("act", what)
        await asyncio.sleep(random.uniform(*THINK))
        if act == "code":
            self.right_at = time.time()
        answer = await super().ask(act, method, path, **more)
        await self.yardstick.ask("yardstick", "GET", "/")
        return answer


async def visited(run: Run) -> Figures:
    """Twenty contacts at once go through their pages, quicker than people read and type."""
    stay_on_core(LOAD)
    async with Outside() as outside, _serving(run, outside) as (place, instance):
        customers = new_customers(outside.world, run.pick(40, 200))
        await _all_write(customers, instance, outside)
        page = place.scratch / "page.html"
        async with Caller(instance.http) as anybody:
            page.write_bytes((await anybody.ask("look", "GET", f"/c/{'A' * 32}")).content)
        async with raw_server(page) as (port, _):
            visitors = await _all_visit(customers, instance, outside, f"http://127.0.0.1:{port}")
        submitted = await _submissions(outside, visitors)
    waits: dict[str, list[float]] = defaultdict(list)
    for one in visitors:
        for what, some in one.waits.items():
            waits[what] += [wait * 1000 for wait in some]
        waits["yardstick"] += [wait * 1000 for wait in one.yardstick.waits["yardstick"]]
    bare = waits.pop("yardstick")
    ours = [wait for some in waits.values() for wait in some]
    return {
        "contacts at once": CONTACTS,
        "changes": len(visitors),
        "requests": len(ours),
        "as many bytes from raw ASGI, p50 / p95 ms": _shown(bare),
        **{f"{PAGES[what]}, p50 / p95 ms": _shown(waits[what]) for what in PAGES},
        WAITED: round(percentile(ours, 0.95), 1),
        "times the yardstick": round(percentile(ours, 0.95) / percentile(bare, 0.95), 1),
        SUBMITTED: round(percentile(submitted, 0.95), 1),
        "told to come again": sum(one.refused for one in visitors),
    }


def _shown(waits: Sequence[float]) -> str:
    return f"{percentile(list(waits), 0.5):.1f} / {percentile(list(waits), 0.95):.1f}"


@asynccontextmanager
async def _serving(run: Run, outside: Outside) -> AsyncIterator[tuple[Place, Instance]]:
    async with AsyncExitStack() as stack:
        place = await stack.enter_async_context(place_of(run.store))
        settings = outside.instance(place.folder, None).settings
        more = Place(place.folder, place.url, settings)
        yield place, await stack.enter_async_context(served(more))


async def _all_write(customers: Sequence[Customer], instance: Instance, outside: Outside) -> None:
    """Until each has the mail with the link."""
    posting = asyncio.Semaphore(POSTED_AT_ONCE)

    async def write(customer: Customer) -> None:
        async with posting, Mover(customer, "", instance.http, outside.letters) as mover:
            await mover.writes(mail_port(instance))
        await outside.letters.get(customer.email, SENT)

    await asyncio.gather(*map(write, customers))


async def _all_visit(
    customers: Sequence[Customer], instance: Instance, outside: Outside, raw: str
) -> list[Visitor]:
    there = asyncio.Semaphore(CONTACTS)

    async def visit(number: int, customer: Customer) -> Visitor:
        host = f"127.1.{number // 250}.{number % 250 + 1}"
        street = f"Ahornweg {number + 1}"
        async with there, Visitor(customer, street, instance.http, outside.letters, host) as one:
            async with Caller(raw) as one.yardstick:
                await one.moves()
            return one

    return await asyncio.gather(*(visit(n, one) for n, one in enumerate(customers)))


async def _submissions(outside: Outside, visitors: Sequence[Visitor]) -> list[float]:
    """Milliseconds from each right code to the request at the bank; part of it is the bank's."""
    journal = outside.world.journal

    def requests() -> dict[str, float]:
        return {
            entry.payload["customer_id"]: entry.at.timestamp()
            for entry in journal.entries(system="core", kind="change")
            if entry.operation == "change requested"
        }

    await until(lambda: len(requests()) == len(visitors), look_every=0.2)
    at = requests()
    return [(at[one.customer.id] - one.right_at) * 1000 for one in visitors]


async def together(run: Run) -> Figures:
    """All at once; two agents try to approve each change."""
    stay_on_core(LOAD)
    flows, told = run.pick(100, 1000), Told()
    async with (
        asyncio.timeout(LONGEST),
        Outside() as outside,
        _serving(run, outside) as (place, instance),
    ):
        store = place.url or place.folder
        bare = [await _commits(run, place)]
        crowd = await change_together(instance, outside, flows=flows)
        await until(lambda: not ledgers.untold(store), within=60 + flows, look_every=2)
        await instance.stop()
        bare.append(await _commits(run, place))
        key_file = place.folder / "keys" / "signing.key"
        check_crowd(crowd, outside, store, told, key_file=key_file)
    waits = [wait * 1000 for what in PAGES for wait in crowd.waits(what)]
    return {
        "changes": flows,
        "lost": told.lost,
        "doubled": told.doubled,
        "stuck": told.stuck,
        "wrong": told.wrong[:10],
        BARE: [round(one) for one in bare],
        **told.figures,
        "a page or an act p50 / p95 ms, all at once": _shown(waits),
    }


async def _commits(run: Run, place: Place) -> float:
    folder = f"Path({str(place.scratch)!r})"
    return await called("disk.bare_commits", folder, f"seconds={run.seconds}")
