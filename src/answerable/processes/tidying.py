"""Tidying: what no rule asks for any more is removed, some rows at a time.

The ledger is not touched: it says for good that a code or a link was given, and who asked for it.
"""

import asyncio
from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Protocol

from sqlalchemy import Connection

from answerable.contacts.links_store import forget_links
from answerable.contacts.one_time_codes_store import forget_codes
from answerable.contacts.reply_caps_store import forget_automatic_replies
from answerable.contacts.send_caps_store import forget_texts
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.telemetry import get_logger

log = get_logger("processes")

TIDY_EVERY = timedelta(hours=1)
AT_ONCE = 500  # rows a transaction: whoever writes beside it hardly waits


class Forget(Protocol):
    def __call__(self, tx: Connection, *, before: datetime, most: int) -> int: ...


# All count within a day. A week more, since work that waits for a system that is away comes again
# under the same key, and must find that it was counted.
KEPT: Mapping[str, tuple[Forget, timedelta]] = {
    "links": (forget_links, timedelta(days=30)),
    "codes": (forget_codes, timedelta(days=8)),
    "text messages": (forget_texts, timedelta(days=8)),
    "automatic replies": (forget_automatic_replies, timedelta(days=8)),
}


class Tidying:
    def __init__(self, database: Database, clock: Clock) -> None:
        self._database = database
        self._clock = clock

    async def run(self) -> None:
        """Tidy now and then, until cancelled."""
        while True:
            try:
                for what, number in (await self.tidy()).items():
                    if number:
                        log.info("tidied", what=what, rows=number)
            except Exception:
                log.exception("tidying_failed")
            await asyncio.sleep(TIDY_EVERY.total_seconds())

    async def tidy(self) -> dict[str, int]:
        """How many rows of each kind went."""
        now = self._clock.now()
        return {what: await self._forget(one, now - kept) for what, (one, kept) in KEPT.items()}

    async def _forget(self, forget: Forget, before: datetime) -> int:
        gone = 0
        while True:
            some = await self._database.write(lambda tx: forget(tx, before=before, most=AT_ONCE))
            gone += some
            if some < AT_ONCE:
                return gone
            await asyncio.sleep(0)
