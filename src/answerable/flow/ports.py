"""What the flow asks of the outside: connectors, channels, a model. Implemented above it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any, Protocol, runtime_checkable

from answerable.definition.schema import ServiceDefinition
from answerable.definition.terms import Proof
from answerable.flow.message import Delivered, OutboundReply
from answerable.kit.ids import ConversationId
from answerable.understanding.understanding import Understanding


@dataclass(frozen=True, kw_only=True)
class Finding:
    """What a connector read.

    facts: what is not personal and may stand in the ledger, where conditions see it: always
    "found". values: what is personal: it goes to the vault, and from there into templates.
    """

    facts: Mapping[str, Any]
    values: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Question:
    """What a playbook wants to read.

    fields: only these are read out; the connector drops all others. subject: the contact's own
    address ("customer", "C-1001"), from the session and never from a text.
    parameters: what the contact told, by name. key: the effect's idempotency key, for the logs of
    the other system.
    """

    operation: str
    fields: Sequence[str]
    subject: tuple[str, str]
    proof: Proof
    parameters: Mapping[str, str]
    key: str


class Connector(Protocol):
    """Our ambassador to one outside system. Third parties: entry point `answerable.connectors`."""

    async def read(self, question: Question) -> Finding:
        """Raises ConnectorUnavailable, ConnectorRefused, or NotAllowed if the proof is too low."""
        ...

    async def contact_facts(self, subject: tuple[str, str]) -> Mapping[str, Any]:
        """What decisions may know of a contact: {"known", "tier", "language"}.

        And "customer", by which the other system tells people apart: no condition sees it, and a
        keyed hash of it is kept with the contact until they are erased. And "record", what the
        other system has of them, as `privacy.record.record_of` reads it: it goes to the vault, and
        is masked in what they write from then on.
        """
        ...


@dataclass(frozen=True, kw_only=True)
class Holder:
    """Whose data the back office holds. customer: their id there; phone: E.164, as it is on record.

    values: of the fields that were asked for, and of no others.
    """

    customer: str
    phone: str | None
    values: Mapping[str, str]

    def __repr__(self) -> str:
        return "Holder()"


@dataclass(frozen=True, kw_only=True)
class ChangeOrder:
    """What is to be changed. kind: one of `definition.changes.CHANGES`, values: its fields."""

    customer: str
    kind: str
    values: Mapping[str, str]

    def __repr__(self) -> str:
        return f"ChangeOrder({self.kind})"


@dataclass(frozen=True, kw_only=True)
class Submitted:
    """request: the back office's name for it. before: what the order's fields would replace; where
    there is nothing of a field, it is missing."""

    request: str
    before: Mapping[str, str]

    def __repr__(self) -> str:
        return f"Submitted({self.request})"


@runtime_checkable
class Records(Protocol):
    """A connector that changes data too, always in two steps: a request, then its approval."""

    async def holder(
        self, subject: tuple[str, str], *, fields: Sequence[str], key: str
    ) -> Holder | None:
        """Who has this address; None if nobody, or if it could be several.

        fields: to read, "phone" among them if it is wanted. Raises ConnectorUnavailable.
        """
        ...

    async def submit_change(self, order: ChangeOrder, *, key: str) -> Submitted:
        """Ask for the change, which applies nothing. The same key again is the same request.

        Raises ConnectorUnavailable or ConnectorRefused."""
        ...

    async def decide_change(
        self,
        request: str,
        *,
        approve: bool,
        expected: Mapping[str, str] | None,
        by: str,
        key: str,
    ) -> None:
        """Apply or reject a request; safe to repeat. expected: what it must be about, letter for
        letter, or ConnectorRefused; None: whatever it is. Raises ConnectorUnavailable too."""
        ...


@runtime_checkable
class AppCodes(Protocol):
    """A connector whose system checks the digits of its customers' authenticator apps (RFC 6238).

    The secrets stay there: what comes out is yes or no. Each time step is accepted once.
    """

    async def accepts_app_code(self, customer: str | None, digits: str, *, key: str) -> bool:
        """Whether the customer's app shows these digits, now or one step of 30 s before or after.

        customer: as in `Holder`; None: nobody. Then it asks all the same and says no, so that it
        takes as long. A repeat under the same key has the same answer and accepts nothing more.
        Raises ConnectorUnavailable or ConnectorRefused.
        """
        ...


class Deliverer(Protocol):
    """The outgoing side of a channel."""

    async def deliver(self, reply: OutboundReply) -> Delivered:
        """Raises ConnectorUnavailable to be asked again, ConnectorRefused if it never will do.

        Repeating under the same `reply.key` must be harmless to the receiver.
        """
        ...


class Reader(Protocol):
    """Understands texts, many at once, off the event loop."""

    async def understand(
        self, definition: ServiceDefinition, texts: Sequence[str]
    ) -> Sequence[Understanding]: ...


class Shadow(Protocol):
    """Is told what the live model said, for another that reads beside it."""

    def saw(
        self,
        definition: ServiceDefinition,
        conversations: Sequence[str],
        texts: Sequence[str],
        understood: Sequence[Understanding],
    ) -> None:
        """Returns at once and never raises: nothing depends on it."""
        ...


class NoShadow:
    """No other model reads beside the live one."""

    def saw(
        self,
        definition: ServiceDefinition,
        conversations: Sequence[str],
        texts: Sequence[str],
        understood: Sequence[Understanding],
    ) -> None:
        pass


class Alarm(Protocol):
    """Tells teams that must know at once. A repeat under the same key may tell them twice.

    Raises ConnectorUnavailable (repeat later) and ConnectorRefused (a team cannot be told).
    """

    async def alert(
        self,
        definition: ServiceDefinition,
        *,
        teams: Sequence[str],
        conversation: ConversationId,
        intent: str | None,
        key: str,
    ) -> None: ...


class Hints(Protocol):
    """Tells other processes that there is work. A lost hint is found by their sweep."""

    def conversation(self, conversation: ConversationId) -> None:
        """It has events that nobody has advanced over."""
        ...

    def effect(self, kind: str, key: str) -> None:
        """It is due, and of a kind that this process does not perform."""
        ...


class NoHints:
    """Nobody is told: there is no other process, or they look by themselves."""

    def conversation(self, conversation: ConversationId) -> None:
        pass

    def effect(self, kind: str, key: str) -> None:
        pass
