"""The bus among several processes: RabbitMQ.

Every queue is a quorum queue, which a majority of the broker's nodes has before it confirms, with
a limit of attempts and a way to the dead letters. Publishing and consuming have a connection each,
so that a broker that lets nobody publish still hands out work.

Nothing is kept here for a broker that is away: whoever publishes is told, and finds the work by
other ways. Only a process with a broker imports this module.
"""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable, Mapping, Sequence
from typing import Any

from aio_pika import DeliveryMode, ExchangeType, Message
from aio_pika.abc import (
    AbstractChannel,
    AbstractConnection,
    AbstractExchange,
    AbstractIncomingMessage,
)
from aio_pika.exceptions import AMQPError, ChannelPreconditionFailed, PublishError

from answerable.kit.amqp_line import Line, Pause, end_if_cancelled
from answerable.kit.bus import (
    ATTEMPTS,
    DEAD,
    MOST_WAITING,
    Announcement,
    Answer,
    Handle,
    Request,
    Unusable,
    pause_before,
)
from answerable.kit.telemetry import get_logger

log = get_logger("kit")

CONFIRM_SECONDS = 0.9  # a second, less what the rest of `publish` takes
ANNOUNCE_SECONDS = 10.0
MOST_UNCONFIRMED = 1_024
DECLARE_SECONDS = 5.0
# Before a queue that was deleted is made again: a consumer that was not told of the deletion yet
# would get nothing out of the new one (seen with RabbitMQ 3.10).
DELETED_SECONDS = 1.0

Take = Callable[[AbstractIncomingMessage], Awaitable[None]]


class AmqpBus:
    """A `Bus` on RabbitMQ. `open` it, and `close` it at the end.

    url: amqp:// or amqps://, with the virtual host as its path. prefix: before the names of all
    queues and exchanges. process: what the broker's own tools show for our connections.
    """

    def __init__(
        self,
        url: str,
        *,
        prefix: str = "answerable",
        process: str = "answerable",
        pause: Pause = pause_before,
    ) -> None:
        self._prefix = prefix
        self._pause = pause
        self._out = Line(url, f"{process} out", opened=self._begin_publishing, pause=pause)
        self._in = Line(url, f"{process} in", pause=pause)
        self._channel: AbstractChannel | None = None
        self._fit: dict[str, bool] = {}
        self._deleted: dict[str, float] = {}
        self._declaring = asyncio.Lock()
        self._unconfirmed = 0
        self._tasks: list[asyncio.Task[None]] = []

    @property
    def is_up(self) -> bool:
        """Whether the broker takes what is published."""
        return self._out.is_up

    async def open(self) -> None:
        """Begin to connect. Does not wait: the broker may be away."""
        self._tasks = [asyncio.create_task(line.keep()) for line in (self._out, self._in)]

    async def close(self) -> None:
        """End both connections. What is being handled goes back to its queue."""
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def publish(self, queue: str, body: bytes) -> bool:
        message = Message(body, delivery_mode=DeliveryMode.PERSISTENT)
        channel = self._channel
        if channel is None or not self._out.is_up or self._unconfirmed >= MOST_UNCONFIRMED:
            return False
        name = queue_name(self._prefix, queue)

        async def put() -> bool:
            if not await self._is_there(queue):
                return False
            try:
                await channel.default_exchange.publish(message, name, mandatory=True)
            except PublishError:  # returned: there is no such queue any more
                self._deleted[queue] = asyncio.get_running_loop().time()
                self._fit.pop(queue, None)
                raise
            return True

        return bool(await self._confirmed(put(), within=CONFIRM_SECONDS))

    async def announce(self, exchange: str, messages: Sequence[Announcement]) -> int:
        """Tell all who bound a queue to this topic exchange; how many of the first are confirmed.

        They arrive in this order, and after one that is not confirmed none counts as told: tell it
        and those behind it again.
        """
        channel = self._channel
        if channel is None or not self._out.is_up:
            return 0
        name = f"{self._prefix}.{exchange}"

        async def tell() -> int:
            target = await channel.declare_exchange(name, ExchangeType.TOPIC, durable=True)
            told = await asyncio.gather(
                *(_announce(target, message) for message in messages), return_exceptions=True
            )
            return next((n for n, outcome in enumerate(told) if outcome is not None), len(told))

        return await self._confirmed(tell(), within=ANNOUNCE_SECONDS)

    async def consume(self, queue: str, handle: Handle, *, at_once: int) -> None:
        async def take(message: AbstractIncomingMessage) -> None:
            await handle(message.body)

        await self._consume(queue, take, at_once, asked=False)

    async def serve(
        self, queue: str, answer: Callable[[Request], Awaitable[Answer]], *, at_once: int
    ) -> None:
        """Answer what others ask through the fanout exchange named as the queue, until cancelled.

        The answer goes to where the request's `reply_to` says, with its `correlation_id`, before
        the request is settled. A request refused that wants no answer is a dead letter, in a queue
        of its own: what it says is for people, and no work of ours.
        """

        async def take(message: AbstractIncomingMessage) -> None:
            told = await answer(Request(body=message.body, headers=_texts(message.headers)))
            if message.reply_to and self._may_answer_to(message.reply_to):
                await self._reply(message, message.reply_to, told)
            elif told.refused:
                raise Unusable

        await self._consume(queue, take, at_once, asked=True)

    async def waiting(self, queue: str) -> int | None:
        """How many messages wait in a queue to be taken; None if nobody can say now."""
        if not self._in.is_up:
            return None
        with contextlib.suppress(AMQPError, OSError, RuntimeError, TimeoutError):
            async with asyncio.timeout(DECLARE_SECONDS):
                connection = await self._in.connection()
                async with connection.channel(publisher_confirms=False) as channel:
                    name = queue_name(self._prefix, queue)
                    found = await channel.declare_queue(name, passive=True)
                    return found.declaration_result.message_count
        return None

    # Publishing

    async def _begin_publishing(self, connection: AbstractConnection) -> None:
        self._fit.clear()
        self._channel = await connection.channel(publisher_confirms=True, on_return_raises=True)
        # A channel alone may end, too, and would leave the connection without a voice.
        self._channel.close_callbacks.add(lambda *_: self._out.drop(connection))

    async def _is_there(self, queue: str) -> bool:
        """Whether the queue is there as it must be; declared once for each connection."""
        deleted_at = self._deleted.get(queue)
        if deleted_at is not None:
            if asyncio.get_running_loop().time() < deleted_at + DELETED_SECONDS:
                return False
            self._deleted.pop(queue, None)
        if queue not in self._fit:
            async with self._declaring:
                if queue not in self._fit:
                    connection = await self._out.connection()
                    self._fit[queue] = await fits(connection, self._prefix, queue)
        return self._fit[queue]

    async def _confirmed(self, work: Awaitable[int], *, within: float) -> int:
        """What `work` returns; 0, which is False, if the broker does not confirm in time."""
        self._unconfirmed += 1
        try:
            connection = await self._out.connection()
            async with asyncio.timeout(within):
                return await work
        except TimeoutError:
            self._out.drop(connection)  # the line is dead, or the broker lets nobody publish
        except asyncio.CancelledError:
            # The library cancels what it cannot finish; we end only if it was us who were meant.
            end_if_cancelled()
        except Exception as error:
            end_if_cancelled()
            log.info("publish_failed", why=type(error).__name__)
        finally:
            self._unconfirmed -= 1
        return 0

    async def _reply(self, request: AbstractIncomingMessage, reply_to: str, answer: Answer) -> None:
        channel = self._channel
        if channel is None or not self._out.is_up:
            raise ConnectionError("the answer cannot be sent now")
        message = Message(
            answer.body, content_type=answer.media_type, correlation_id=request.correlation_id
        )

        async def put() -> bool:
            # Not mandatory: whoever asked may be gone, and so is the wish to know.
            await channel.default_exchange.publish(message, reply_to, mandatory=False)
            return True

        if not await self._confirmed(put(), within=CONFIRM_SECONDS):
            raise ConnectionError("the answer was not confirmed")

    def _may_answer_to(self, reply_to: str) -> bool:
        """Never into our own queues: who may only ask must not command by our hand."""
        return not reply_to.startswith(f"{self._prefix}.")

    # Consuming

    async def _consume(self, queue: str, take: Take, at_once: int, *, asked: bool) -> None:
        work: set[asyncio.Task[None]] = set()
        places = asyncio.Semaphore(at_once)  # beyond prefetch: what a broken line left running

        async def settle(message: AbstractIncomingMessage) -> None:
            async with places:
                await self._settle(queue, message, take)

        async def receive(message: AbstractIncomingMessage) -> None:
            # A task of our own: the library's end with the channel, and work is not left half done.
            task = asyncio.create_task(settle(message))
            work.add(task)
            task.add_done_callback(work.discard)

        failures = 0
        try:
            while True:
                connection = await self._in.connection()
                try:
                    async with connection.channel(publisher_confirms=False) as channel:
                        ended = await _end_of(channel)
                        async with asyncio.timeout(DECLARE_SECONDS):
                            await channel.set_qos(prefetch_count=at_once)
                            await declare(channel, self._prefix, queue, asked=asked)
                            name = queue_name(self._prefix, queue)
                            await (await channel.get_queue(name, ensure=False)).consume(receive)
                        failures = 0
                        await ended.wait()
                        if not channel.is_closed:
                            await asyncio.sleep(DELETED_SECONDS)
                except Exception as error:
                    end_if_cancelled()
                    log.warning("consuming_failed", queue=queue, why=type(error).__name__)
                failures += 1
                await asyncio.sleep(self._pause(failures))
        finally:
            for task in work:
                task.cancel()
            await asyncio.gather(*work, return_exceptions=True)

    async def _settle(self, queue: str, message: AbstractIncomingMessage, take: Take) -> None:
        failures = int(str((message.headers or {}).get("x-delivery-count", 0)))
        # The line may break meanwhile: then the broker hands the message out again.
        with contextlib.suppress(AMQPError, OSError, RuntimeError):
            try:
                await take(message)
            except Unusable:
                await message.reject(requeue=False)
            except Exception as error:
                log.warning("message_failed", queue=queue, why=type(error).__name__)
                await asyncio.sleep(self._pause(failures + 1))
                await message.reject(requeue=True)
            else:
                await message.ack()


def queue_name(prefix: str, queue: str) -> str:
    return f"{prefix}.{queue}"


def dead_letters_of(queue: str) -> str:
    """Where a person finds the refused requests of a queue that others ask through."""
    return f"{DEAD}.{queue}"


def queue_arguments(prefix: str, dead: str | None) -> dict[str, Any]:
    """What makes a queue what we rely on; another of that name is not used.

    dead: where its dead letters go; None: it holds dead letters itself.
    """
    if dead is None:
        return {"x-queue-type": "quorum"}  # nothing leaves it by itself
    return {
        "x-queue-type": "quorum",
        "x-delivery-limit": ATTEMPTS - 1,  # RabbitMQ counts what comes after the first
        "x-dead-letter-exchange": queue_name(prefix, dead),
        # Dead letters are not lost on their way either; that needs the other overflow.
        "x-dead-letter-strategy": "at-least-once",
        "x-overflow": "reject-publish",
        "x-max-length": MOST_WAITING,
    }


async def declare(
    channel: AbstractChannel, prefix: str, queue: str, *, asked: bool = False
) -> None:
    """Make the queue with its way to the dead letters, where they are not there yet.

    asked: others ask through it, by a fanout exchange of the same name.
    Raises ChannelPreconditionFailed if something of that name is there and is not the same.
    """
    dead = dead_letters_of(queue) if asked else DEAD
    await _declare_bound(channel, prefix, dead, None)
    if asked:
        await _declare_bound(channel, prefix, queue, dead)
    elif queue != DEAD:
        name = queue_name(prefix, queue)
        await channel.declare_queue(name, durable=True, arguments=queue_arguments(prefix, dead))


async def _declare_bound(
    channel: AbstractChannel, prefix: str, name: str, dead: str | None
) -> None:
    """A queue, and a fanout exchange of the same name that leads to it."""
    full = queue_name(prefix, name)
    await channel.declare_exchange(full, ExchangeType.FANOUT, durable=True)
    arguments = queue_arguments(prefix, dead)
    made = await channel.declare_queue(full, durable=True, arguments=arguments)
    await made.bind(full)


async def fits(connection: AbstractConnection, prefix: str, queue: str) -> bool:
    """`declare`, telling whether it could; on a channel of its own, which a refusal ends."""
    channel = connection.channel(publisher_confirms=False)
    try:
        await channel.initialize()
        await declare(channel, prefix, queue)
    except ChannelPreconditionFailed:
        log.error("queue_unfit", queue=queue)
        return False
    finally:
        with contextlib.suppress(AMQPError, OSError, RuntimeError):
            await channel.close()
    return True


async def _announce(exchange: AbstractExchange, announcement: Announcement) -> None:
    message = Message(
        announcement.body,
        content_type=announcement.media_type,
        message_id=announcement.id,
        delivery_mode=DeliveryMode.PERSISTENT,
    )
    # Not mandatory: it is no mistake if nobody wants to know.
    await exchange.publish(message, announcement.topic, mandatory=False)


async def _end_of(channel: AbstractChannel) -> asyncio.Event:
    """Set when the channel is closed, or when the broker ends a consumer on it."""
    ended = asyncio.Event()
    channel.close_callbacks.add(lambda *_: ended.set())
    beneath = await channel.get_underlay_channel()
    beneath.on_consumer_cancel_callbacks.add(lambda _: ended.set())
    return ended


def _texts(headers: Mapping[str, object] | None) -> dict[str, str]:
    return {name: value for name, value in (headers or {}).items() if isinstance(value, str)}
