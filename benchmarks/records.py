"""The ledger as it grows: verifying an export, disk, backup."""

import asyncio
import os
import tempfile
import time
from pathlib import Path

from answerable.kit.clock import SystemClock
from answerable.ledger.checkpoint import SigningKey
from answerable.ledger.export import seal_everything, write_export
from answerable.ledger.verify import verify
from answerable.processes.backup import back_up
from benchmarks.exports import make_export, our_verifier
from benchmarks.measure import Figures, Run, compared, grown
from benchmarks.places import Place
from benchmarks.stores import BUILD, TENANT, place_of
from benchmarks.yardsticks.chain import seconds_to_chain


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
                proving[size].append(await _proven(place))
    return (
        grown(disk, what="disk, MB", digits=1)
        | grown(copying, what="backup, s", digits=2)
        | grown(proving, what="export and verify, processor s", digits=2)
        | {"bytes a conversation of one message": {f"{n:,}": round(b) for n, b in messages.items()}}
    )


async def _proven(place: Place) -> float:
    """Processor seconds to seal and export the ledger, and to verify what was exported."""
    key = SigningKey.load_or_create(place.folder / "keys" / "signing.key")
    path = place.scratch / f"export-{os.urandom(4).hex()}.jsonl"
    database, at = place.open(), SystemClock().now()
    began = time.process_time()
    await database.write(lambda tx: seal_everything(tx, TENANT, key, at=at))
    with path.open("wb") as out:
        await database.read(
            lambda tx: write_export(tx, TENANT, key, out, product="benchmark", at=at)
        )
    with path.open("rb") as file:
        assert (await asyncio.to_thread(verify, file)).findings == []
    used = time.process_time() - began
    await database.close()
    return used
