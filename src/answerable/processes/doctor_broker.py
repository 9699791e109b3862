"""The doctor's look at the broker: whether it answers, and whether the queues are what we rely on.

Nothing is made: a queue is compared with what we would declare only where there is one.
"""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator, Sequence
from typing import Any
from urllib.parse import urlsplit

from aio_pika import connect
from aio_pika.abc import AbstractConnection
from aio_pika.exceptions import AMQPError, ChannelNotFoundEntity, ChannelPreconditionFailed

from answerable.api.bus.messages import COMMANDS
from answerable.flow.hints import CONVERSATIONS
from answerable.flow.work import QUEUES
from answerable.kit.amqp import dead_letters_of, queue_arguments, queue_name
from answerable.kit.bus import DEAD, MOST_WAITING
from answerable.processes.doctor_report import Finding, ok, problem, warning
from answerable.processes.settings import PREFIX, Settings

KNOCK_SECONDS = 5.0
OLDEST_RABBITMQ = (3, 10)  # before it dead letters could be lost on their way
LOCAL = ("localhost", "127.0.0.1", "::1")
NAME_PREFIX = "answerable"
# Each queue with where its dead letters go.
EXPECTED: dict[str, str | None] = {
    DEAD: None,
    dead_letters_of(COMMANDS): None,
    COMMANDS: dead_letters_of(COMMANDS),
    **dict.fromkeys((CONVERSATIONS, *QUEUES.values()), DEAD),
}


def check_broker(settings: Settings, *, prefix: str = NAME_PREFIX) -> Iterator[Finding]:
    """prefix: of the queues' names."""
    url = settings.get("BROKER")
    if url is None:
        return
    yield from _address(url)
    yield from asyncio.run(_look(url, prefix))


def _address(url: str) -> Iterator[Finding]:
    parts = urlsplit(url)
    if parts.scheme != "amqps" and parts.hostname not in LOCAL:
        told = "hints and events cross the network unencrypted"
        yield warning("broker", told, f"use amqps:// in {PREFIX}BROKER")
    if parts.username in (None, "guest") and parts.hostname not in LOCAL:
        mend = "make an account for Answerable"
        yield warning("broker", "the account is the one that everybody knows", mend)


async def _look(url: str, prefix: str) -> Sequence[Finding]:
    try:
        async with asyncio.timeout(KNOCK_SECONDS), await connect(url) as connection:
            return [
                _version(connection),
                *[finding async for finding in _queues(connection, prefix)],
            ]
    except (AMQPError, OSError, TimeoutError, ValueError) as error:
        # Never the error's own words: the address in them holds a password.
        told = f"no answer ({type(error).__name__})"
        mend = f"start it, or correct {PREFIX}BROKER; until then work waits for the sweep"
        return [problem("broker", told, mend)]


def _version(connection: AbstractConnection) -> Finding:
    transport = connection.transport
    properties = transport.connection.server_properties if transport is not None else {}
    product, version = str(properties.get("product")), str(properties.get("version"))
    numbers = tuple(int(part) for part in version.split(".")[:2] if part.isdigit())
    if product != "RabbitMQ" or numbers < OLDEST_RABBITMQ:
        oldest = ".".join(map(str, OLDEST_RABBITMQ))
        return problem("broker", f"{product} {version}", f"use RabbitMQ {oldest} or newer")
    return ok("broker", f"RabbitMQ {version} answers")


async def _queues(connection: AbstractConnection, prefix: str) -> AsyncIterator[Finding]:
    fit = 0
    for name, dead in EXPECTED.items():
        full = queue_name(prefix, name)
        count = await _waiting(connection, full)
        if count is None:
            continue
        wrong = await _difference(connection, full, queue_arguments(prefix, dead))
        if wrong is not None:
            mend = "stop all processes, delete the queue, and start again: it is made anew"
            yield problem("queues", f"{full} is not what we rely on ({wrong})", mend)
            continue
        fit += 1
        if dead is None and count:
            yield warning("dead letters", f"{full}: {count}", "look at them, then remove them")
        elif count > MOST_WAITING // 2:
            yield warning("queues", f"{full}: {count} wait", "start more workers")
    if fit:
        yield ok("queues", f"{fit} quorum queues, each with its limit of attempts")
    else:
        yield ok("queues", "none yet; they are made at the first start")


async def _waiting(connection: AbstractConnection, full: str) -> int | None:
    """How many messages wait; None if there is no such queue."""
    with contextlib.suppress(ChannelNotFoundEntity):
        async with connection.channel() as channel:
            found = await channel.declare_queue(full, passive=True)
            return found.declaration_result.message_count
    return None


async def _difference(
    connection: AbstractConnection, full: str, arguments: dict[str, Any]
) -> str | None:
    """How the queue differs from what we would declare, in the broker's words."""
    try:
        async with connection.channel() as channel:
            await channel.declare_queue(full, durable=True, arguments=arguments)
    except ChannelPreconditionFailed as error:
        reason = str(error)
        return reason.partition("inequivalent arg ")[2].partition(" for queue")[0] or "other kind"
    return None
