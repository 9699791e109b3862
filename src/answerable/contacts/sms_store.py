"""What gateways reported of text messages: the furthest each has come. No number, no text."""

from dataclasses import dataclass
from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.contacts.sms import SmsReport
from answerable.kit.database import UtcDateTime, lock_until_commit, metadata
from answerable.kit.ids import TenantId

sms_report = sa.Table(
    "sms_report",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),  # of the effect that sent it
    sa.Column("message_id", sa.Text, nullable=False),
    sa.Column("status", sa.Text, nullable=False),
    sa.Column("error", sa.Text),
    sa.Column("at", UtcDateTime, nullable=False),
)
_row = sms_report.c


@dataclass(frozen=True, kw_only=True)
class KnownReport:
    """at: when it was heard."""

    report: SmsReport
    at: datetime


def note_report(tx: Connection, tenant: TenantId, report: SmsReport, *, at: datetime) -> bool:
    """Keep a report, unless as much is known already; whether it was news."""
    lock_until_commit(tx, [f"sms {tenant} {report.key}"])
    known = report_of(tx, tenant, report.key)
    if known is not None and known.report.rank >= report.rank:
        return False
    row = {"message_id": report.message_id, "status": report.status, "error": report.error}
    if known is None:
        place = {"tenant": tenant, "key": report.key}
        tx.execute(sa.insert(sms_report).values({**place, **row, "at": at}))
    else:
        same = (_row.tenant == tenant, _row.key == report.key)
        tx.execute(sa.update(sms_report).where(*same).values({**row, "at": at}))
    return True


def report_of(tx: Connection, tenant: TenantId, key: str) -> KnownReport | None:
    """What is known of the message that was sent under this key."""
    query = sa.select(sms_report).where(_row.tenant == tenant, _row.key == key)
    row = tx.execute(query).first()
    if row is None:
        return None
    report = SmsReport(key=key, message_id=row.message_id, status=row.status, error=row.error)
    return KnownReport(report=report, at=row.at)
