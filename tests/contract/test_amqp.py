"""The bus among several processes, while the line to the broker breaks in every way."""

import asyncio
import json
import time
import tracemalloc
from collections import Counter
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from typing import Any

import aio_pika
import pytest
from aio_pika.exceptions import ChannelPreconditionFailed

from answerable.kit.amqp import MOST_UNCONFIRMED, AmqpBus, dead_letters_of, declare
from answerable.kit.bus import Announcement, Answer, Request
from tests.support.brokers import Broker, Inbox, open_broker, opened
from tests.support.chaos import until

JOBS = "jobs"
AT_ONCE_SECONDS = 0.1  # what a publish may take that does not wait for the network


@pytest.fixture
async def broker() -> AsyncIterator[Broker]:
    async with open_broker() as broker:
        yield broker


@asynccontextmanager
async def running(work: Awaitable[None]) -> AsyncIterator[None]:
    task = asyncio.ensure_future(work)
    try:
        yield
    finally:
        task.cancel()
        await asyncio.gather(task, return_exceptions=True)


async def publishes(bus: AmqpBus, body: bytes) -> None:
    """Until it is taken."""
    async with asyncio.timeout(20):
        while not await bus.publish(JOBS, body):  # noqa: ASYNC110
            await asyncio.sleep(0.02)


async def waits(bus: AmqpBus, queue: str, count: int) -> None:
    """Until so many messages wait in the queue."""
    async with asyncio.timeout(20):
        while await bus.waiting(queue) != count:  # noqa: ASYNC110
            await asyncio.sleep(0.05)


# Settling


async def test_a_message_is_settled_only_after_its_handler_returned(broker: Broker) -> None:
    bus, other = broker.bus(), broker.bus(direct=True)
    begun, finish, after = asyncio.Event(), asyncio.Event(), []

    async def handle(_: bytes) -> None:
        begun.set()
        await finish.wait()

    async def again(body: bytes) -> None:
        after.append(body)

    async with opened(bus, other), running(bus.consume(JOBS, handle, at_once=1)):
        await publishes(other, b"unsettled")
        await begun.wait()
        broker.proxy.away()
        async with running(other.consume(JOBS, again, at_once=1)):
            await until(lambda: after == [b"unsettled"], within=10)
            finish.set()

    assert after == [b"unsettled"]


async def test_what_was_settled_does_not_come_again_after_a_cut(broker: Broker) -> None:
    bus = broker.bus()
    seen: list[bytes] = []

    async def handle(body: bytes) -> None:
        seen.append(body)

    async with opened(bus), running(bus.consume(JOBS, handle, at_once=4)):
        await publishes(bus, b"settled")
        await until(lambda: seen == [b"settled"])
        await waits(bus, JOBS, 0)
        broker.proxy.away()
        broker.proxy.back()
        await publishes(bus, b"next")
        await until(lambda: b"next" in seen, within=20)

    assert seen == [b"settled", b"next"]


async def test_cut_again_and_again_nothing_that_was_confirmed_is_lost(broker: Broker) -> None:
    bus, steady = broker.bus(), broker.bus(direct=True)
    seen: Counter[bytes] = Counter()
    confirmed: list[bytes] = []

    async def handle(body: bytes) -> None:
        await asyncio.sleep(0)
        seen[body] += 1

    async with opened(bus, steady), running(bus.consume(JOBS, handle, at_once=16)):
        for round_ in range(5):
            bodies = [b"%d-%d" % (round_, n) for n in range(40)]
            sending = [asyncio.create_task(bus.publish(JOBS, body)) for body in bodies]
            await asyncio.sleep(0)
            broker.proxy.away()
            broker.proxy.back()
            told = await asyncio.gather(*sending)
            confirmed += [body for body, taken in zip(bodies, told, strict=True) if taken]
            await publishes(bus, b"%d-end" % round_)
            confirmed.append(b"%d-end" % round_)
        await until(lambda: set(confirmed) <= set(seen), within=20)

    assert len(confirmed) >= 5


# A broker that is away


async def test_without_a_broker_publishing_says_so_at_once(broker: Broker) -> None:
    broker.proxy.away()
    bus = broker.bus()
    assert not await bus.publish(JOBS, b"before anything was opened")
    await bus.open()
    began = time.monotonic()
    assert not any([await bus.publish(JOBS, b"x") for _ in range(100)])
    assert time.monotonic() - began < 100 * AT_ONCE_SECONDS

    broker.proxy.back()
    await publishes(bus, b"it is back")
    broker.proxy.away()
    await until(lambda: not bus.is_up)
    began = time.monotonic()
    assert not await bus.publish(JOBS, b"away again")
    assert time.monotonic() - began < AT_ONCE_SECONDS
    broker.proxy.back()
    await publishes(bus, b"and back")
    await bus.close()


async def test_a_silent_line_costs_one_second_and_is_opened_anew(broker: Broker) -> None:
    bus = broker.bus()
    async with opened(bus):
        await publishes(bus, b"works")
        broker.proxy.fall_silent()
        began = time.monotonic()
        told = await asyncio.gather(*(bus.publish(JOBS, b"x") for _ in range(200)))
        seconds = time.monotonic() - began

        assert not any(told)
        assert 0.5 < seconds < 1.5
        await publishes(bus, b"works again")


async def test_a_consumer_goes_on_by_itself_however_long_the_broker_was_away(
    broker: Broker,
) -> None:
    """An hour's attempts, without the hour."""
    bus = broker.bus(pause=lambda attempt: 0.001)
    seen: list[bytes] = []

    async def handle(body: bytes) -> None:
        seen.append(body)

    async with opened(bus), running(bus.consume(JOBS, handle, at_once=4)):
        await publishes(bus, b"before")
        await until(lambda: seen == [b"before"])
        broker.proxy.away()
        await until(lambda: broker.proxy.refused > 700, within=60)
        broker.proxy.back()
        await publishes(bus, b"after")
        await until(lambda: seen == [b"before", b"after"], within=20)


async def test_a_bus_can_be_closed_at_any_moment(broker: Broker) -> None:
    """Also in the middle of connecting, which the library is loath to leave."""
    for turn in range(60):
        broker.proxy.back() if turn % 2 else broker.proxy.away()
        bus = broker.bus(pause=lambda attempt: 0.001)
        consuming = asyncio.create_task(bus.consume(JOBS, bus_takes_nothing, at_once=1))
        await bus.open()
        for _ in range(turn):
            await asyncio.sleep(0.001)
        consuming.cancel()
        async with asyncio.timeout(5):
            await asyncio.gather(consuming, return_exceptions=True)
            await bus.close()


async def bus_takes_nothing(_: bytes) -> None:
    await asyncio.Event().wait()


async def test_memory_does_not_grow_while_the_broker_is_away(broker: Broker) -> None:
    bus = broker.bus(pause=lambda attempt: 0.001)
    body = b"x" * 1_000
    async with opened(bus):
        await publishes(bus, b"works")
        broker.proxy.away()
        await until(lambda: broker.proxy.refused > 100, within=30)
        tracemalloc.start()
        for _ in range(20):
            await asyncio.gather(*(bus.publish(JOBS, body) for _ in range(1_000)))
        refused = broker.proxy.refused
        await until(lambda: broker.proxy.refused > refused + 300, within=30)
        kept, _ = tracemalloc.get_traced_memory()
        tracemalloc.stop()

    assert kept < 2_000_000  # and 20 MB were published


async def test_no_more_is_under_way_than_a_silent_broker_may_cost(broker: Broker) -> None:
    bus = broker.bus()
    async with opened(bus):
        await publishes(bus, b"works")
        broker.proxy.fall_silent()
        sending = [asyncio.create_task(bus.publish(JOBS, b"x")) for _ in range(3_000)]
        await asyncio.sleep(0)
        await asyncio.sleep(0)

        assert sum(task.done() for task in sending) >= 3_000 - MOST_UNCONFIRMED
        assert not any(await asyncio.gather(*sending))


# What the queues are


async def test_queues_are_quorum_queues_and_no_others_are_used(broker: Broker) -> None:
    bus = broker.bus(direct=True)
    async with opened(bus):
        assert await bus.publish(JOBS, b"x")
        others: tuple[dict[str, Any], ...] = (
            {},
            {"x-queue-type": "classic"},
            {"x-queue-type": "quorum"},
            {"x-queue-type": "quorum", "x-delivery-limit": 1},
        )
        for arguments in others:
            async with broker.channel() as channel:
                with pytest.raises(ChannelPreconditionFailed):
                    await channel.declare_queue(
                        f"{broker.prefix}.jobs", durable=True, arguments=arguments
                    )


async def test_what_is_published_outlives_the_queues_memory(broker: Broker) -> None:
    bus = broker.bus(direct=True)
    async with opened(bus), broker.channel() as channel:
        assert await bus.publish(JOBS, b"x")
        queue = await channel.get_queue(f"{broker.prefix}.jobs")
        message = await queue.get()

        assert message is not None
        assert message.delivery_mode == aio_pika.DeliveryMode.PERSISTENT
        await message.ack()


async def test_a_queue_of_another_kind_is_refused_and_spoils_no_other(broker: Broker) -> None:
    async with broker.channel() as channel:
        await channel.declare_queue(f"{broker.prefix}.jobs", durable=True)
    bus = broker.bus(direct=True)
    async with opened(bus):
        assert not await bus.publish(JOBS, b"x")
        assert await bus.publish("conversations", b"x")
        assert not await bus.publish(JOBS, b"x")
        assert await bus.waiting("conversations") == 1


async def test_a_queue_that_is_deleted_is_made_again_for_both_sides(broker: Broker) -> None:
    bus = broker.bus(direct=True)
    seen: list[bytes] = []

    async def handle(body: bytes) -> None:
        seen.append(body)

    async with opened(bus), running(bus.consume(JOBS, handle, at_once=4)):
        await publishes(bus, b"1")
        await until(lambda: seen == [b"1"], within=10)
        async with broker.channel() as channel:
            await channel.queue_delete(f"{broker.prefix}.jobs")
        await publishes(bus, b"2")
        await until(lambda: seen == [b"1", b"2"], within=20)


async def test_nobody_hears_how_many_wait_where_there_is_no_broker(broker: Broker) -> None:
    bus = broker.bus()
    async with opened(bus):
        assert await bus.waiting("never-declared") is None
        broker.proxy.away()
        await until(lambda: not bus.is_up)
        assert await bus.waiting(JOBS) is None


# Announcing


def announcements(count: int, begin: int = 0) -> list[Announcement]:
    return [
        Announcement(topic=f"shop.{n % 2}", id=str(n), body=b"%d" % n, media_type="text/plain")
        for n in range(begin, begin + count)
    ]


async def test_announcements_arrive_in_order_by_topic(broker: Broker) -> None:
    bus = broker.bus(direct=True)
    async with opened(bus), broker.channel() as channel:
        everything = await broker.inbox(channel)
        odd = await broker.inbox(channel, "*.1")

        assert await bus.announce("events", announcements(200)) == 200
        await until(lambda: len(everything.messages) == 200 and len(odd.messages) == 100)

    assert [message.message_id for message in everything.messages] == [str(n) for n in range(200)]
    assert [message.body for message in odd.messages] == [b"%d" % n for n in range(1, 200, 2)]


async def test_announcing_goes_on_where_the_cut_was(broker: Broker) -> None:
    bus = broker.bus()
    async with opened(bus), broker.channel() as channel:
        inbox: Inbox = await broker.inbox(channel)
        told = 0
        for _ in range(4):
            sending = asyncio.create_task(bus.announce("events", announcements(50, told)))
            await asyncio.sleep(0)
            broker.proxy.away()
            broker.proxy.back()
            told += await sending
            async with asyncio.timeout(20):
                while not (some := await bus.announce("events", announcements(50, told))):  # noqa: ASYNC110
                    await asyncio.sleep(0.02)
            told += some
        await until(lambda: {m.message_id for m in inbox.messages} >= set(map(str, range(told))))

    firsts = list(dict.fromkeys(int(str(m.message_id)) for m in inbox.messages))
    assert firsts == sorted(firsts), "whatever comes twice, no later one comes before its time"


# Requests


Reply = Callable[[Request], Awaitable[Answer]]


async def upper(request: Request) -> Answer:
    refused = request.body == b"no"
    body = json.dumps({"said": request.body.decode(), **request.headers}).encode()
    return Answer(body=body, media_type="application/json", refused=refused)


async def ask(
    broker: Broker, body: bytes, *, reply_to: str | None = None, wait: bool = True
) -> aio_pika.abc.AbstractIncomingMessage | None:
    """As another service does, over the broker's own queue for replies."""
    async with broker.channel() as channel:
        answers = Inbox()
        direct = await channel.get_queue("amq.rabbitmq.reply-to", ensure=False)
        if wait:
            await direct.consume(answers.take, no_ack=True)
        exchange = await channel.get_exchange(f"{broker.prefix}.commands")
        await exchange.publish(
            aio_pika.Message(
                body,
                headers={"who": "crm", "number": 7},
                correlation_id="c-1",
                reply_to="amq.rabbitmq.reply-to" if wait else reply_to,
            ),
            "",
        )
        if not wait:
            return None
        await until(lambda: bool(answers.messages), within=10)
        return answers.messages[0]


@asynccontextmanager
async def served(broker: Broker, answer: Reply = upper) -> AsyncIterator[AmqpBus]:
    bus = broker.bus()
    async with broker.channel() as channel:  # as the first process of the service has done
        await declare(channel, broker.prefix, "commands", asked=True)
    async with opened(bus), running(bus.serve("commands", answer, at_once=4)):
        yield bus


async def test_a_request_is_answered_to_whom_it_says(broker: Broker) -> None:
    async with served(broker):
        answer = await ask(broker, b"hello")

    assert answer is not None
    assert json.loads(answer.body) == {"said": "hello", "who": "crm"}
    assert (answer.correlation_id, answer.content_type) == ("c-1", "application/json")


async def test_a_refusal_that_nobody_waits_for_is_a_dead_letter(broker: Broker) -> None:
    async with served(broker) as bus:
        await ask(broker, b"no")
        await ask(broker, b"yes", wait=False)
        await ask(broker, b"no", wait=False)
        await waits(bus, dead_letters_of("commands"), 1)


async def test_no_answer_goes_into_our_own_queues(broker: Broker) -> None:
    async with served(broker) as bus:
        assert await bus.publish(JOBS, b"ours")
        await ask(broker, b"hello", wait=False, reply_to=f"{broker.prefix}.jobs")
        await ask(broker, b"no", wait=False, reply_to=f"{broker.prefix}.jobs")
        await waits(bus, dead_letters_of("commands"), 1)
        assert await bus.waiting(JOBS) == 1


async def test_a_request_whose_answering_fails_is_tried_again(broker: Broker) -> None:
    tries = 0

    async def at_last(request: Request) -> Answer:
        nonlocal tries
        tries += 1
        if tries < 3:
            raise ConnectionError("not yet")
        return await upper(request)

    async with served(broker, at_last):
        assert await ask(broker, b"hello") is not None
    assert tries == 3
