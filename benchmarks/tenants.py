"""One process with few tenants and with ten times as many."""

import asyncio
import shutil
import time
from dataclasses import replace
from pathlib import Path

import httpx

from benchmarks.idle import quiet, used
from benchmarks.lines import percentile
from benchmarks.machine import memory_megabytes
from benchmarks.measure import Figures, Run, grown
from benchmarks.programs import served
from benchmarks.stores import place_of

DEFINITION = """service: tenant-{n}
brand: {{name: Tenant {n}}}
channels:
  - {{type: chat, name: chat, key: wk_tenant_{n}, origins: ['http://localhost']}}
classification:
  resolutionTypes:
    information: {{role: full-draft}}
  matters:
    - {{name: hours, title: Opening hours, resolutionType: information,
       examples: [when are you open, opening hours please, are you open today,
                  until when are you open, do you open on sunday]}}
    - {{name: parcel, title: A parcel, resolutionType: information,
       examples: [where is my parcel, my parcel is late, track my parcel,
                  the parcel has not come, when does the parcel come]}}
templates:
  handed-off: 'A colleague takes over.'
teams:
  - {{name: service, title: Service}}
escalation:
  defaultTeam: service
  sla: {{standard: {{firstResponse: 4h}}}}
"""


async def by_number(run: Run) -> Figures:
    sizes = (2, 20) if run.quick else (20, 200)
    starts: dict[int, list[float]] = {}
    waits: dict[int, list[float]] = {}
    idle: dict[int, list[float]] = {}
    memory: dict[int, list[float]] = {}
    for size in sizes:
        async with place_of(run.store) as empty:
            models = empty.scratch / "models"
            place = replace(empty, more={"MODELS": str(models)})
            files = _definitions(place.scratch, size)
            async with served(place, core=None, services=files[:1]):
                pass  # it trains the first tenant's model
            await asyncio.to_thread(_share, models, size)
            async with served(place, core=None, services=files) as instance:
                await instance.stop()
                starts[size] = []
                for _ in range(2 if run.quick else 3):
                    starts[size].append(await instance.start())
                    if len(starts[size]) < (2 if run.quick else 3):
                        await instance.stop()
                pid = instance.life.pid
                await quiet(
                    pid
                )  # it loads the models of all tenants but the first when it is ready
                memory[size] = [memory_megabytes(pid)]
                waits[size] = [percentile(await _opened(instance.http, size, run), 0.95)]
                idle[size] = [await used(pid, 3 if run.quick else 10) * 100]
    small, large = sizes
    each = (memory[large][0] - memory[small][0]) * 1024 / (large - small)
    return (
        grown(starts, what="start to ready, s", digits=2)
        | grown(waits, what="a session opened p95, ms", digits=1)
        | grown(idle, what="idle processor, % of a core", digits=2)
        | {"memory of one tenant more, KiB": round(each)}
    )


def _definitions(folder: Path, number: int) -> list[Path]:
    files = []
    for n in range(number):
        file = folder / f"tenant-{n}.yaml"
        file.write_text(DEFINITION.format(n=n), encoding="utf-8")
        files.append(file)
    return files


def _share(models: Path, number: int) -> None:
    """All learn the same: what one has learnt is copied for the others, or it takes for ever."""
    for n in range(1, number):
        shutil.copytree(models / "tenant-0", models / f"tenant-{n}")


async def _opened(http: str, tenants: int, run: Run) -> list[float]:
    """Milliseconds of each of many sessions, of all tenants in turn."""
    times = []
    async with httpx.AsyncClient(base_url=http, timeout=30) as client:
        for number in range(run.pick(100, 400)):
            began = time.perf_counter()
            body = {"key": f"wk_tenant_{number % tenants}"}
            (await client.post("/v1/customer/sessions", json=body)).raise_for_status()
            times.append((time.perf_counter() - began) * 1000)
    return times
