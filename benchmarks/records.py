"""The ledger as it grows: verifying an export, disk, backup."""

import asyncio
import os
import tempfile
import time
from collections.abc import Sequence
from contextlib import AsyncExitStack
from functools import partial
from pathlib import Path

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.clock import SystemClock
from answerable.kit.ids import ConversationId
from answerable.ledger.append import Appender
from answerable.ledger.checkpoint import SigningKey, read_checkpoints
from answerable.ledger.event import NewEvent
from answerable.ledger.export import seal_everything, write_export
from answerable.ledger.tables import stream
from answerable.ledger.verify import verify
from answerable.processes.backup import back_up
from answerable.processes.incremental import back_up_since
from benchmarks.exports import make_export, our_verifier
from benchmarks.measure import Figures, Run, compared, grown
from benchmarks.places import Place
from benchmarks.stores import BUILD, TENANT, place_of
from benchmarks.yardsticks.chain import seconds_to_chain

NEW = 500
PROVED_ON = f"export and verify {NEW} new events, processor s"
COPIED_ON = f"incremental backup of {NEW} new events, s"


async def verified(run: Run) -> Figures:
    """The verifier of the standard library, over an export with checkpoints; processor time."""
    bare, ours = [], []
    with tempfile.TemporaryDirectory(dir=BUILD) as scratch:
        path = await asyncio.to_thread(make_export, Path(scratch), run.pick(10_000, 100_000))
        with path.open("rb") as file:
            records = sum(1 for _ in file)
        for _ in range(run.rounds):
            bare.append(records / await asyncio.to_thread(seconds_to_chain, path))
            ours.append(records / await asyncio.to_thread(_verifying, path))
    return compared(bare, ours, what="records/s", beside="bare SHA-256 chain, records/s")


def _verifying(path: Path) -> float:
    began = time.process_time()
    our_verifier(path)
    return time.process_time() - began


async def by_number(run: Run) -> Figures:
    """Two stores, of which one is ten times larger: bytes, a backup, and proving the chains."""
    sizes = (1_000, 10_000) if run.quick else (10_000, 100_000)
    disk: dict[int, list[float]] = {size: [] for size in sizes}
    copying: dict[int, list[float]] = {size: [] for size in sizes}
    proving: dict[int, list[float]] = {size: [] for size in sizes}
    proving_on: dict[int, list[float]] = {size: [] for size in sizes}
    messages: dict[int, float] = {}
    for size in sizes:
        async with place_of(run.store, size) as place:
            disk[size].append(place.size_bytes() / 1e6)
            messages[size] = place.size_bytes() / size
            for turn in range(1 if run.quick else 2):
                out = place.scratch / f"copy{turn}"
                began = time.perf_counter()
                await asyncio.to_thread(
                    back_up, place.read_settings(), out, SystemClock(), with_keys=False
                )
                copying[size].append(time.perf_counter() - began)
                whole, new = await _proven(place)
                proving[size].append(whole)
                proving_on[size].append(new)
    copying_on = await _copied_on(run, sizes)
    return (
        grown(disk, what="disk, MB", digits=1)
        | grown(copying, what="backup, s", digits=2)
        | grown(proving, what="export and verify, processor s", digits=2)
        | grown(proving_on, what=PROVED_ON, digits=3)
        | grown(copying_on, what=COPIED_ON, digits=3)
        | {"bytes a conversation of one message": {f"{n:,}": round(b) for n, b in messages.items()}}
    )


async def _proven(place: Place) -> tuple[float, float]:
    """Processor seconds to seal and export the ledger and to verify what was exported; and the
    same of NEW events after that."""
    database, name = place.open(), os.urandom(4).hex()
    key = SigningKey.load_or_create(place.folder / "keys" / "signing.key")
    path, state = place.scratch / f"export-{name}.jsonl", place.scratch / f"accepted-{name}.db"

    async def prove(after: int) -> float:
        at, began = SystemClock().now(), time.process_time()
        await database.write(lambda tx: seal_everything(tx, TENANT, key, at=at))
        write = partial(write_export, product="benchmark", at=at, after=after)
        with path.open("wb") as out:
            await database.read(lambda tx: write(tx, TENANT, key, out))
        with path.open("rb") as file:
            assert (await asyncio.to_thread(verify, file, state=state)).findings == []
        return time.process_time() - began

    whole = await prove(0)
    last = await database.read(lambda tx: read_checkpoints(tx, TENANT)[-1].number)
    await database.write(_add_new)
    new = await prove(last)
    await database.close()
    return whole, new


async def _copied_on(run: Run, sizes: Sequence[int]) -> dict[int, list[float]]:
    """Seconds for an increment with NEW events, one after the other; the sizes take turns."""
    costs: dict[int, list[float]] = {size: [] for size in sizes}
    clock = SystemClock()
    async with AsyncExitStack() as stack:
        places = {
            size: await stack.enter_async_context(place_of(run.store, size)) for size in sizes
        }
        databases = {size: place.open() for size, place in places.items()}
        for place in places.values():
            await asyncio.to_thread(
                back_up, place.read_settings(), place.scratch / "0", clock, track=True
            )
        for turn in range(run.rounds + 1):
            for size, place in places.items():
                await databases[size].write(_add_new)
                out, last = place.scratch / str(turn + 1), place.scratch / str(turn)
                began = time.perf_counter()
                done = await asyncio.to_thread(
                    back_up_since, place.read_settings(), out, last, clock
                )
                if turn:  # the first turn warms the caches
                    costs[size].append(time.perf_counter() - began)
                assert done.changes["event"]["rows"] == NEW
        for database in databases.values():
            await database.close()
    return costs


def _add_new(tx: Connection) -> None:
    """NEW events, each in a conversation that is there."""
    chosen = sa.select(stream.c.id).where(stream.c.tenant == TENANT).limit(NEW)
    ids = [ConversationId(one) for one in tx.scalars(chosen.order_by(stream.c.id))]
    appender = Appender(tx)
    appender.load(ids)
    for one in ids:
        appender.append(one, NewEvent(kind="labelled", data={}), at=SystemClock().now())
    appender.flush()
