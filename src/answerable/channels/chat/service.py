"""What chat connections need: the wire beneath, limits, and the services they share."""

from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from datetime import timedelta
from typing import Protocol

from answerable.channels.chat.history import History
from answerable.channels.chat.signals import Signals
from answerable.contacts.session import CustomerSession, CustomerSessions, WidgetInbox
from answerable.flow.message import Accepted, InboundMessage
from answerable.kit.clock import Clock
from answerable.kit.ids import ConversationId
from answerable.kit.live import Live
from answerable.kit.places import Places
from answerable.kit.rate_limit import RateLimiter
from answerable.kit.relay import Relay

CONNECTIONS_MOST = 20_000  # of one process
CONNECTIONS_OF_A_TENANT = 15_000
CONNECTIONS_OF_A_SESSION = 20  # a person has so many pages open


class Socket(Protocol):
    """The wire beneath: whole text messages in and out."""

    async def receive(self) -> str | bytes | None:
        """The next message; None when the peer is gone."""
        ...

    async def send(self, text: str) -> None:
        """Returns when the transport has taken it. Raises ConnectionError when the peer is gone."""
        ...

    def send_now(self, text: str) -> bool:
        """`send`, if the transport takes it without waiting. False: it was not sent."""
        ...

    async def close(self, code: int, reason: str) -> None:
        """Begin to close; a peer that does not take part is cut off soon after."""
        ...

    def abort(self) -> None:
        """Cut the connection without waiting for what is unsent."""
        ...


@dataclass(frozen=True, kw_only=True)
class Timing:
    """Seconds. ask_after: nothing was heard for so long, and the peer is asked by a `ping`.
    answer_within: after that, with still nothing heard, it counts as dead. send_within: what a
    frame may take to be handed to the socket before the peer counts as too slow."""

    hello_within: float = 10
    ask_after: float = 14  # our own client asks after 12, and in the foreground is never asked
    answer_within: float = 14
    send_within: float = 20
    close_within: float = 1


@dataclass(frozen=True, kw_only=True)
class Rates:
    """What one connection may send in a second; what one contact may, says the definition."""

    messages: float = 5
    messages_burst: int = 10
    frames: float = 20
    frames_burst: int = 60


Accept = Callable[[InboundMessage], Awaitable[Accepted]]
FindConversation = Callable[[CustomerSession], Awaitable[ConversationId | None]]


@dataclass(kw_only=True)
class ChatService:
    """What all connections of a process share.

    find_conversation: the contact's open conversation in the session's inbox, if any.
    find_inbox: the inbox a session belongs to; None if the definition dropped it.
    seconds: a monotonic clock. relay: to the chats of other processes, if there are any.
    """

    accept: Accept
    sessions: CustomerSessions
    find_conversation: FindConversation
    find_inbox: Callable[[CustomerSession], WidgetInbox | None]
    history: History
    live: Live
    clock: Clock
    signals: Signals
    seconds: Callable[[], float]
    timing: Timing = field(default_factory=Timing)
    rates: Rates = field(default_factory=Rates)
    places: Places = field(
        default_factory=lambda: Places(most=CONNECTIONS_MOST, most_each=CONNECTIONS_OF_A_TENANT)
    )
    places_of_a_session: Places = field(
        default_factory=lambda: Places(most=CONNECTIONS_MOST, most_each=CONNECTIONS_OF_A_SESSION)
    )
    relay: Relay | None = None
    _contacts: dict[int, RateLimiter] = field(default_factory=dict)

    def enter(self, session: CustomerSession) -> bool:
        """Take the places of one connection, if there are any."""
        if not self.places.take(session.tenant):
            return False
        if not self.places_of_a_session.take(session.id):
            self.places.leave(session.tenant)
            return False
        return True

    def leave(self, session: CustomerSession) -> None:
        """Give them back."""
        self.places.leave(session.tenant)
        self.places_of_a_session.leave(session.id)

    def take_turn(self, session: CustomerSession, inbox: WidgetInbox) -> timedelta | None:
        """Count a message of this contact, over all connections; how long to wait first, if so."""
        most = inbox.messages_per_minute
        limiter = self._contacts.get(most)
        if limiter is None:
            limiter = self._contacts[most] = RateLimiter(
                per_second=most / 60,
                burst=most,
                relay=self.relay,
                name=f"contact {most}",
                seconds=self.seconds,
            )
        person = f"{session.tenant}:{session.kind}:{session.address}"
        return limiter.take(person, self.seconds())
