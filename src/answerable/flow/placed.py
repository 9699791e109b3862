"""A message that has found its contact and conversation, and what is written of it."""

from dataclasses import dataclass
from typing import Any

from answerable.definition.terms import Proof
from answerable.desk.summary_store import PRIORITIES, Summary
from answerable.flow.message import InboundMessage
from answerable.kit.ids import ContactId, ConversationId
from answerable.ledger.append import Appender
from answerable.ledger.event import SYSTEM, NewEvent
from answerable.privacy.sealing import VaultRef


@dataclass(frozen=True, kw_only=True, slots=True)
class Placed:
    """A message with its contact and conversation."""

    message: InboundMessage
    key: str
    contact: ContactId
    conversation: ConversationId
    opens: bool
    bounced_reply: int | None = None


def open_conversation(appender: Appender, place: Placed) -> None:
    message = place.message
    appender.open_stream(place.conversation, message.tenant)
    opened = NewEvent(
        kind="conversation_opened",
        actor=SYSTEM,
        data={
            "contact": place.contact,
            "channel": message.channel,
            "inbox": message.inbox,
            "proof": message.proof.value,
        },
    )
    appender.append(place.conversation, opened, at=message.at)


def event_data(place: Placed, reference: VaultRef, handles: list[str]) -> dict[str, Any]:
    message = place.message
    data: dict[str, Any] = {
        "text": {"ref": reference.id, "commitment": reference.commitment},
        "author": "contact",
        "proof": message.proof.value,
    }
    if place.opens:
        data["first"] = True
    if handles:
        data["handles"] = handles
    for name in ("automatic", "unparsable", "raw_id"):
        if getattr(message, name):
            data[name] = getattr(message, name)
    if place.bounced_reply is not None:
        data["bounce_of"] = place.bounced_reply
    if "client_id" in message.context:
        data["client_id"] = message.context["client_id"]
    if message.attachments:
        data["attachments"] = [
            {"media_type": a.media_type, "size_bytes": a.size_bytes, "digest": a.digest}
            for a in message.attachments
        ]
    return data


def new_summary(place: Placed) -> Summary:
    message, at = place.message, place.message.at
    return Summary(
        id=place.conversation, tenant=message.tenant, contact_id=place.contact,
        inbox=message.inbox, channel=message.channel, proof=Proof(message.proof).value,
        status="open", priority=PRIORITIES.index("normal"), owner_kind="assistant", owner_id="",
        intent=None, confidence=None, decision=None, team=None, language=None, sentiment=None,
        trend=None, sketch=None,
        opened_at=at, updated_at=at, waiting_since=at, first_response_due=None, closed_at=None,
        head_seq=0, subject_ref=None, last_ref=None, last_author=None,
    )  # fmt: skip
