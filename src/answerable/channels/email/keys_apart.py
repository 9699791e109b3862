"""Keys of mails that are apart from them, and go by themselves: of tenants that keep nothing.

A server's pages, its write-ahead log and its backups hold what was deleted for as long as they
like. Of these mails they never have the key.
"""

import asyncio
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from answerable.kit.ids import TenantId
from answerable.kit.volatile import Volatile

APART = b""  # stands in the mail's row where its key would
_NAME = "key"


@dataclass(frozen=True, kw_only=True)
class MailKeys:
    """lasts: how long a tenant's are kept; None: theirs are beside the mails, as usual.
    Raises StoreUnavailable."""

    volatile: Volatile
    lasts: Callable[[TenantId], timedelta | None]

    async def put(self, tenant: TenantId, mail_id: str, wrapped: bytes) -> bytes:
        """What is to stand in the mail's row."""
        lasts = self.lasts(tenant)
        if lasts is None:
            return wrapped
        group = _group(tenant, mail_id)
        await asyncio.to_thread(self.volatile.put, group, {_NAME: wrapped}, lasts=lasts)
        return APART

    async def get(self, tenant: TenantId, mail_id: str, in_row: bytes) -> bytes | None:
        """None: it is gone."""
        if in_row != APART:
            return in_row
        found = await asyncio.to_thread(self.volatile.get, _group(tenant, mail_id), [_NAME])
        return found.get(_NAME)

    def forget(self, tenant: TenantId, mail_id: str) -> None:
        self.volatile.remove(_group(tenant, mail_id), [_NAME])


def _group(tenant: TenantId, mail_id: str) -> str:
    return f"{tenant}/{mail_id}"
