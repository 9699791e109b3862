"""Whether the cost of an event grows with its conversation's length, or with the number stored.

Cost: processor time of this process for one message of a customer, accepted, committed and advanced
over, without a socket, in conversations that belong to an agent. The sizes take turns, so that
whatever else the machine does falls on all of them.
"""

import asyncio
import random
import statistics
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.flow.service import Service
from answerable.kit.ids import ConversationId
from answerable.ledger.store import stream
from benchmarks.stores import TEXTS, bench_service, copy_of, give, message

LENGTHS = (20, 200, 2000)
NUMBERS = (1_000, 10_000, 100_000)
PRESENT = 500  # customers who write, spread over the whole store
EACH = 32  # messages in one transaction, as under load


async def by_length(*, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir="build") as scratch:
        service = bench_service(Path(scratch) / "answerable.db")
        places = {length: await _long(service, n, length) for n, length in enumerate(LENGTHS)}
        costs: dict[int, list[float]] = {length: [] for length in LENGTHS}
        for turn in range(rounds):
            for number, (length, ids) in enumerate(places.items()):
                cost = await _cost(service, [(number * EACH + n, one) for n, one in enumerate(ids)])
                if turn:  # the first turn warms the caches
                    costs[length].append(cost)
        await service.database.close()
    return _told(costs)


async def _long(service: Service, place: int, length: int) -> list[ConversationId]:
    """Conversations of this many turns."""
    numbers = range(place * EACH, (place + 1) * EACH)
    accepted = await asyncio.gather(*(service.accept(message(n, "Hello")) for n in numbers))
    ids = [one.conversation for one in accepted]
    await service.database.write(lambda tx: give(tx, service._advancer, ids))
    for turn in range(length):
        said = [
            message(n, f"{TEXTS[turn % len(TEXTS)]} {turn}", to=one)
            for n, one in zip(numbers, ids, strict=True)
        ]
        await service.database.write(lambda tx, s=said: _take(service, tx, s))
    service._behind.clear()
    service._intake.untold.clear()
    return ids


def _take(service: Service, tx: Connection, said: Sequence[Any]) -> None:
    service._intake.accept_many(tx, said)


async def by_number(*, rounds: int) -> dict[str, Any]:
    with tempfile.TemporaryDirectory(dir="build") as scratch:
        services = {}
        for number in NUMBERS:
            folder = await copy_of(number, Path(scratch) / f"{number}")
            services[number] = bench_service(folder / "answerable.db")
        random_ = random.Random(1)
        # As many customers are about, however many conversations lie there: keys and pages of those
        # who are there stay in memory, of the others they do not.
        places = {
            n: random_.sample(await service.database.read(_owned), PRESENT)
            for n, service in services.items()
        }
        costs: dict[int, list[float]] = {number: [] for number in NUMBERS}
        for turn in range(rounds):
            for number, service in services.items():
                cost = await _cost(service, random_.sample(places[number], EACH))
                if turn:
                    costs[number].append(cost)
        for service in services.values():
            await service.database.close()
    return _told(costs)


def _owned(tx: Connection) -> list[tuple[int, ConversationId]]:
    """(number of its customer, conversation) of those that an agent has, whatever their age."""
    query = sa.select(stream.c.id).where(stream.c.kind == "conversation").order_by(stream.c.id)
    ids = [ConversationId(row.id) for row in tx.execute(query)]
    return [(number, one) for number, one in enumerate(ids) if number % 4]


async def _cost(service: Service, places: Sequence[tuple[int, ConversationId]]) -> float:
    """Microseconds of processor time for one message, of several in one transaction each."""
    said = [message(n, f"{random.choice(TEXTS)} {random.random()}", to=one) for n, one in places]
    began = time.process_time()
    await service.database.write(lambda tx: _take(service, tx, said))
    return (time.process_time() - began) / len(said) * 1e6


def _told(costs: dict[int, list[float]]) -> dict[str, Any]:
    medians = {size: statistics.median(many) for size, many in costs.items()}
    smallest = min(medians)
    return {
        "microseconds a message": {size: round(cost) for size, cost in medians.items()},
        "times the smallest": {
            size: round(cost / medians[smallest], 2) for size, cost in medians.items()
        },
        "rounds": min(map(len, costs.values())),
    }
