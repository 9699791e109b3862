"""One agent's connection to the stream: a listener, and a sender with a bounded queue."""

import asyncio
from collections import deque
from functools import lru_cache
from typing import Any

from answerable.api.context import Api
from answerable.api.desk.feed import RESUMABLE, FeedFrame, TenantFeed
from answerable.api.desk.stream_protocol import (
    DeskClientPong,
    DeskError,
    DeskHello,
    DeskPing,
    DeskPong,
    DeskPresence,
    DeskResync,
    DeskTyping,
    DeskTypingShown,
    DeskWelcome,
    PresentAgent,
    parse_desk_frame,
)
from answerable.channels.chat.connection import Ended
from answerable.channels.chat.protocol import FRAME_BYTES, CloseCode, FrameRefused, frame_text
from answerable.channels.chat.service import Socket
from answerable.channels.chat.signals import Present
from answerable.desk.permission import AgentIdentity
from answerable.desk.sessions import token_hash
from answerable.kit.ids import ConversationId
from answerable.kit.rate_limit import TokenBucket

QUEUED = 2_000  # frames; all connections share the strings, so this costs a list of references


class DeskConnection:
    """Run it once. The session was checked at the handshake; `SessionWatch` does so from then."""

    def __init__(self, api: Api, socket: Socket, identity: AgentIdentity, token: str) -> None:
        rates = api.settings.rates
        self._api = api
        self._socket = socket
        self._identity = identity
        self._hash = token_hash(token)
        self._timing = api.settings.timing
        self._frames = TokenBucket(
            per_second=rates.frames, burst=rates.frames_burst, now=api.chat.seconds()
        )
        self._queue: deque[str] = deque()
        self._filled = asyncio.Event()
        self._position = 0
        self._feed: TenantFeed | None = None
        self._main: asyncio.Task[Any] | None = None
        self._failure: Exception | None = None

    async def run(self) -> None:
        """Serve until the connection or the session ends."""
        self._main = asyncio.current_task()
        sender: asyncio.Task[None] | None = None
        agent = self._identity.agent
        self._api.watch.add(self._hash, self._session_ended)
        try:
            hello = await self._hello()
            sender = asyncio.create_task(self._send_or_end(hello))
            await self._listen()
        except Ended as end:
            await self._close(end)
        except ConnectionError:
            pass
        except asyncio.CancelledError:
            if self._failure is None or self._main is None:
                raise
            self._main.uncancel()
            await self._fail(self._failure)
        finally:
            self._api.watch.remove(self._hash, self._session_ended)
            self._api.signals.agent_leaves(agent.tenant, agent.id, self)
            self._api.feeds.leave(agent.tenant, self)
            if sender is not None:
                sender.cancel()

    async def _fail(self, failure: Exception) -> None:
        if isinstance(failure, Ended):
            await self._close(failure)
        elif not isinstance(failure, ConnectionError):
            await self._close(Ended(CloseCode.OUR_FAULT, "our fault"))
            raise failure

    def _end(self, failure: Exception) -> None:
        if self._failure is None and self._main is not None:
            self._failure = failure
            self._main.cancel()

    def _session_ended(self) -> None:
        self._end(Ended(CloseCode.SESSION_ENDED, "session ended"))

    # Listening

    async def _hello(self) -> DeskHello:
        try:
            async with asyncio.timeout(self._timing.hello_within):
                frame = parse_desk_frame(await self._receive())
        except TimeoutError:
            raise Ended(CloseCode.SILENT, "no hello") from None
        except FrameRefused as refused:
            raise Ended(CloseCode.HELLO_EXPECTED, "hello expected") from refused
        if not isinstance(frame, DeskHello):
            raise Ended(CloseCode.HELLO_EXPECTED, "hello expected")
        return frame

    async def _listen(self) -> None:
        while True:
            text = await self._hear()
            if self._frames.take(self._api.chat.seconds()) is not None:
                raise Ended(CloseCode.TOO_MANY_FRAMES, "too many frames")
            try:
                self._handle(parse_desk_frame(text))
            except FrameRefused as refused:
                self._put(DeskError(code=refused.code, message=refused.message))

    async def _hear(self) -> str:
        """The next frame. A peer of whom nothing was heard is asked whether it is there."""
        try:
            async with asyncio.timeout(self._timing.ask_after):
                return await self._receive()
        except TimeoutError:
            self._put(DeskPing())
        try:
            async with asyncio.timeout(self._timing.answer_within):
                return await self._receive()
        except TimeoutError:
            raise Ended(CloseCode.SILENT, "silent for too long") from None

    def _handle(self, frame: Any) -> None:
        match frame:
            case DeskPing():
                self._put(DeskPong(n=frame.n))
            case DeskTyping():
                self._api.signals.agent_types(
                    self._identity.tenant, ConversationId(frame.conversation), frame.on, self
                )
            case DeskHello():
                message = "To resume elsewhere, connect again."
                raise FrameRefused("hello_repeated", message)
            case DeskClientPong():
                pass

    async def _receive(self) -> str:
        received = await self._socket.receive()
        if received is None:
            raise Ended(None)
        if isinstance(received, bytes):
            raise Ended(CloseCode.BINARY_REFUSED, "text frames only")
        if len(received) > FRAME_BYTES:
            raise Ended(CloseCode.TOO_BIG, "frame too big")
        return received

    # Following

    def push(self, frames: list[FeedFrame]) -> None:
        for frame in frames:
            self._put_text(frame.text)

    def typing(self, conversation: ConversationId, on: bool) -> None:
        self._put(DeskTypingShown(conversation=conversation, on=on))

    def presence(self, agents: tuple[Present, ...]) -> None:
        self._put_text(_presence_text(agents))

    def _put(self, frame: Any) -> None:
        self._put_text(frame_text(frame))

    def _put_text(self, text: str) -> None:
        if len(self._queue) >= QUEUED:
            self._end(Ended(CloseCode.COME_AGAIN, "reading too slowly"))
            return
        self._queue.append(text)
        self._filled.set()

    async def _send_or_end(self, hello: DeskHello) -> None:
        try:
            await self._begin(hello)
            while True:
                await self._filled.wait()
                self._filled.clear()
                while self._queue:
                    await self._send(self._queue.popleft())
        except Exception as error:
            self._end(error)

    async def _begin(self, hello: DeskHello) -> None:
        """Welcome, then what was missed up to where the common feed stands, then its frames."""
        agent = self._identity.agent
        feed = await self._api.feeds.join(agent.tenant, self)
        present = feed.position
        after = hello.after
        if after is not None and after > present:
            # The common feed may be a moment behind the database that the hello comes from.
            if after > await self._api.feeds.last_position(agent.tenant):
                await self._send(frame_text(DeskResync(reason="ahead")))
            after = None
        elif after is not None and present - after > RESUMABLE:
            await self._send(frame_text(DeskResync(reason="too_far_behind")))
            after = None
        await self._send(frame_text(DeskWelcome(position=present if after is None else after)))
        self._api.signals.agent_enters(agent.tenant, agent.id, agent.name, self)
        while after is not None and after < present:
            frames, reached, _ = await feed.read(after=after, until=present)
            for frame in frames:
                await self._send(frame.text)
            if reached == after:
                break
            after = reached

    # Sending and ending

    async def _send(self, text: str) -> None:
        if self._socket.send_now(text):
            return
        try:
            async with asyncio.timeout(self._timing.send_within):
                await self._socket.send(text)
        except TimeoutError:
            raise Ended(CloseCode.COME_AGAIN, "reading too slowly") from None

    async def _close(self, end: Ended) -> None:
        if end.code is None:
            return
        try:
            async with asyncio.timeout(self._timing.close_within):
                await self._socket.close(end.code, end.reason)
        except (TimeoutError, ConnectionError):
            self._socket.abort()


@lru_cache(maxsize=16)
def _presence_text(agents: tuple[Present, ...]) -> str:
    """The same for all agents of a tenant."""
    shown = [PresentAgent(id=agent.id, name=agent.name) for agent in agents]
    return frame_text(DeskPresence(agents=shown))
