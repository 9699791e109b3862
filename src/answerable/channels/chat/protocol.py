"""The frames of the chat, as both sides write them: one JSON object in each text message.

The AsyncAPI document is generated from these classes, so their descriptions are the reference.
A side ignores fields and server frames that it does not know; that is how the protocol grows.
"""

import dataclasses
from enum import IntEnum
from typing import Annotated, Any, Literal

from pydantic import ConfigDict, Field, TypeAdapter, ValidationError
from pydantic.dataclasses import dataclass

from answerable.kit.canonical import canonical_text

FRAME_BYTES = 16_384
TEXT_CHARACTERS = 4_000
HEARTBEAT_SECONDS = 12

_STRICT = ConfigDict(strict=True)

Seq = Annotated[int, Field(ge=0, le=2**53 - 1)]
Iso = Annotated[str, Field(description="Moment in ISO 8601, UTC.")]
ClientId = Annotated[
    str,
    Field(
        pattern=r"^[0-9A-Za-z-]{8,64}$",
        description="The sender's own id of a message, a UUID. Sent again, it is the same message.",
    ),
]


class CloseCode(IntEnum):
    """Why the server ends a connection. `docs/reference/chat-protocol.md` explains each."""

    NORMAL = 1000
    GOING_AWAY = 1001
    BINARY_REFUSED = 1003
    TOO_BIG = 1009
    OUR_FAULT = 1011
    COME_AGAIN = 1013
    HELLO_EXPECTED = 4400
    SESSION_ENDED = 4401
    ORIGIN_REFUSED = 4403
    SILENT = 4408
    TOO_MANY_FRAMES = 4429


@dataclass(frozen=True, kw_only=True, slots=True, config=_STRICT)
class Hello:
    """First frame of a connection; again whenever the client has missed something."""

    type: Literal["hello"] = "hello"
    session: Annotated[
        str, Field(max_length=200, description="The bearer from POST /v1/customer/sessions.")
    ]
    after: Annotated[
        Seq, Field(description="Seq of the last event the client has; 0 for everything.")
    ] = 0


@dataclass(frozen=True, kw_only=True, slots=True, config=_STRICT)
class Message:
    """Something the contact says. Answered by `ack` or by an `error` with its client_id."""

    type: Literal["message"] = "message"
    client_id: ClientId
    text: Annotated[
        str, Field(description=f"1 to {TEXT_CHARACTERS} characters, or what `limits` says.")
    ]


@dataclass(frozen=True, kw_only=True, slots=True, config=_STRICT)
class ContactTyping:
    """The contact is writing, or has stopped. Not stored."""

    type: Literal["typing"] = "typing"
    on: bool


@dataclass(frozen=True, kw_only=True, slots=True, config=_STRICT)
class Ping:
    """Asks for a `pong` with the same number: is anybody there?"""

    type: Literal["ping"] = "ping"
    n: Seq = 0


@dataclass(frozen=True, kw_only=True, slots=True, config=_STRICT)
class ContactPong:
    """The answer to the server's `ping`."""

    type: Literal["pong"] = "pong"
    n: Seq = 0


ClientFrame = Annotated[
    Hello | Message | ContactTyping | Ping | ContactPong, Field(discriminator="type")
]

# What we say ourselves is not validated as what we hear is: plain dataclasses.


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Limits:
    """What the server accepts on this connection."""

    message_characters: int = TEXT_CHARACTERS
    frame_bytes: int = FRAME_BYTES
    messages_per_second: float = 5
    burst: int = 10


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Welcome:
    """The session holds; the events after the asked seq follow."""

    type: Literal["welcome"] = "welcome"
    conversation: str | None
    seq: Annotated[Seq, Field(description="Seq of the last event visible to the contact.")]
    heartbeat_seconds: Annotated[
        int, Field(description="After so long without a frame, ping; 28 s end it.")
    ] = HEARTBEAT_SECONDS
    limits: Limits = dataclasses.field(default_factory=Limits)
    brand: str


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Ack:
    """The message is on disk, as the event with this seq. Never sent before that is true."""

    type: Literal["ack"] = "ack"
    client_id: ClientId
    seq: Seq
    at: Iso


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class MessageShown:
    """Something said in the conversation."""

    kind: Literal["message"] = "message"
    author: Literal["contact", "assistant", "agent"]
    name: str | None
    text: str
    at: Iso
    client_id: str | None = None


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class NoticeShown:
    """Something that happened to the conversation. code: for machines; text: for people."""

    kind: Literal["notice"] = "notice"
    code: Literal["handed_off", "agent_joined", "closed", "received"]
    text: str
    at: Iso


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class EventFrame:
    """An event of the conversation. If `previous` is not the seq seen last, say hello again."""

    type: Literal["event"] = "event"
    seq: Seq
    previous: Annotated[Seq, Field(description="Seq of the visible event before; 0 for none.")]
    event: Annotated[MessageShown | NoticeShown, Field(discriminator="kind")]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Typing:
    """The other side is writing, or has stopped. Not stored."""

    type: Literal["typing"] = "typing"
    author: Literal["assistant", "agent"]
    on: bool


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Presence:
    """Whether any agent is at work now."""

    type: Literal["presence"] = "presence"
    agents: bool


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Resync:
    """What the client holds does not fit: forget it and say hello with `after` 0."""

    type: Literal["resync"] = "resync"
    reason: Literal["ahead", "unknown", "new_conversation"]


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class Pong:
    """Answer to a ping."""

    type: Literal["pong"] = "pong"
    n: Seq


@dataclasses.dataclass(frozen=True, kw_only=True, slots=True)
class ErrorFrame:
    """Something was refused. With retry_after_seconds it may be sent again after that."""

    type: Literal["error"] = "error"
    code: str
    message: str
    client_id: str | None = None
    retry_after_seconds: float | None = None


ServerFrame = Annotated[
    Welcome | Ack | EventFrame | Typing | Presence | Resync | Ping | Pong | ErrorFrame,
    Field(discriminator="type"),
]

client_frames: TypeAdapter[Hello | Message | ContactTyping | Ping | ContactPong] = TypeAdapter(
    ClientFrame
)


class FrameRefused(Exception):
    """A frame that cannot be read, or says too much. code, message: for the error frame."""

    def __init__(self, code: str, message: str, client_id: str | None = None) -> None:
        super().__init__(message)
        self.code = code
        self.message = message
        self.client_id = client_id


def parse_frame(
    text: str, *, most_characters: int = TEXT_CHARACTERS
) -> Hello | Message | ContactTyping | Ping | ContactPong:
    """The frame that `text` holds. Raises FrameRefused, which never repeats what was sent."""
    try:
        frame = client_frames.validate_json(text)
    except ValidationError as error:
        raise FrameRefused("invalid_frame", _explained(error)) from None
    except UnicodeEncodeError:
        raise FrameRefused("invalid_frame", "The frame holds half a character.") from None
    if isinstance(frame, Message):
        _check_text(frame, most_characters)
    return frame


def _check_text(frame: Message, most_characters: int) -> None:
    if not frame.text.strip():
        raise FrameRefused("text_empty", "There is nothing to send.", frame.client_id)
    if len(frame.text) > most_characters:
        raise FrameRefused(
            "text_too_long", f"A message has at most {most_characters} characters.", frame.client_id
        )
    if "\x00" in frame.text:
        raise FrameRefused("text_invalid", "A message cannot hold NUL.", frame.client_id)


def _explained(error: ValidationError) -> str:
    first = error.errors(include_url=False, include_context=False, include_input=False)[0]
    if first["type"] in ("union_tag_invalid", "union_tag_not_found"):
        return "type: one of hello, message, typing, ping is expected."
    place = ".".join(str(part) for part in first["loc"][1:])
    return f"{place}: {first['msg']}" if place else first["msg"]


_OPTIONAL = frozenset(("client_id", "retry_after_seconds"))


def frame_text(frame: Any) -> str:
    """A server frame as it goes over the wire. Absent optional fields are left out."""
    return canonical_text(_content(frame))


def _content(value: Any) -> Any:
    # Not `asdict`, which copies deeply what cannot change.
    fields = getattr(type(value), "__dataclass_fields__", None)
    if fields is None:
        return [_content(one) for one in value] if type(value) is list else value
    content = {}
    for name in fields:
        one = getattr(value, name)
        if type(one) is str or type(one) is int:
            content[name] = one
        elif one is not None or name not in _OPTIONAL:
            content[name] = _content(one)
    return content
