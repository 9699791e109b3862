"""What waits, counted for the metrics: effects that are due, and people's answers that are late."""

from collections.abc import Iterable
from datetime import datetime
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.desk.summary_store import PRIORITIES, conversation
from answerable.kit.database import Database
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import FIRST_RESPONSES_LATE, QUEUE_DEPTH
from answerable.ledger.outbox import outbox_depths

WITH_PEOPLE = ("queue", "agent")


async def count_waiting(database: Database, tenants: Iterable[TenantId], now: datetime) -> None:
    """Not at each sweep, as it costs by what waits."""
    depths = await database.read(lambda tx: outbox_depths(tx, now))
    QUEUE_DEPTH.clear()
    for kind, depth in depths.items():
        QUEUE_DEPTH.labels(kind).set(depth)
    late = {
        tenant: await database.read(partial(late_responses, tenant=tenant, now=now), tenant=tenant)
        for tenant in tenants
    }
    FIRST_RESPONSES_LATE.clear()
    for tenant, waiting in late.items():
        for (team, priority), number in waiting.items():
            FIRST_RESPONSES_LATE.labels(tenant, team, priority).set(number)


def late_responses(
    tx: Connection, *, tenant: TenantId, now: datetime
) -> dict[tuple[str, str], int]:
    """Open conversations that people should have answered by now, by team and priority."""
    query = (
        sa.select(conversation.c.team, conversation.c.priority, sa.func.count())
        .where(
            conversation.c.tenant == tenant,
            conversation.c.status == "open",
            conversation.c.owner_kind.in_(WITH_PEOPLE),
            conversation.c.first_response_due <= now,
        )
        .group_by(conversation.c.team, conversation.c.priority)
    )
    return {(row[0] or "", PRIORITIES[row[1]]): row[2] for row in tx.execute(query)}
