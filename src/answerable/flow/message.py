"""What a channel hands over: a message, already parsed, not yet masked or stored."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any

from answerable.contacts.threading import Evidence
from answerable.definition.terms import Proof
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.ledger.event import Event


@dataclass(frozen=True, kw_only=True)
class Attachment:
    """A file that came with a message. digest: SHA-256, hex; the name is already harmless."""

    name: str
    media_type: str
    size_bytes: int
    digest: str


@dataclass(frozen=True, kw_only=True)
class Sender:
    """Who the message says it is from.

    kind: "email" (a mail address), "customer" (the host application's id for a signed-in person)
    or "visitor" (a chat session nobody vouches for).
    address: normalised: mail addresses in lower case.
    """

    kind: str
    address: str
    name: str | None = None


@dataclass(frozen=True, kw_only=True)
class ThreadHints:
    """What speaks for an existing conversation; the rule that weighs it is in `contacts`.

    conversation: from a reply token whose signature was verified.
    references: Message-IDs from In-Reply-To and References, newest last.
    aligned: the From domain was authenticated by DMARC, says a server we trust.
    required: what the inbox asks for before a mail may join its sender's conversation.
    """

    conversation: ConversationId | None = None
    references: tuple[str, ...] = ()
    aligned: bool = False
    required: Evidence = Evidence.TOKEN


@dataclass(frozen=True, kw_only=True)
class InboundMessage:
    """A message from outside.

    external_id: the sender's own id for it, unique within the inbox; the same id again is the
    same message and is not stored twice.
    text: what the person wrote, quotes and signature cut. original: the whole text, if different.
    automatic: why we think that no person wrote it (RFC 3834), else None.
    unparsable: why it could not be read; a person has to look at the stored original.
    bounce_of: our Message-ID that came back undelivered.
    contact, conversation: set where the channel knows them from a session (chat).
    follows: external id of what the sender said just before, where that may not be stored yet; then
    this is not to be stored either.
    """

    tenant: TenantId
    inbox: str
    channel: str
    external_id: str
    text: str
    sender: Sender
    at: datetime
    proof: Proof = Proof.ANONYMOUS
    subject: str | None = None
    original: str | None = None
    automatic: str | None = None
    unparsable: str | None = None
    bounce_of: str | None = None
    message_id: str | None = None
    thread: ThreadHints = field(default_factory=ThreadHints)
    attachments: tuple[Attachment, ...] = ()
    raw_id: str | None = None
    contact: ContactId | None = None
    conversation: ConversationId | None = None
    context: Mapping[str, str] = field(default_factory=dict)
    follows: str | None = None


@dataclass(frozen=True, kw_only=True)
class Accepted:
    """Where a message was stored. duplicate: it had been taken in before, as this event."""

    conversation: ConversationId
    seq: int
    at: datetime
    duplicate: bool = False


@dataclass(frozen=True, kw_only=True, slots=True)
class News:
    """Events of one conversation that were just committed, for those who follow it live.

    events: in order and without a gap; texts: the vault's values that they refer to, by id.
    """

    tenant: TenantId
    conversation: ConversationId
    events: tuple[Event, ...]
    texts: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class OutboundReply:
    """A reply that is to leave through a channel.

    key: the effect's idempotency key: a channel derives its own stable ids from it.
    automatic: written by the assistant rather than by a person. apart: it belongs to no thread; an
    answer to it opens a conversation of its own.
    in_reply_to, references: Message-IDs of the thread, oldest first.
    """

    tenant: TenantId
    conversation: ConversationId
    inbox: str
    key: str
    to: Sender
    subject: str
    text: str
    automatic: bool
    language: str
    in_reply_to: str | None = None
    references: tuple[str, ...] = ()
    agent_name: str | None = None
    apart: bool = False


@dataclass(frozen=True, kw_only=True)
class Delivered:
    """What the channel knows after a reply left.

    message_id: the id replies will name. held: it was kept back on purpose and has not left.
    """

    message_id: str | None = None
    held: bool = False
