"""Whether the cost of an event grows with its conversation's length, or with the number stored.

Cost: processor time of this process for one message of a customer, accepted, committed and advanced
over, without a socket, in conversations that belong to an agent. The sizes take turns, so that
whatever else the machine does falls on all of them.
"""

import random
import time
from collections.abc import Callable, Sequence
from contextlib import AsyncExitStack
from functools import partial
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.channels.chat.history import History
from answerable.flow.service import Service
from answerable.kit.ids import ConversationId
from answerable.ledger.tables import stream
from benchmarks.measure import Figures, Run, Store, grown
from benchmarks.stores import TENANT, TEXTS, bench_service, give, message, place_of

LENGTHS = (20, 200, 2000)
PRESENT = 500  # customers who write, spread over the whole store
EACH = 32  # messages in one transaction, as under load
COST = "processor, microseconds a message"
OPENED = "opening it, processor microseconds"
DISK = "disk, bytes a message"
Places = Sequence[tuple[int, ConversationId]]


async def by_length(run: Run) -> Figures:
    lengths = LENGTHS[:2] if run.quick else LENGTHS
    async with place_of(run.store) as place:
        service, before = bench_service(place), place.size_bytes()
        history = History(service.database, service.vault, service.pages.links)
        places = {length: await _long(service, n, length) for n, length in enumerate(lengths)}
        await place.take_statistics()
        costs: dict[int, list[float]] = {length: [] for length in lengths}
        opened: dict[int, list[float]] = {length: [] for length in lengths}
        for turn in range(run.pick(11, 41)):
            for number, (length, ids) in enumerate(places.items()):
                cost = await _cost(service, [(number * EACH + n, one) for n, one in enumerate(ids)])
                opening = await _opening(history, ids)
                if turn:  # the first turn warms the caches
                    costs[length].append(cost)
                    opened[length].append(opening)
        await service.database.close()
        messages = EACH * (sum(lengths) + len(lengths) * run.pick(11, 41))
        each = round((place.size_bytes() - before) / messages)
    return grown(costs, what=COST) | grown(opened, what=OPENED) | {DISK: each}


async def _opening(history: History, ids: Sequence[ConversationId]) -> float:
    """Microseconds of processor time for a customer's first page of a conversation."""
    began = time.process_time()
    for one in ids:
        await history.after(TENANT, one, 0, language="en")
    return (time.process_time() - began) / len(ids) * 1e6


async def _long(service: Service, place: int, length: int) -> list[ConversationId]:
    """Conversations of this many turns."""
    numbers = range(place * EACH, (place + 1) * EACH)
    ids = [(await service.accept(message(n, "Hello"))).conversation for n in numbers]
    await service.database.write(lambda tx: give(tx, service._advancer, ids))
    for turn in range(length):
        said = [
            message(n, f"{TEXTS[turn % len(TEXTS)]} {turn}", to=one)
            for n, one in zip(numbers, ids, strict=True)
        ]
        await service.database.write(partial(_take, service, said=said))
    service._behind.clear()
    return ids


def _take(service: Service, tx: Connection, *, said: Sequence[Any]) -> None:
    accepted = service._intake.accept_many(tx, said)
    service._advancer.advance_many(tx, [one.conversation for one, _ in accepted if one])


async def by_number(run: Run) -> Figures:
    """The same 500 customers are about, however many conversations lie there: keys and pages of
    those who are there stay in memory, of the others they do not."""
    chosen: dict[int, Places] = {}

    def choose(size: int, places: Places, random_: random.Random) -> Places:
        return chosen.setdefault(size, random_.sample(places, PRESENT))

    return await _by_number(run, choose)


async def by_number_at_random(run: Run) -> Figures:
    """Each message goes to any conversation of the store: nothing of it is in memory."""
    return await _by_number(run, lambda _size, places, _random: places)


async def _by_number(run: Run, writers: Callable[[int, Places, random.Random], Places]) -> Figures:
    sizes = _numbers(run)
    async with AsyncExitStack() as stack:
        services = {}
        for size in sizes:
            place = await stack.enter_async_context(place_of(run.store, size))
            services[size] = bench_service(place)
        random_ = random.Random(1)
        places = {n: await service.database.read(_owned) for n, service in services.items()}
        costs: dict[int, list[float]] = {size: [] for size in sizes}
        for turn in range(run.pick(11, 41)):
            for size, service in services.items():
                who = writers(size, places[size], random_)
                cost = await _cost(service, random_.sample(who, EACH))
                if turn:
                    costs[size].append(cost)
        for service in services.values():
            await service.database.close()
    return grown(costs, what=COST)


def _numbers(run: Run) -> tuple[int, ...]:
    sizes = (1_000, 10_000, 100_000)
    return sizes[:2] if run.quick else (sizes[1:] if run.store is Store.POSTGRESQL else sizes)


def _owned(tx: Connection) -> list[tuple[int, ConversationId]]:
    """(number of its customer, conversation) of those that an agent has, whatever their age."""
    query = sa.select(stream.c.id).where(stream.c.kind == "conversation").order_by(stream.c.id)
    ids = [ConversationId(row.id) for row in tx.execute(query)]
    return [(number, one) for number, one in enumerate(ids) if number % 4]


async def _cost(service: Service, places: Places) -> float:
    """Microseconds of processor time for one message, of several in one transaction each."""
    said = [message(n, f"{random.choice(TEXTS)} {random.random()}", to=one) for n, one in places]
    began = time.process_time()
    await service.database.write(lambda tx: _take(service, tx, said=said))
    return (time.process_time() - began) / len(said) * 1e6
