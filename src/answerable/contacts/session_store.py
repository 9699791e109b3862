"""Customer sessions as a table: the bearer as a hash, the person sealed under the bearer."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import UtcDateTime, metadata
from answerable.kit.ids import ConversationId, TenantId

customer_session = sa.Table(
    "customer_session",
    metadata,
    sa.Column("token_hash", sa.Text, primary_key=True),
    sa.Column("id", sa.Text, nullable=False),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("inbox", sa.Text, nullable=False),
    sa.Column("proof", sa.Text, nullable=False),
    sa.Column("person", sa.LargeBinary, nullable=False),  # sealed: see contacts.session
    sa.Column("conversation_id", sa.Text),
    sa.Column("opened_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False, index=True),
)


@dataclass(frozen=True, kw_only=True, slots=True)
class StoredCustomerSession:
    id: str
    token_hash: str
    tenant: TenantId
    inbox: str
    proof: str
    person: bytes
    conversation: ConversationId | None
    opened_at: datetime
    expires_at: datetime


def add_customer_session(tx: Connection, new: StoredCustomerSession) -> None:
    tx.execute(
        sa.insert(customer_session).values(
            token_hash=new.token_hash,
            id=new.id,
            tenant=new.tenant,
            inbox=new.inbox,
            proof=new.proof,
            person=new.person,
            conversation_id=new.conversation,
            opened_at=new.opened_at,
            expires_at=new.expires_at,
        )
    )


def find_customer_session(tx: Connection, token_hash: str) -> StoredCustomerSession | None:
    row = tx.execute(
        sa.select(customer_session).where(customer_session.c.token_hash == token_hash)
    ).first()
    if row is None:
        return None
    return StoredCustomerSession(
        id=row.id,
        token_hash=row.token_hash,
        tenant=TenantId(row.tenant),
        inbox=row.inbox,
        proof=row.proof,
        person=row.person,
        conversation=ConversationId(row.conversation_id) if row.conversation_id else None,
        opened_at=row.opened_at,
        expires_at=row.expires_at,
    )


def bind_conversation(tx: Connection, token_hash: str, conversation: ConversationId) -> None:
    tx.execute(
        sa.update(customer_session)
        .where(customer_session.c.token_hash == token_hash)
        .values(conversation_id=conversation)
    )


def end_customer_session(tx: Connection, token_hash: str) -> None:
    tx.execute(sa.delete(customer_session).where(customer_session.c.token_hash == token_hash))


def purge_customer_sessions(tx: Connection, now: datetime) -> None:
    tx.execute(sa.delete(customer_session).where(customer_session.c.expires_at <= now))
