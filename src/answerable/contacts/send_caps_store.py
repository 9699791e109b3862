"""When text messages left, by keyed hashes of the number and of how it begins."""

from collections.abc import Sequence
from datetime import datetime, timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.contacts.send_caps import Sent, cap_reached, rates_of, windows_of
from answerable.definition.schema import TextLimits
from answerable.kit.database import UtcDateTime, delete_some, lock_until_commit, metadata
from answerable.kit.ids import TenantId

sent_text = sa.Table(
    "sent_text",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("number", sa.Text, nullable=False),
    sa.Column("prefix", sa.Text, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Index("sent_text_number", "tenant", "number", "at"),
    sa.Index("sent_text_prefix", "tenant", "prefix", "at"),
    sa.Index("sent_text_tenant", "tenant", "at"),
)


def claim_text(
    tx: Connection,
    *,
    tenant: TenantId,
    number: str,
    prefix: str,
    key: str,
    at: datetime,
    limits: TextLimits,
) -> str | None:
    """Count one more text message if the limits allow it; else the limit that does not.

    Safe to repeat under the same `key`. number, prefix: keyed hashes (`contacts.store.Lookup`).
    """
    # Of all of a tenant's: its sum is a limit too.
    lock_until_commit(tx, [f"texts of {tenant}"])
    if tx.execute(sa.select(sent_text.c.at).where(sent_text.c.key == key)).first() is not None:
        return None
    table = sent_text.c
    alike = {"number": [table.number == number], "prefix": [table.prefix == prefix], "tenant": []}
    sent = {
        name: _sent(tx, at, windows_of(rates), [table.tenant == tenant, *alike[name]])
        for name, rates in rates_of(limits).items()
    }
    reached = cap_reached(sent, limits)
    if reached is None:
        tx.execute(
            sa.insert(sent_text).values(
                key=key, tenant=tenant, number=number, prefix=prefix, at=at
            )
        )  # fmt: skip
    return reached


def _sent(
    tx: Connection,
    at: datetime,
    windows: Sequence[timedelta],
    which: Sequence[sa.ColumnElement[bool]],
) -> Sent:
    counts = [sa.func.count(sa.case((sent_text.c.at > at - window, 1))) for window in windows]
    query = sa.select(*counts).where(*which, sent_text.c.at > at - windows[-1])
    return dict(zip(windows, tx.execute(query).one(), strict=True))


def forget_texts(tx: Connection, *, before: datetime, most: int) -> int:
    """Remove what no limit counts any more; how many rows went."""
    return delete_some(tx, sent_text.c.key, sent_text.c.at < before, most=most)
