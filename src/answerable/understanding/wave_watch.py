"""The waves of each tenant, looked for at most once a minute whoever asks."""

import asyncio
from collections import defaultdict
from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.desk.summary_store import conversation
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.understanding.waves import BEFORE, MOST, WINDOW, Said, Wave, find_waves

FRESH = timedelta(minutes=1)

sa.Index("conversation_by_opening", conversation.c.tenant, conversation.c.opened_at)

_OPENED = (
    sa.select(
        conversation.c.id,
        conversation.c.contact_id,
        conversation.c.opened_at,
        conversation.c.intent,
        conversation.c.sketch,
    )
    .where(
        conversation.c.tenant == sa.bindparam("tenant"),
        conversation.c.opened_at > sa.bindparam("since"),
        conversation.c.opened_at <= sa.bindparam("until"),
        conversation.c.sketch.is_not(None),
    )
    .order_by(conversation.c.opened_at.desc())
    .limit(MOST)
)


class WaveWatch:
    """Asks the store, compares, and remembers the answer for FRESH."""

    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock
        self._found: dict[TenantId, tuple[datetime, list[Wave]]] = {}
        self._asking: defaultdict[TenantId, asyncio.Lock] = defaultdict(asyncio.Lock)

    async def of(self, tenant: TenantId) -> list[Wave]:
        """Those of now, the largest first."""
        async with self._asking[tenant]:
            now = self._clock.now()
            known = self._found.get(tenant)
            if known is None or now - known[0] >= FRESH:
                found = await self._database.read(
                    lambda tx: find_waves(read_said(tx, tenant, now), now), tenant=tenant
                )
                self._found[tenant] = known = now, found
            return known[1]


def read_said(tx: Connection, tenant: TenantId, now: datetime) -> Sequence[Said]:
    """What was opened within the last hour and the day before that, MOST of each, latest first."""
    begin = now - WINDOW
    times = ((begin, now), (begin - BEFORE, begin))
    return [
        Said(
            conversation=ConversationId(row.id),
            contact=ContactId(row.contact_id),
            at=row.opened_at,
            intent=row.intent,
            sketch=row.sketch,
        )
        for since, until in times
        for row in tx.execute(_OPENED, {"tenant": tenant, "since": since, "until": until})
    ]
