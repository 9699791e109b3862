"""The versions of a tenant's model in the ledger's administration stream."""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import lock_until_commit
from answerable.kit.ids import TenantId
from answerable.ledger.administration import administration_stream, record_administration
from answerable.ledger.event import NewEvent
from answerable.ledger.tables import event as events
from answerable.understanding.versions import (
    VERSION_EVENTS,
    VersionEvent,
    Versions,
    advanced,
)


def read_versions(tx: Connection, tenant: TenantId, since: Versions | None = None) -> Versions:
    """The tenant's versions as of now. since: what is known already; only later events are read."""
    since = since or Versions()
    query = (
        sa.select(events.c.seq, events.c.kind, events.c.at, events.c.data)
        .where(
            events.c.stream == administration_stream(tenant),
            events.c.seq > since.seq,
            events.c.kind.in_(VERSION_EVENTS),
        )
        .order_by(events.c.seq)
    )
    return advanced(
        since,
        [
            VersionEvent(seq=row.seq, kind=row.kind, at=row.at, data=row.data)
            for row in tx.execute(query)
        ],
    )


def versions_to_change(tx: Connection, tenant: TenantId) -> Versions:
    """As `read_versions`; until this transaction ends nobody else changes them."""
    lock_until_commit(tx, [f"models {tenant}"])
    return read_versions(tx, tenant)


def record_version(
    tx: Connection, tenant: TenantId, kind: str, data: Mapping[str, Any], *, by: str, at: datetime
) -> None:
    """One of VERSION_EVENTS, in the transaction of the change. by: an actor."""
    record_administration(tx, tenant, NewEvent(kind=kind, actor=by, data=dict(data)), at=at)
