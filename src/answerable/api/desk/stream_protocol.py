"""The frames of the desk's stream: what is new in the inbox, who is here, who is writing."""

import dataclasses
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from answerable.api.desk.shapes import SummaryShape
from answerable.channels.chat.protocol import HEARTBEAT_SECONDS, FrameRefused, Seq

_STRICT = ConfigDict(strict=True, defer_build=True)  # the union below builds its members itself
ConversationRef = Annotated[str, Field(pattern=r"^[A-Za-z0-9_]{1,64}$")]


@dataclass(frozen=True, kw_only=True, slots=True, config=_STRICT)
class DeskHello:
    """First frame. after: position of the last event seen; null to begin at the present."""

    type: Literal["hello"] = "hello"
    after: Seq | None = None


@dataclass(frozen=True, kw_only=True, slots=True, config=_STRICT)
class DeskTyping:
    """The agent is writing in this conversation, or has stopped. Not stored."""

    type: Literal["typing"] = "typing"
    conversation: ConversationRef
    on: bool


@dataclass(frozen=True, kw_only=True, slots=True, config=_STRICT)
class DeskPing:
    """Asks for a `pong` with the same number."""

    type: Literal["ping"] = "ping"
    n: Seq = 0


@dataclass(frozen=True, kw_only=True, slots=True, config=_STRICT)
class DeskClientPong:
    """The answer to the server's `ping`."""

    type: Literal["pong"] = "pong"
    n: Seq = 0


DeskClientFrame = Annotated[
    DeskHello | DeskTyping | DeskPing | DeskClientPong, Field(discriminator="type")
]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DeskWelcome:
    """The session holds; events after `position` (or after what the hello said) follow."""

    type: Literal["welcome"] = "welcome"
    position: Seq
    heartbeat_seconds: int = HEARTBEAT_SECONDS


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DeskEvent:
    """A conversation has a new event. summary: as in the inbox; null if a later one follows."""

    type: Literal["event"] = "event"
    position: Seq
    conversation: str
    seq: Seq
    kind: str
    summary: SummaryShape | None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DeskTypingShown:
    """The contact, or another agent, is writing."""

    type: Literal["typing"] = "typing"
    conversation: str
    on: bool


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class PresentAgent:
    id: str
    name: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DeskPresence:
    """The agents at work now."""

    type: Literal["presence"] = "presence"
    agents: list[PresentAgent]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DeskResync:
    """Too much was missed: read everything anew. A welcome with the present position follows."""

    type: Literal["resync"] = "resync"
    reason: Literal["ahead", "too_far_behind"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DeskPong:
    """Answer to a ping."""

    type: Literal["pong"] = "pong"
    n: Seq


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class DeskError:
    """A frame was refused."""

    type: Literal["error"] = "error"
    code: str
    message: str


DeskServerFrame = Annotated[
    DeskWelcome
    | DeskEvent
    | DeskTypingShown
    | DeskPresence
    | DeskResync
    | DeskPing
    | DeskPong
    | DeskError,
    Field(discriminator="type"),
]

_client_frames: TypeAdapter[DeskHello | DeskTyping | DeskPing | DeskClientPong] = TypeAdapter(
    DeskClientFrame
)


def parse_desk_frame(text: str) -> Any:
    """Raises FrameRefused, which never repeats what was sent."""
    try:
        return _client_frames.validate_json(text)
    except (ValidationError, UnicodeEncodeError):
        raise FrameRefused("invalid_frame", "This is not a frame of this protocol.") from None
