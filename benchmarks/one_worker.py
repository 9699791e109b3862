"""One of several processes that take messages in and advance over them, on one PostgreSQL.

    python -m benchmarks.one_worker FOLDER URL NUMBER CUSTOMERS

For each line on standard input, which says for how many seconds, it talks and prints its rate.
"""

import asyncio
import sys
from pathlib import Path

import uvloop

from answerable.kit.telemetry import configure_logging
from benchmarks.durable import says_all
from benchmarks.places import Place
from benchmarks.stores import bench_service, give, message


async def main() -> None:
    configure_logging(level="error")  # not where the rates are told
    folder, url, number, customers = sys.argv[1:5]
    service = bench_service(Place(Path(folder), url))
    first = int(number) * int(customers)
    mine = range(first, first + int(customers))
    ids = [(await service.accept(message(n, f"Hello {n}"))).conversation for n in mine]
    await service.settle()
    await service.database.write(lambda tx: give(tx, service._advancer, ids))
    loops = asyncio.create_task(service.run())
    print("ready", flush=True)
    while line := await asyncio.to_thread(sys.stdin.readline):
        print(await says_all(service, ids, float(line), first=first), flush=True)
    loops.cancel()
    await asyncio.wait([loops])
    await service.stop()
    await service.database.close()


if __name__ == "__main__":
    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(main())
