"""When automatic replies left, by conversation and by keyed hash of the address."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.contacts.reply_caps import CapDecision, ReplyLimits, may_reply_automatically
from answerable.kit.database import UtcDateTime, delete_some, lock_until_commit, metadata
from answerable.kit.ids import ConversationId, TenantId

automatic_reply = sa.Table(
    "automatic_reply",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("conversation_id", sa.Text, nullable=False),
    sa.Column("address_lookup", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Index("automatic_reply_conversation", "conversation_id", "at"),
    sa.Index("automatic_reply_address", "tenant", "address_lookup", "at"),
)


def claim_automatic_reply(
    tx: Connection,
    *,
    tenant: TenantId,
    conversation: ConversationId,
    address_lookup: str,
    key: str,
    at: datetime,
    looks_like_a_loop: bool,
    limits: ReplyLimits,
) -> CapDecision:
    """Count one more automatic reply if the limits allow it; safe to repeat under the same `key`.

    Asking and counting are one transaction, so two workers cannot both take the last free place.
    address_lookup: keyed hash of the recipient (`contacts.store.Lookup.address`).
    """
    known = tx.execute(sa.select(automatic_reply.c.at).where(automatic_reply.c.key == key)).first()
    if known is not None:
        return CapDecision(allowed=True)
    lock_until_commit(tx, [f"automatic replies {address_lookup}"])
    since = at - limits.window
    in_conversation = tx.execute(
        sa.select(automatic_reply.c.at).where(
            automatic_reply.c.conversation_id == conversation, automatic_reply.c.at > since
        )
    ).scalars()
    to_address = tx.execute(
        sa.select(automatic_reply.c.at).where(
            automatic_reply.c.tenant == tenant,
            automatic_reply.c.address_lookup == address_lookup,
            automatic_reply.c.at > since,
        )
    ).scalars()
    decision = may_reply_automatically(
        at,
        in_conversation=tuple(in_conversation),
        to_address=tuple(to_address),
        looks_like_a_loop=looks_like_a_loop,
        limits=limits,
    )
    if decision.allowed:
        tx.execute(
            sa.insert(automatic_reply).values(
                key=key,
                tenant=tenant,
                conversation_id=conversation,
                address_lookup=address_lookup,
                at=at,
            )
        )
    return decision


def forget_automatic_replies(tx: Connection, *, before: datetime, most: int) -> int:
    """Remove what no limit counts any more; how many rows went."""
    table = automatic_reply.c
    return delete_some(tx, table.key, table.at < before, most=most)
