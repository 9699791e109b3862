"""Starting: the command line, a service with 100,000 conversations, and the console's pages."""

import asyncio
import compileall
import statistics
import subprocess
import sys
import time
from contextlib import AsyncExitStack

import httpx

from answerable.processes.demo import PASSWORD
from benchmarks.lines import percentile
from benchmarks.machine import memory_megabytes, processor_seconds
from benchmarks.measure import Figures, Run, Store
from benchmarks.stores import place_of
from tests.support.needs import REPOSITORY
from tests.support.processes import ANSWERABLE, Instance, living

SUPERVISOR = "supervisor@northwind.example"
VIEWS = ("queue", "mine", "all")
FRAMEWORK = [sys.executable, "-c", "import fastapi"]  # what a start is compared with


def help_seconds(*, rounds: int) -> Figures:
    """Beside the interpreter's own start, in turn."""
    bare, ours = [], []
    for _ in range(rounds):
        bare.append(_seconds([sys.executable, "-c", "pass"]))
        ours.append(_seconds([str(ANSWERABLE), "--help"]))
    return {
        "python -c pass, s": round(statistics.median(bare), 3),
        "answerable --help, s": round(statistics.median(ours), 3),
        "slowest, s": round(max(ours), 3),
    }


def _seconds(command: list[str]) -> float:
    began = time.perf_counter()
    subprocess.run(command, check=True, capture_output=True)
    return time.perf_counter() - began


async def start_and_pages(run: Run) -> Figures:
    """Start to ready, memory, and what the console asks for, with few and with many stored."""
    found: Figures = {}
    sizes = (1_000, 10_000) if run.quick else (1_000, 100_000)
    # As an installation has them: where Python may write none, it compiles all at each start.
    compileall.compile_dir(REPOSITORY / "src", quiet=1)
    async with AsyncExitStack() as stack:
        instances = {}
        for number in sizes:
            place = await stack.enter_async_context(place_of(Store.SQLITE, number))
            settings = place.settings
            instances[number] = Instance(place.folder, settings=settings, command=[str(ANSWERABLE)])
        starts = await _starts(instances, run.pick(2, 5))
        for number, instance in instances.items():
            async with living(instance):
                pages = await _pages(instance, run.pick(20, 100))
                memory = round(memory_megabytes(instance.life.pid))
                await instance.stop()
            found[f"{number:,} conversations"] = {**starts[number], "memory, MB": memory, **pages}
    return found


async def _starts(instances: dict[int, Instance], rounds: int) -> dict[int, dict[str, float]]:
    """Medians, each start beside an import of the web framework alone."""
    bare: list[float] = []
    ready: dict[int, list[float]] = {number: [] for number in instances}
    worked: dict[int, list[float]] = {number: [] for number in instances}
    for instance in instances.values():  # the first may train the model, and warms the disk cache
        await instance.start()
        await instance.stop()
    for _ in range(rounds):
        bare.append(await asyncio.to_thread(_seconds, FRAMEWORK))
        for number, instance in instances.items():
            ready[number].append(await instance.start())
            worked[number].append(processor_seconds(instance.life.pid))
            await instance.stop()
    yardstick = statistics.median(bare)
    return {
        number: {
            "start to ready, s": round(statistics.median(ready[number]), 2),
            "fastest start, s": round(min(ready[number]), 2),
            "processor until ready, s": round(statistics.median(worked[number]), 2),
            "python -c 'import fastapi', s": round(yardstick, 2),
            "start / that": round(statistics.median(ready[number]) / yardstick, 1),
        }
        for number in instances
    }


async def _pages(instance: Instance, requests: int) -> dict[str, str]:
    """p50 and p95 in milliseconds of what the console asks for."""
    async with httpx.AsyncClient(base_url=instance.http, timeout=60) as desk:
        body = {"email": SUPERVISOR, "password": PASSWORD}
        (await desk.post("/v1/desk/sessions", json=body)).raise_for_status()
        found = {}
        asked: dict[str, list[str]] = {
            f"inbox, {view}": [f"/v1/desk/conversations?view={view}&limit=50"] for view in VIEWS
        }
        listed = (await desk.get("/v1/desk/conversations?view=all&limit=50")).json()["items"]
        ids = [item["id"] for item in listed]
        asked["overview"] = ["/v1/desk/overview"]
        asked["conversation"] = [f"/v1/desk/conversations/{one}" for one in ids]
        asked["its messages"] = [f"/v1/desk/conversations/{one}/messages" for one in ids]
        asked["its timeline"] = [f"/v1/desk/conversations/{one}/events" for one in ids]
        for name, paths in asked.items():
            times = []
            for number in range(requests):
                began = time.perf_counter()
                (await desk.get(paths[number % len(paths)])).raise_for_status()
                times.append((time.perf_counter() - began) * 1000)
            found[f"{name}, ms"] = f"{percentile(times, 0.5):.1f} / {percentile(times, 0.95):.1f}"
            await asyncio.sleep(0)
        return found
