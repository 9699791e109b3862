"""Keys of mails that are apart from them, and go by themselves: of tenants that keep nothing.

A server's pages, its write-ahead log and its backups hold what was deleted for as long as they
like. Of these mails they never have the key.

Each content has a key of its own: whoever puts away one for another content, and ends before that
is in the mail's row, leaves the one that is there readable.
"""

import asyncio
import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from datetime import timedelta

from answerable.kit.ids import TenantId
from answerable.kit.volatile import Volatile

APART = b""  # stands in the mail's row where its key would


@dataclass(frozen=True, kw_only=True)
class MailKeys:
    """lasts: how long a tenant's are kept; None: theirs are beside the mails, as usual.
    Raises StoreUnavailable."""

    volatile: Volatile
    lasts: Callable[[TenantId], timedelta | None]

    async def put(self, tenant: TenantId, mail_id: str, wrapped: bytes, *, of: bytes) -> bytes:
        """What is to stand in the mail's row. of: what it opens."""
        lasts = self.lasts(tenant)
        if lasts is None:
            return wrapped
        group = _group(tenant, mail_id)
        await asyncio.to_thread(self.volatile.put, group, {_name(of): wrapped}, lasts=lasts)
        return APART

    async def get(
        self, tenant: TenantId, mail_id: str, in_row: bytes, *, of: bytes
    ) -> bytes | None:
        """None: it is gone."""
        if in_row != APART:
            return in_row
        name = _name(of)
        found = await asyncio.to_thread(self.volatile.get, _group(tenant, mail_id), [name])
        return found.get(name)

    async def drop(self, tenant: TenantId, mail_id: str, in_row: bytes, *, of: bytes) -> None:
        """The key of a content that is not in the row any more. in_row: as it stood beside it."""
        if in_row == APART:
            await asyncio.to_thread(self.volatile.remove, _group(tenant, mail_id), [_name(of)])

    def forget(self, tenant: TenantId, mail_id: str) -> None:
        """All of a mail."""
        group = _group(tenant, mail_id)
        self.volatile.remove(group, list(self.volatile.all_of(group)))


def _group(tenant: TenantId, mail_id: str) -> str:
    return f"{tenant}/{mail_id}"


def _name(of: bytes) -> str:
    return hashlib.sha256(of).hexdigest()[:32]
