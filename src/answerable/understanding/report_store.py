"""What the training of each tenant's live model showed, where every process can read it.

The model's files lie with the processes that read texts; the console is served by others.
"""

from collections.abc import Mapping
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import JsonText, UtcDateTime, metadata
from answerable.kit.ids import TenantId

model_report = sa.Table(
    "model_report",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("model", sa.Text, primary_key=True),
    sa.Column("report", JsonText, nullable=False),
    sa.Column("at", UtcDateTime, nullable=False),
)
# What a console shows; a model of an earlier release has no languages.
_KEPT = ("messages", "asked_precision", "chosen", "ece", "intents", "languages")


def save_report(
    tx: Connection,
    tenant: TenantId,
    model: str,
    report: Mapping[str, Any],
    *,
    at: datetime,
    definition: str | None = None,
) -> None:
    """report: as `version_report` makes it. From `at` on the model is the live one.

    definition: `data_hash` of what the definition taught when it was trained, if that is known.
    """
    same = (model_report.c.tenant == tenant, model_report.c.model == model)
    tx.execute(sa.delete(model_report).where(*same))
    kept = {name: report[name] for name in _KEPT if name in report} | {"definition": definition}
    row = {"tenant": tenant, "model": model, "report": kept, "at": at}
    tx.execute(sa.insert(model_report).values(row))


def read_report(tx: Connection, tenant: TenantId) -> tuple[str, Mapping[str, Any]] | None:
    """The live model's name, and its report; None before a process has loaded one."""
    query = sa.select(model_report.c.model, model_report.c.report)
    newest = query.where(model_report.c.tenant == tenant).order_by(model_report.c.at.desc())
    row = tx.execute(newest.limit(1)).first()
    return None if row is None else (row.model, row.report)
