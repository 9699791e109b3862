"""The inbox list: one row a conversation, written in the same transaction as its events.

A projection: everything in it follows from the ledger and could be rebuilt from it.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import UtcDateTime, metadata
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.kit.rows import InsertRows, UpdateRows
from answerable.kit.sought_rows import SoughtRows

PRIORITIES = ("low", "normal", "high", "urgent")

conversation = sa.Table(
    "conversation",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("contact_id", sa.Text, nullable=False),
    sa.Column("inbox", sa.Text, nullable=False),
    sa.Column("channel", sa.Text, nullable=False),
    sa.Column("proof", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),  # open | closed
    sa.Column("priority", sa.Integer, nullable=False),  # index into PRIORITIES
    sa.Column("owner_kind", sa.Text, nullable=False),
    sa.Column("owner_id", sa.Text, nullable=False),
    sa.Column("intent", sa.Text),
    sa.Column("confidence", sa.Float),
    sa.Column("decision", sa.Text),
    sa.Column("team", sa.Text),
    sa.Column("language", sa.Text),
    sa.Column("sentiment", sa.Float),
    sa.Column("trend", sa.Text),  # of the sentiment: falling | steady | rising
    sa.Column("sketch", sa.Text),  # of the meaning of what was understood last
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
    sa.Column("waiting_since", UtcDateTime),
    sa.Column("first_response_due", UtcDateTime),
    sa.Column("closed_at", UtcDateTime),
    sa.Column("head_seq", sa.Integer, nullable=False),
    sa.Column("subject_ref", sa.Text),
    sa.Column("last_ref", sa.Text),
    sa.Column("last_author", sa.Text),
)
sa.Index(
    "conversation_inbox",
    conversation.c.tenant,
    conversation.c.status,
    conversation.c.owner_kind,
    conversation.c.owner_id,
    conversation.c.updated_at,
    conversation.c.id,
)
sa.Index("conversation_contact", conversation.c.contact_id, conversation.c.inbox)


@dataclass(frozen=True, kw_only=True, slots=True)
class Summary:
    """A conversation as the inbox shows it. Texts are vault references, never words."""

    id: ConversationId
    tenant: TenantId
    contact_id: ContactId
    inbox: str
    channel: str
    proof: str
    status: str
    priority: int
    owner_kind: str
    owner_id: str
    intent: str | None
    confidence: float | None
    decision: str | None
    team: str | None
    language: str | None
    sentiment: float | None
    trend: str | None
    sketch: str | None
    opened_at: datetime
    updated_at: datetime
    waiting_since: datetime | None
    first_response_due: datetime | None
    closed_at: datetime | None
    head_seq: int
    subject_ref: str | None
    last_ref: str | None
    last_author: str | None


# Kind and id of the owner of an open conversation.
Holder = tuple[str, str]


@dataclass(frozen=True, kw_only=True, slots=True)
class SummaryChange:
    """before: who had it before the change; None: nobody, as it was closed."""

    summary: Summary
    before: Holder | None


def holder_of(one: "Summary") -> Holder | None:
    """Who has a conversation; None for one that is closed."""
    return (one.owner_kind, one.owner_id) if one.status == "open" else None


_ALL = tuple(column.name for column in conversation.c)
_FIXED = {"id", "tenant", "contact_id", "inbox", "channel", "opened_at"}
_CHANGING = tuple(name for name in _ALL if name not in _FIXED)
_insert = InsertRows(conversation, _ALL)
_update = UpdateRows(conversation, "id", _CHANGING)

_CONTACTS_OF = SoughtRows(
    sa.select(conversation.c.id, conversation.c.contact_id), conversation.c.id
)
_OPEN_OF = SoughtRows(
    sa.select(conversation.c.id, conversation.c.contact_id, conversation.c.inbox)
    .where(conversation.c.status == "open")
    .order_by(conversation.c.opened_at),
    conversation.c.contact_id,
)


def write_summaries(tx: Connection, *, new: Sequence[Summary], changed: Sequence[Summary]) -> None:
    """changed: each conversation once."""
    _insert.write(tx, [_row(summary, _ALL) for summary in new])
    _update.write(tx, [_row(summary, ("id", *_CHANGING)) for summary in changed])


def _row(summary: Summary, names: Sequence[str]) -> dict[str, Any]:
    # Not `asdict`, which copies deeply what cannot change: it took a fifth of a message's time.
    return {name: getattr(summary, name) for name in names}


def find_open_conversations(
    tx: Connection, contacts: Sequence[tuple[ContactId, str]]
) -> dict[tuple[ContactId, str], ConversationId]:
    """The latest open conversation of each (contact, inbox), where there is one."""
    ids = list({contact_id for contact_id, _ in contacts})
    wanted = set(contacts)
    found = {}
    for row in _OPEN_OF.read(tx, ids):
        if (row.contact_id, row.inbox) in wanted:
            found[(ContactId(row.contact_id), str(row.inbox))] = ConversationId(row.id)
    return found


def get_contact_of(
    tx: Connection, ids: Sequence[ConversationId]
) -> dict[ConversationId, ContactId]:
    """Whose conversation each is."""
    rows = _CONTACTS_OF.read(tx, ids)
    return {ConversationId(row.id): ContactId(row.contact_id) for row in rows}
