"""The administration stream: one per tenant, for what matters but belongs to no conversation."""

from datetime import datetime

from sqlalchemy import Connection

from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.append import Appender
from answerable.ledger.event import Event, NewEvent


def administration_stream(tenant: TenantId) -> ConversationId:
    return ConversationId(f"adm_{tenant}")


def record_administration(
    tx: Connection, tenant: TenantId, new: NewEvent, *, at: datetime
) -> Event:
    """Append to the tenant's administration stream, in the transaction of the change itself."""
    appender = Appender(tx)
    stream_id = administration_stream(tenant)
    appender.load([stream_id])
    if not appender.knows(stream_id):
        appender.open_stream(stream_id, tenant, kind="administration")
    appended = appender.append(stream_id, new, at=at)
    appender.flush()
    return appended
