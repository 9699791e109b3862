"""One customer's connection: a listener for what they send, a follower for what they see.

The follower is handed what was just committed, and reads the ledger for what it was not handed: at
the beginning, after a gap, and when more has happened than is kept for it. It does so at the pace
at which the customer's side takes frames, so a slow reader costs no memory but a bounded number of
events. If a frame cannot be handed to the socket within SEND_WITHIN, the connection is closed and
then cut.

Messages are stored side by side, in the order in which they came, up to ON_THE_WAY of them: one
that came before another, and had to be refused for now, is waited for (`in_order`).
"""

import asyncio
import hashlib
from collections.abc import Callable, Coroutine, Sequence
from datetime import timedelta
from typing import Any

from answerable.channels.chat.history import PAGE, Page
from answerable.channels.chat.in_order import InOrder
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
from answerable.flow.message import Accepted, InboundMessage, News, Sender
from answerable.kit.errors import AnswerableError, StoreUnavailable, TooMany
from answerable.kit.ids import ConversationId
from answerable.kit.rate_limit import TokenBucket
from answerable.ledger.event import wire_time

ON_THE_WAY = 8  # messages of one connection being stored; the next is read when one of them is

_NOT_NOW = "This cannot be stored now. It will be sent again."


class Ended(Exception):
    """The connection is over. code None: the peer has left by itself."""

    def __init__(self, code: CloseCode | None, reason: str = "") -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason


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
        self._listener: asyncio.Task[Any]
        self._conversation: ConversationId | None = None
        self._seen: int | None = None  # seq of the last event sent; None: not to be sent any
        self._reached = 0  # seq up to which there is nothing more to be sent
        self._epoch = 0  # grows with each hello, so that what was read for the former is dropped
        self._wakeups = service.live.subscribe()
        self._typing: bool | None = None
        self._present: bool | None = None
        self._types = False
        self._places = asyncio.Semaphore(ON_THE_WAY)
        self._order = InOrder()
        self._tasks: set[asyncio.Task[None]] = set()
        self._storing: set[asyncio.Task[None]] = set()  # of them, those that see to the end
        self._left = False
        self._listening_since: float | None = None  # None: it is our turn
        self._asked_since: float | None = None
        self._looking: asyncio.TimerHandle | None = None
        self._failure: Exception | None = None

    async def run(self) -> None:
        """Serve the connection until it ends. Raises what is our own fault, after closing."""
        self._listener = _current_task()
        try:
            await self._enter()
            self._begin(self._follow())
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
            for task in self._tasks - self._storing:
                task.cancel()

    def _begin(self, work: Coroutine[None, None, None]) -> asyncio.Task[None]:
        """Do this beside the listener, until the connection ends."""
        task = asyncio.create_task(self._work_or_end(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return task

    async def _work_or_end(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except Exception as error:
            self._end(error)

    def _end(self, failure: Exception) -> None:
        """End the listener, which waits for a frame that may not come."""
        if self._failure is None:
            self._failure = failure
            self._listener.cancel()

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
        seconds = self._service.seconds
        self._look()
        while True:
            self._listening_since = seconds()
            text = await self._receive()
            self._listening_since = None  # what we take to answer is not the peer's silence
            if self._frames.take(seconds()) is not None:
                raise Ended(CloseCode.TOO_MANY_FRAMES, "too many frames")
            self._check_session()
            try:
                frame = parse_frame(text, most_characters=self._inbox.message_characters)
            except FrameRefused as refused:
                await self._refuse(refused.code, refused.message, refused.client_id)
                continue
            await self._handle(frame)

    def _look(self) -> None:
        """Ask a peer of whom nothing was heard whether it is there, for a page in the background
        runs no timers, but answers; one that does not answer counts as dead."""
        timing, since = self._service.timing, self._listening_since
        quiet = 0.0 if since is None else self._service.seconds() - since
        dead = timing.ask_after + timing.answer_within
        if quiet >= dead:
            self._end(Ended(CloseCode.SILENT, "silent for too long"))
            return
        if quiet >= timing.ask_after and since != self._asked_since:
            self._asked_since = since
            self._begin(self._send(Ping()))
        again = timing.ask_after
        again = again - quiet if quiet < again else min(again, dead - quiet)
        self._looking = asyncio.get_running_loop().call_later(again, self._look)

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
                await self._places.acquire()
                task = self._begin(self._store(frame))
                self._storing.add(task)
                task.add_done_callback(self._storing.discard)
            case ContactTyping():
                self._types = frame.on
                if self._conversation is not None:
                    self._service.signals.contact_types(
                        self._session.tenant, self._conversation, frame.on
                    )
            case Ping():
                await self._send(Pong(n=frame.n))
            case Hello():
                await self._all_stored()
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
            self._seen = self._reached = hello.after
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
        if first and not self._service.enter(session):
            raise Ended(CloseCode.COME_AGAIN, "too many connections")
        self._session, self._inbox = session, inbox
        if first:
            self._service.signals.chat_joins(session.tenant, self)

    async def _current_conversation(self) -> ConversationId | None:
        found = await self._service.find_conversation(self._session)
        return found or self._conversation or self._session.conversation

    def _attend(self, conversation: ConversationId | None) -> None:
        """Follow this conversation from now on, and no other."""
        if conversation == self._conversation or self._left:
            return
        signals, tenant = self._service.signals, self._session.tenant
        if self._conversation is not None:
            signals.chat_unfollows(tenant, self._conversation, self)
        self._wakeups.close()
        topics = () if conversation is None else (f"conversation:{conversation}",)
        former, self._wakeups = self._wakeups, self._service.live.subscribe(*topics)
        former.signal()  # the follower waits on the one it knows: let it look again
        self._conversation = conversation
        if conversation is not None:
            signals.chat_follows(tenant, conversation, self)

    def _check_session(self) -> None:
        if self._service.clock.now() >= self._session.expires_at:
            raise Ended(CloseCode.SESSION_ENDED, "session ended")

    # Messages

    async def _store(self, message: Message) -> None:
        try:
            await self._accept(message)
        finally:
            self._places.release()

    async def _all_stored(self) -> None:
        for _ in range(ON_THE_WAY):
            await self._places.acquire()
        for _ in range(ON_THE_WAY):
            self._places.release()

    async def _accept(self, message: Message) -> None:
        follows = self._order.before(message.client_id, self._service.seconds())
        wait = self._messages.take(self._service.seconds())
        if wait is None:
            wait = self._service.take_turn(self._session, self._inbox)
        if wait is not None:
            await self._refuse_for_now("too_many_messages", "Please slow down.", message, wait)
            return
        try:
            accepted = await self._service.accept(self._inbound(message, follows))
        except TooMany as error:
            await self._refuse_for_now(error.code, error.message, message, error.retry_after)
            return
        except StoreUnavailable as error:  # why is nobody's business out there
            await self._refuse_for_now(error.code, _NOT_NOW, message, error.retry_after)
            return
        except AnswerableError as error:
            self._order.settled(message.client_id)
            await self._refuse(error.code, error.message, message.client_id)
            return
        self._order.settled(message.client_id)
        moved = await self._bind(accepted)
        await self._send(
            Ack(client_id=message.client_id, seq=accepted.seq, at=wire_time(accepted.at))
        )
        if moved:
            await self._send(Resync(reason="new_conversation"))

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

    def _inbound(self, message: Message, follows: str | None) -> InboundMessage:
        session = self._session
        sender = _digest(session.kind, session.address)
        return InboundMessage(
            tenant=session.tenant,
            inbox=session.inbox,
            channel="chat",
            external_id=f"{sender}:{message.client_id}",
            follows=f"{sender}:{follows}" if follows else None,
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
            await self._send_news(wakeups.take() if wakeups is self._wakeups else None)

    async def _send_news(self, handed: Sequence[News] | None) -> None:
        """handed: all that is new, in order; None: it is to be read."""
        language = self._inbox.language
        for news in handed or ():
            if self._seen is None or news.conversation != self._conversation:
                continue
            page = self._service.history.page_of(
                news, seen=self._seen, reached=self._reached, language=language
            )
            if page is None:
                handed = None
                break
            await self._send_page(page, self._epoch)
        while handed is None and self._seen is not None and self._conversation is not None:
            epoch = self._epoch
            page = await self._service.history.after(
                self._session.tenant, self._conversation, self._seen, language=language
            )
            await self._send_page(page, epoch)
            if epoch == self._epoch and len(page.frames) < PAGE:
                return  # a page that is not full is the last one

    async def _send_page(self, page: Page, epoch: int) -> None:
        for frame in page.frames:
            if epoch != self._epoch:
                return
            self._seen = frame.seq
            await self._send(frame)
        self._check_session()
        if epoch == self._epoch:
            self._reached = max(self._reached, page.reached)
            self._wakeups.reached = self._reached

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
        text = frame_text(frame)
        if self._socket.send_now(text):
            return
        try:
            async with asyncio.timeout(self._service.timing.send_within):
                await self._socket.send(text)
        except TimeoutError:
            raise Ended(CloseCode.COME_AGAIN, "reading too slowly") from None

    async def _refuse(self, code: str, message: str, client_id: str | None = None) -> None:
        await self._send(ErrorFrame(code=code, message=message, client_id=client_id))

    async def _refuse_for_now(
        self, code: str, text: str, message: Message, wait: timedelta
    ) -> None:
        self._order.refused_for_now(message.client_id, self._service.seconds(), wait)
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
        self._left = True
        if self._looking is not None:
            self._looking.cancel()
        self._wakeups.close()
        if self._epoch and hasattr(self, "_session"):
            signals, tenant = self._service.signals, self._session.tenant
            if self._types and self._conversation is not None:
                signals.contact_types(tenant, self._conversation, False)
            signals.chat_leaves(tenant, self, self._conversation)
            self._service.leave(self._session)


def _current_task() -> asyncio.Task[Any]:
    task = asyncio.current_task()
    assert task is not None
    return task


def _digest(*parts: str) -> str:
    """Keeps apart the client ids of different people, without naming them."""
    return hashlib.sha256("\x00".join(parts).encode()).hexdigest()[:24]
