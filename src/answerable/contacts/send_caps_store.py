"""When text messages and mails with codes left, by keyed hashes of where they went."""

from collections.abc import Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.contacts.send_caps import Sent, cap_reached, rates_of, windows_of
from answerable.definition.changes import EMAIL, SMS
from answerable.definition.schema import MailLimits, TextLimits
from answerable.kit.database import UtcDateTime, delete_some, lock_until_commit, metadata
from answerable.kit.ids import TenantId

sent_text = sa.Table(
    "sent_text",
    metadata,
    sa.Column("key", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("by", sa.Text, nullable=False),  # "sms" or "email"
    sa.Column("number", sa.Text, nullable=False),  # or of the mail address
    sa.Column("prefix", sa.Text, nullable=False),  # of a number; of a mail address ""
    sa.Column("at", UtcDateTime, nullable=False, index=True),
    sa.Index("sent_text_number", "tenant", "number", "at"),
    sa.Index("sent_text_prefix", "tenant", "prefix", "at"),
    sa.Index("sent_text_tenant", "tenant", "by", "at"),
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
    table = sent_text.c
    alike = {"number": [table.number == number], "prefix": [table.prefix == prefix], "tenant": []}
    row = {"key": key, "tenant": tenant, "by": SMS, "number": number, "prefix": prefix, "at": at}
    return _claim(tx, row, alike, limits)


def claim_code_mail(
    tx: Connection,
    *,
    tenant: TenantId,
    address: str,
    key: str,
    at: datetime,
    limits: MailLimits,
) -> str | None:
    """Count one more mail with a code if the limits allow it; else the limit that does not.

    Safe to repeat under the same `key`. address: keyed hash of it (`contacts.store.Lookup`).
    """
    alike: _Alike = {"address": [sent_text.c.number == address], "tenant": []}
    row = {"key": key, "tenant": tenant, "by": EMAIL, "number": address, "prefix": "", "at": at}
    return _claim(tx, row, alike, limits)


_Alike = Mapping[str, list[sa.ColumnElement[bool]]]


def _claim(
    tx: Connection, row: Mapping[str, Any], alike: _Alike, limits: TextLimits | MailLimits
) -> str | None:
    """alike: which rows are counted for each limit."""
    # Of all of a tenant's: its sum is a limit too.
    lock_until_commit(tx, [f"texts of {row['tenant']}"])
    table = sent_text.c
    known = sa.select(table.at).where(table.key == row["key"])
    if tx.execute(known).first() is not None:
        return None
    whose = [table.tenant == row["tenant"], table.by == row["by"]]
    sent = {
        name: _sent(tx, row["at"], windows_of(rates), [*whose, *alike[name]])
        for name, rates in rates_of(limits).items()
    }
    reached = cap_reached(sent, limits)
    if reached is None:
        tx.execute(sa.insert(sent_text).values(row))
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
