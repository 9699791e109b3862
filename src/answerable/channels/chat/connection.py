"""One customer's connection: a listener for what they send, a follower for what they see.

The follower reads the ledger at the pace at which the customer's side takes frames, so a slow
reader costs no memory: there is nothing queued but what the socket's own buffer holds. If a frame
cannot be handed to the socket within SEND_WITHIN, the connection is closed and then cut.
"""

import asyncio
import hashlib
from collections.abc import Callable
from datetime import timedelta
from typing import Any

from answerable.channels.chat.history import PAGE
from answerable.channels.chat.protocol import (
    FRAME_BYTES,
    Ack,
    CloseCode,
    ContactPong,
    ContactTyping,
    ErrorFrame,
    FrameRefused,
    Hello,
    Limits,
    Message,
    Ping,
    Pong,
    Presence,
    Resync,
    Typing,
    Welcome,
    frame_text,
    parse_frame,
)
from answerable.channels.chat.service import ChatService, Socket
from answerable.contacts.session import CustomerSession, WidgetInbox
from answerable.desk.permission import ContactIdentity
from answerable.flow.message import Accepted, InboundMessage, Sender
from answerable.kit.errors import AnswerableError, TooMany
from answerable.kit.ids import ConversationId
from answerable.kit.live import Subscription
from answerable.kit.rate_limit import TokenBucket
from answerable.ledger.event import wire_time


class Ended(Exception):
    """The connection is over. code None: the peer has left by itself."""

    def __init__(self, code: CloseCode | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


class _Wakeups(Subscription):
    """Tells news of the ledger, which cost a query, from signals, which do not."""

    news = False

    def wake(self) -> None:
        self.news = True
        super().wake()

    def signal(self) -> None:
        super().wake()


class ChatConnection:
    """Run it once. origin: the Origin header, None if the client sent none.

    permitted: whether a session's contact may chat at all; asked at each hello.
    """

    def __init__(
        self,
        service: ChatService,
        socket: Socket,
        *,
        origin: str | None,
        permitted: Callable[[ContactIdentity], bool],
    ) -> None:
        now = service.seconds()
        rates = service.rates
        self._service = service
        self._socket = socket
        self._origin = origin
        self._permitted = permitted
        self._messages = TokenBucket(per_second=rates.messages, burst=rates.messages_burst, now=now)
        self._frames = TokenBucket(per_second=rates.frames, burst=rates.frames_burst, now=now)
        self._session: CustomerSession
        self._inbox: WidgetInbox
        self._conversation: ConversationId | None = None
        self._seen: int | None = None  # seq of the last event sent; None: not to be sent any
        self._epoch = 0  # grows with each hello, so that what was read for the former is dropped
        self._wakeups = _Wakeups(service.live, ())
        self._typing: bool | None = None
        self._present: bool | None = None
        self._types = False
        self._failure: Exception | None = None

    async def run(self) -> None:
        """Serve the connection until it ends. Raises what is our own fault, after closing."""
        follower: asyncio.Task[None] | None = None
        try:
            await self._enter()
            follower = asyncio.create_task(self._follow_or_end(_current_task()))
            await self._listen()
        except Ended as end:
            await self._close(end)
        except ConnectionError:
            pass  # the peer is gone
        except asyncio.CancelledError:
            if self._failure is None:
                raise
            _current_task().uncancel()
            await self._fail(self._failure)
        except Exception as error:
            await self._fail(error)
        finally:
            self._leave()
            if follower is not None:
                follower.cancel()

    async def _follow_or_end(self, listener: asyncio.Task[Any]) -> None:
        """The follower's failure ends the listener, which waits for a frame that may not come."""
        try:
            await self._follow()
        except Exception as error:
            self._failure = error
            listener.cancel()

    async def _fail(self, failure: Exception) -> None:
        match failure:
            case Ended():
                await self._close(failure)
            case ConnectionError():
                pass
            case _:
                await self._close(Ended(CloseCode.OUR_FAULT, "our fault"))
                raise failure

    # Listening

    async def _enter(self) -> None:
        """The first frame must be a hello."""
        try:
            async with asyncio.timeout(self._service.timing.hello_within):
                text = await self._receive()
        except TimeoutError:
            raise Ended(CloseCode.SILENT, "no hello") from None
        try:
            frame = parse_frame(text)
        except FrameRefused as refused:
            raise Ended(CloseCode.HELLO_EXPECTED, "hello expected") from refused
        if not isinstance(frame, Hello):
            raise Ended(CloseCode.HELLO_EXPECTED, "hello expected")
        await self._greet(frame)

    async def _listen(self) -> None:
        while True:
            text = await self._hear()
            if self._frames.take(self._service.seconds()) is not None:
                raise Ended(CloseCode.TOO_MANY_FRAMES, "too many frames")
            self._check_session()
            try:
                frame = parse_frame(text, most_characters=self._inbox.message_characters)
            except FrameRefused as refused:
                await self._refuse(refused.code, refused.message, refused.client_id)
                continue
            await self._handle(frame)

    async def _hear(self) -> str:
        """The next frame. A peer of whom nothing was heard is asked whether it is there, for a page
        in the background runs no timers, but answers."""
        timing = self._service.timing
        try:
            async with asyncio.timeout(timing.ask_after):
                return await self._receive()
        except TimeoutError:
            await self._send(Ping())
        try:
            async with asyncio.timeout(timing.answer_within):
                return await self._receive()
        except TimeoutError:
            raise Ended(CloseCode.SILENT, "silent for too long") from None

    async def _receive(self) -> str:
        received = await self._socket.receive()
        if received is None:
            raise Ended(None)
        if isinstance(received, bytes):
            raise Ended(CloseCode.BINARY_REFUSED, "text frames only")
        if len(received) > FRAME_BYTES or len(received.encode()) > FRAME_BYTES:
            raise Ended(CloseCode.TOO_BIG, "frame too big")
        return received

    async def _handle(self, frame: Any) -> None:
        match frame:
            case Message():
                await self._accept(frame)
            case ContactTyping():
                self._types = frame.on
                if self._conversation is not None:
                    self._service.signals.contact_types(
                        self._session.tenant, self._conversation, frame.on
                    )
            case Ping():
                await self._send(Pong(n=frame.n))
            case Hello():
                await self._greet(frame)
            case ContactPong():
                pass

    # Greeting

    async def _greet(self, hello: Hello) -> None:
        self._epoch += 1
        self._seen = None
        epoch = self._epoch
        await self._find_session(hello.session)
        conversation = await self._current_conversation()
        self._attend(conversation)
        last, trouble = 0, "unknown" if hello.after else None
        if conversation is not None:
            place = await self._service.history.place(
                self._session.tenant, conversation, hello.after
            )
            last, trouble = place.last, place.trouble
        if trouble is not None:
            await self._send(Resync(reason="ahead" if trouble == "ahead" else "unknown"))
            return
        rates = self._service.rates
        await self._send(
            Welcome(
                conversation=conversation,
                seq=last,
                limits=Limits(
                    message_characters=self._inbox.message_characters,
                    messages_per_second=rates.messages,
                    burst=rates.messages_burst,
                ),
                brand=self._inbox.brand,
            )
        )
        if epoch == self._epoch:
            self._seen = hello.after
            self._present = self._service.signals.any_agent(self._session.tenant)
            self._wakeups.wake()

    async def _find_session(self, bearer: str) -> None:
        """Raises Ended if the bearer opens nothing, or another person than before."""
        session = await self._service.sessions.find(bearer)
        if session is None:
            await self._refuse("session_unknown", "This session has ended. Open a new one.")
            raise Ended(CloseCode.SESSION_ENDED, "session ended")
        inbox = self._service.find_inbox(session)
        identity = ContactIdentity(tenant=session.tenant, session=session.id)
        if inbox is None or not self._permitted(identity):
            raise Ended(CloseCode.SESSION_ENDED, "not permitted")
        if self._origin is not None and self._origin not in inbox.origins:
            raise Ended(CloseCode.ORIGIN_REFUSED, "origin not allowed")
        if self._epoch > 1 and session.id != self._session.id:
            raise Ended(CloseCode.HELLO_EXPECTED, "one session a connection")
        first = self._epoch == 1
        self._session, self._inbox = session, inbox
        if first:
            self._service.signals.chat_joins(session.tenant, self)

    async def _current_conversation(self) -> ConversationId | None:
        found = await self._service.find_conversation(self._session)
        return found or self._conversation or self._session.conversation

    def _attend(self, conversation: ConversationId | None) -> None:
        """Follow this conversation from now on, and no other."""
        if conversation == self._conversation:
            return
        signals, tenant = self._service.signals, self._session.tenant
        if self._conversation is not None:
            signals.chat_unfollows(tenant, self._conversation, self)
        self._wakeups.close()
        topics = () if conversation is None else (f"conversation:{conversation}",)
        former, self._wakeups = self._wakeups, _Wakeups(self._service.live, topics)
        former.signal()  # the follower waits on the one it knows: let it look again
        self._conversation = conversation
        if conversation is not None:
            signals.chat_follows(tenant, conversation, self)

    def _check_session(self) -> None:
        if self._service.clock.now() >= self._session.expires_at:
            raise Ended(CloseCode.SESSION_ENDED, "session ended")

    # Messages

    async def _accept(self, message: Message) -> None:
        wait = self._messages.take(self._service.seconds())
        if wait is None:
            wait = self._service.take_turn(self._session, self._inbox)
        if wait is not None:
            await self._refuse_for_now("too_many_messages", "Please slow down.", message, wait)
            return
        try:
            accepted = await self._service.accept(self._inbound(message))
        except TooMany as error:
            await self._refuse_for_now(error.code, error.message, message, error.retry_after)
            return
        except AnswerableError as error:
            await self._refuse(error.code, error.message, message.client_id)
            return
        moved = await self._bind(accepted)
        await self._send(
            Ack(client_id=message.client_id, seq=accepted.seq, at=wire_time(accepted.at))
        )
        if moved:
            await self._send(Resync(reason="new_conversation"))
        self._wakeups.wake()

    async def _bind(self, accepted: Accepted) -> bool:
        """Follow the conversation the message went to; True if the client holds another one."""
        former = self._conversation
        if accepted.conversation == former or (accepted.duplicate and former is not None):
            return False
        if accepted.conversation != self._session.conversation:
            await self._service.sessions.bind(self._session, accepted.conversation)
        self._attend(accepted.conversation)
        if former is None:
            return False
        self._epoch += 1
        self._seen = None
        return True

    def _inbound(self, message: Message) -> InboundMessage:
        session = self._session
        return InboundMessage(
            tenant=session.tenant,
            inbox=session.inbox,
            channel="chat",
            external_id=f"{_digest(session.kind, session.address)}:{message.client_id}",
            text=message.text,
            sender=Sender(kind=session.kind, address=session.address, name=session.name),
            at=self._service.clock.now(),
            proof=session.proof,
            conversation=self._conversation,
            context={"client_id": message.client_id},
        )

    # Following

    async def _follow(self) -> None:
        """Send what is new, whenever there is something, until the connection ends."""
        self._wakeups.wake()
        while True:
            wakeups = self._wakeups
            await wakeups.wait()
            await self._send_signals()
            if wakeups.news or wakeups is not self._wakeups:
                wakeups.news = False
                await self._send_news()

    async def _send_news(self) -> None:
        while self._seen is not None and self._conversation is not None:
            epoch, conversation, after = self._epoch, self._conversation, self._seen
            frames = await self._service.history.after(
                self._session.tenant, conversation, after, language=self._inbox.language
            )
            for frame in frames:
                if epoch != self._epoch:
                    break
                self._seen = frame.seq
                await self._send(frame)
            self._check_session()
            if epoch == self._epoch and len(frames) < PAGE:
                return  # a page that is not full is the last one

    async def _send_signals(self) -> None:
        if self._seen is None:
            return
        if self._present is not None:
            present, self._present = self._present, None
            await self._send(Presence(agents=present))
        if self._typing is not None:
            typing, self._typing = self._typing, None
            await self._send(Typing(author="agent", on=typing))

    def agent_typing(self, on: bool) -> None:
        self._typing = on
        self._wakeups.signal()

    def agents_present(self, present: bool) -> None:
        self._present = present
        self._wakeups.signal()

    # Sending and ending

    async def _send(self, frame: Any) -> None:
        try:
            async with asyncio.timeout(self._service.timing.send_within):
                await self._socket.send(frame_text(frame))
        except TimeoutError:
            raise Ended(CloseCode.TOO_SLOW, "reading too slowly") from None

    async def _refuse(self, code: str, message: str, client_id: str | None = None) -> None:
        await self._send(ErrorFrame(code=code, message=message, client_id=client_id))

    async def _refuse_for_now(
        self, code: str, text: str, message: Message, wait: timedelta
    ) -> None:
        await self._send(
            ErrorFrame(
                code=code,
                message=text,
                client_id=message.client_id,
                retry_after_seconds=round(wait.total_seconds() + 0.01, 2),
            )
        )

    async def _close(self, end: Ended) -> None:
        if end.code is None:
            return
        try:
            async with asyncio.timeout(self._service.timing.close_within):
                await self._socket.close(end.code, end.reason)
        except (TimeoutError, ConnectionError):
            self._socket.abort()

    def _leave(self) -> None:
        self._wakeups.close()
        if self._epoch and hasattr(self, "_session"):
            signals, tenant = self._service.signals, self._session.tenant
            if self._types and self._conversation is not None:
                signals.contact_types(tenant, self._conversation, False)
            signals.chat_leaves(tenant, self, self._conversation)


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _digest(*parts: str) -> str:
    """Keeps apart the client ids of different people, without naming them."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:24]
