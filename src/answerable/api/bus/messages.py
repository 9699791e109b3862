"""What goes over the bus, as types: the AsyncAPI document is made from these.

All are CloudEvents 1.0 in structured JSON, but for answers, which are plain JSON.
"""

from datetime import datetime
from typing import Annotated, Any, Literal

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, TypeAdapter

from answerable.channels.chat.protocol import TEXT_CHARACTERS
from answerable.contacts.customer_token import NAME_LENGTH, SUBJECT_LENGTH

COMMANDS = "commands"
EVENTS = "events"
CLOUD_EVENT = "application/cloudevents+json"
BODY_BYTES = 65_536


def _without_controls(value: str) -> str:
    if not value.isprintable():
        raise ValueError("holds characters that cannot be printed")
    return value


def _of_words(value: str) -> str:
    if not value.strip():
        raise ValueError("is empty")
    if "\x00" in value:
        raise ValueError("cannot hold NUL")
    return value


Printable = AfterValidator(_without_controls)


class _CloudEvent(BaseModel):
    """Attributes of CloudEvents that we do not know are ignored, as that standard asks."""

    model_config = ConfigDict(extra="ignore")

    specversion: Literal["1.0"]
    id: Annotated[str, Field(min_length=1, max_length=200)]
    source: Annotated[str, Field(min_length=1, max_length=200)]


class _Data(BaseModel):
    """An unknown field is a mistake that is worth telling."""

    model_config = ConfigDict(extra="forbid")


class MessageSender(_Data):
    """Who wrote. `customer`: somebody who is signed in with you, by your own id. `visitor`: by an
    id of yours that proves nothing. `email`: a mail address, for inboxes of mail."""

    kind: Literal["customer", "visitor", "email"]
    address: Annotated[str, Field(min_length=1, max_length=SUBJECT_LENGTH), Printable]
    name: Annotated[str, Field(max_length=NAME_LENGTH), Printable] | None = None


class MessageToAccept(_Data):
    """A customer's message. external_id: your own id for it; the same again is the same message."""

    inbox: Annotated[str, Field(max_length=100)]
    sender: MessageSender
    text: Annotated[str, Field(min_length=1, max_length=TEXT_CHARACTERS), AfterValidator(_of_words)]
    external_id: Annotated[str, Field(min_length=1, max_length=200), Printable]


class AcceptMessage(_CloudEvent):
    """Take in a message of a customer."""

    type: Literal["answerable.command.accept-message"]
    data: MessageToAccept


class ConversationAsked(_Data):
    """conversation: its id, as answers and events name it."""

    conversation: Annotated[str, Field(max_length=100)]


class AskConversation(_CloudEvent):
    """Say where a conversation stands."""

    type: Literal["answerable.query.conversation"]
    data: ConversationAsked


Command = Annotated[AcceptMessage | AskConversation, Field(discriminator="type")]
commands: TypeAdapter[AcceptMessage | AskConversation] = TypeAdapter(Command)


class MessageAccepted(BaseModel):
    """The message is stored, durably, as event `seq`. duplicate: it had been there before."""

    conversation: str
    seq: int
    duplicate: bool


class ConversationOwner(BaseModel):
    """kind: assistant, queue or agent. id: of the team or the agent."""

    kind: str
    id: str


class ConversationState(BaseModel):
    """Where a conversation stands. seq: of its newest event. No texts: they stay in the vault."""

    conversation: str
    inbox: str
    channel: str
    status: str
    priority: str
    owner: ConversationOwner
    intent: str | None
    language: str | None
    opened_at: datetime
    updated_at: datetime
    closed_at: datetime | None
    seq: int


class LedgerEvent(_CloudEvent):
    """An event of the ledger. `source` and `id` are the same however often it comes.

    type: `answerable.` and the event's kind. subject: the conversation, or the administration
    stream. seq: counts each subject's events without gaps. hash: the ledger's, which an export
    confirms. data: references, never texts or personal values.
    """

    type: str
    subject: str
    time: datetime
    datacontenttype: Literal["application/json"]
    actor: str
    seq: int
    hash: str
    data: dict[str, Any]
