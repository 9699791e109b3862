"""Links by the hash of their token: which change of which conversation they open, and until when.

Whether one still opens anything is said by the conversation: see `flow.self_service`.
"""

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import UtcDateTime, delete_some, metadata
from answerable.kit.ids import ConversationId, TenantId

page_link = sa.Table(
    "page_link",
    metadata,
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
    sa.Column("change_id", sa.Text, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredLink:
    token_hash: str
    tenant: TenantId
    conversation: ConversationId
    change: str
    expires_at: datetime


def add_links(tx: Connection, links: Iterable[StoredLink]) -> None:
    rows = [
        {"token_hash": one.token_hash, "tenant": one.tenant, "conversation_id": one.conversation,
         "change_id": one.change, "expires_at": one.expires_at}
        for one in links
    ]  # fmt: skip
    if rows:
        tx.execute(sa.insert(page_link), rows)


def find_link(tx: Connection, hashed: str) -> StoredLink | None:
    """Also one that has expired: whoever asks looks at the clock."""
    row = tx.execute(sa.select(page_link).where(page_link.c.token_hash == hashed)).first()
    if row is None:
        return None
    return StoredLink(
        token_hash=row.token_hash, tenant=TenantId(row.tenant),
        conversation=ConversationId(row.conversation_id), change=row.change_id,
        expires_at=row.expires_at,
    )  # fmt: skip


def forget_links(tx: Connection, *, before: datetime, most: int) -> int:
    """Remove links that expired earlier; how many. They open nothing either way."""
    return delete_some(tx, page_link.c.token_hash, page_link.c.expires_at < before, most=most)
