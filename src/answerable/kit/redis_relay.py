"""The relay among processes, over Redis: one channel, on which all tell and all listen.

Nothing is stored in Redis: it may be flushed, restarted or replaced at any time, and needs no
persistence. While it is away nothing is kept here either; when it goes, and when it is back,
everybody looks for what may have been missed. Only a process with a Redis imports this module.
"""

import asyncio
import contextlib
import json
from collections.abc import AsyncIterator, Callable
from typing import Any

from redis.asyncio import Redis
from redis.asyncio.client import PubSub
from redis.asyncio.retry import Retry
from redis.backoff import NoBackoff

from answerable.kit.bus import pause_before
from answerable.kit.relay import Heard, nothing
from answerable.kit.telemetry import SERVER_CONNECTIONS, get_logger

log = get_logger("kit")

MOST_UNTOLD = 10_000  # news that wait to leave; what is more is missed
AT_ONCE = 500  # news in one message
GATHER_SECONDS = 0.005  # between messages, so that news under load share them
ANSWER_SECONDS = 3.0  # a Redis that is silent for longer counts as away
ASK_SECONDS = 3.0  # of silence, after which it is asked whether it is there
STEADY_SECONDS = 5.0  # a connection that lasted so long was no failure

Pause = Callable[[int], float]


class RedisRelay:
    """`run` it. Before it is up, and whenever it is not, what is told is lost.

    url: redis:// or rediss://. channel: the same for all processes of the installation, and of no
    other. process: this one's id, which Redis' own tools show too.
    """

    def __init__(
        self,
        url: str,
        *,
        channel: str,
        process: str,
        pause: Pause = pause_before,
        answer_seconds: float = ANSWER_SECONDS,
        ask_seconds: float = ASK_SECONDS,
    ) -> None:
        self._url = url
        self._channel = channel
        self._process = process
        self._pause = pause
        self._answer_seconds = answer_seconds
        self._ask_seconds = ask_seconds
        self._hearers: dict[str, list[Heard]] = {}
        self._looks: list[Callable[[], None]] = []
        self._untold: dict[tuple[str, str], Callable[[], Any]] = {}
        self._news = asyncio.Event()
        self._gap = False
        self._up = False

    @property
    def is_up(self) -> bool:
        return self._up

    def tell(self, subject: str, key: str, value: Callable[[], Any] = nothing) -> None:
        if not self._up:
            return
        place = (subject, key)
        if place not in self._untold and len(self._untold) >= MOST_UNTOLD:
            self._gap = True
            return
        self._untold[place] = value
        self._news.set()

    def hear(self, subject: str, heard: Heard) -> None:
        self._hearers.setdefault(subject, []).append(heard)

    def on_gap(self, look: Callable[[], None]) -> None:
        self._looks.append(look)

    async def run(self) -> None:
        """Be connected until cancelled."""
        failures = 0
        while True:
            began = asyncio.get_running_loop().time()
            try:
                await self._connected()
            except Exception as error:
                # Whatever it is, a wrong password too, somebody may mend it while we go on.
                if not failures:
                    log.warning("redis_away", why=type(error).__name__)
            lasted = asyncio.get_running_loop().time() - began
            failures = 1 if lasted > STEADY_SECONDS else failures + 1
            await asyncio.sleep(self._pause(failures))

    async def _connected(self) -> None:
        async with self._client() as redis, redis.pubsub() as line:
            await line.subscribe(self._channel)
            _stay_cancelled()
            if await self._message(line) is None:
                raise ConnectionError("no answer")
            self._up, self._gap = True, True  # to tell the others is the first that leaves
            self._news.set()
            log.info("redis_reached")
            self._look()
            ways = [
                asyncio.create_task(self._listen(line)),
                asyncio.create_task(self._publish(redis)),
            ]
            try:
                with SERVER_CONNECTIONS.labels("redis").track_inprogress():
                    done, _ = await asyncio.wait(ways, return_when=asyncio.FIRST_COMPLETED)
                done.pop().result()  # neither ends but by an error
            finally:
                self._up = False
                self._untold.clear()
                self._look()
                for way in ways:
                    way.cancel()
                await asyncio.gather(*ways, return_exceptions=True)

    @contextlib.asynccontextmanager
    async def _client(self) -> AsyncIterator[Redis]:
        client: Redis = Redis.from_url(
            self._url,
            client_name=f"answerable-{self._process}",
            protocol=2,
            retry=Retry(NoBackoff(), 0),  # a broken line is opened again here, not below
            socket_timeout=self._answer_seconds,
            socket_connect_timeout=self._answer_seconds,
        )
        try:
            yield client
        finally:
            with contextlib.suppress(Exception):
                await client.aclose()

    async def _publish(self, redis: Redis) -> None:
        while True:
            await self._news.wait()
            self._news.clear()
            while self._untold or self._gap:
                await redis.publish(self._channel, self._next_message())
                _stay_cancelled()
                await asyncio.sleep(GATHER_SECONDS)

    def _next_message(self) -> bytes:
        gap, self._gap = self._gap, False
        places = list(self._untold)[:AT_ONCE]
        news = [[*place, self._untold.pop(place)()] for place in places]
        told = {"from": self._process, "gap": gap, "news": news}
        return json.dumps(told, separators=(",", ":")).encode()

    async def _listen(self, line: PubSub) -> None:
        asked = False
        while True:
            message = await self._message(line)
            if message is None and asked:
                raise ConnectionError("it has fallen silent")
            asked = message is None
            if asked:
                await line.ping()  # the answer is a message
            elif message and message["type"] == "message":
                self._take(message["data"])

    async def _message(self, line: PubSub) -> dict[str, Any] | None:
        """The next message, or None after a time of silence."""
        found: dict[str, Any] | None = await line.get_message(timeout=self._ask_seconds)
        _stay_cancelled()
        return found

    def _take(self, body: bytes) -> None:
        try:
            told = json.loads(body)
            sender, gap = str(told["from"]), bool(told["gap"])
            news = [(str(subject), str(key), value) for subject, key, value in told["news"]]
        except (ValueError, KeyError, TypeError):
            log.warning("redis_message_not_ours")
            return
        if sender == self._process:
            return
        for subject, key, value in news:
            for heard in self._hearers.get(subject, ()):
                heard(sender, key, value)
        if gap:
            self._look()

    def _look(self) -> None:
        for look in self._looks:
            look()


def _stay_cancelled() -> None:
    """redis-py waits by `asyncio.wait_for`, which before Python 3.12 loses a cancellation that
    comes at the moment of an answer."""
    task = asyncio.current_task()
    if task is not None and task.cancelling():
        raise asyncio.CancelledError
