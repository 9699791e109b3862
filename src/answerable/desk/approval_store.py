"""Approvals as a table: what is to be decided, for lists. The events say what was decided.

A row is written in the transaction of the event that it tells of, so both say the same.
"""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row

from answerable.kit.database import UtcDateTime, metadata
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.event import Event

approval = sa.Table(
    "approval",
    metadata,
    sa.Column("change_id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("conversation_id", sa.Text, nullable=False),
    sa.Column("kind", sa.Text, nullable=False),
    sa.Column("team", sa.Text),
    sa.Column("commitment", sa.Text, nullable=False),
    sa.Column("requested_at", UtcDateTime, nullable=False),
    sa.Column("expires_at", UtcDateTime, nullable=False),
    sa.Column("approvers", sa.Integer, nullable=False),
    sa.Column("consents", sa.Integer, nullable=False),
    sa.Column("outcome", sa.Text),  # null while undecided
    sa.Column("decided_by", sa.Text),
    sa.Column("decided_at", UtcDateTime),
    sa.Index("approval_open", "tenant", "outcome", "change_id"),
)

MOST_COUNTED = 100
_OUTCOMES = {
    "approved": "approved",
    "approval_refused": "refused",
    "approval_expired": "expired",
    "change_withdrawn": "withdrawn",
}


@dataclass(frozen=True, kw_only=True, slots=True)
class Approval:
    """id: of the change. outcome: "approved", "refused", "expired" or "withdrawn"; None: open.

    approvers: how many agents must consent; consents: how many have.
    """

    id: str
    tenant: TenantId
    conversation: ConversationId
    kind: str
    team: str | None
    commitment: str
    requested_at: datetime
    expires_at: datetime
    approvers: int
    consents: int
    outcome: str | None
    decided_by: str | None
    decided_at: datetime | None


def note_approvals(tx: Connection, events: Sequence[Event]) -> None:
    """Write what these events, of which most concern no approval, say of approvals."""
    for event in events:
        if event.kind == "approval_requested":
            tx.execute(sa.insert(approval).values(_requested(event)))
        elif event.kind in _OUTCOMES:
            undecided = (
                approval.c.change_id == event.data["change"],
                approval.c.tenant == event.tenant,
                approval.c.outcome.is_(None),
            )
            tx.execute(sa.update(approval).where(*undecided).values(_decided(event)))


def _decided(event: Event) -> dict[str, Any]:
    consent = {"consents": approval.c.consents + 1} if event.kind == "approved" else {}
    if consent and event.data["left"]:
        return consent
    outcome = _OUTCOMES[event.kind]
    return {**consent, "outcome": outcome, "decided_by": event.actor, "decided_at": event.at}


def _requested(event: Event) -> dict[str, Any]:
    data = event.data
    return {
        "change_id": data["change"],
        "tenant": event.tenant,
        "conversation_id": event.stream,
        "kind": data["kind"],
        "team": data.get("team"),
        "commitment": data["commitment"],
        "requested_at": event.at,
        "expires_at": datetime.fromisoformat(data["expires_at"]),
        "approvers": data["approvers"],
        "consents": 0,
        "outcome": None,
        "decided_by": None,
        "decided_at": None,
    }


def open_approvals(
    tx: Connection, tenant: TenantId, *, after: str = "", limit: int = 50
) -> list[Approval]:
    """Those that wait for a decision, the oldest change first, those after `after`."""
    table = approval.c
    query = (
        sa.select(approval)
        .where(table.tenant == tenant, table.outcome.is_(None), table.change_id > after)
        .order_by(table.change_id)
        .limit(limit)
    )
    return [_approval(row) for row in tx.execute(query)]


def count_open(tx: Connection, tenants: Sequence[TenantId]) -> list[int]:
    """How many wait, of each tenant; MOST_COUNTED stands for that many and more."""
    known = {tenant: _count_open(tx, tenant) for tenant in set(tenants)}
    return [known[tenant] for tenant in tenants]


def _count_open(tx: Connection, tenant: TenantId) -> int:
    some = (
        sa.select(approval.c.change_id)
        .where(approval.c.tenant == tenant, approval.c.outcome.is_(None))
        .limit(MOST_COUNTED)
    )
    return int(tx.scalar(sa.select(sa.func.count()).select_from(some.subquery())) or 0)


def find_approval(tx: Connection, tenant: TenantId, change_id: str) -> Approval | None:
    table = approval.c
    row = tx.execute(
        sa.select(approval).where(table.change_id == change_id, table.tenant == tenant)
    ).first()
    return None if row is None else _approval(row)


def _approval(row: Row[Any]) -> Approval:
    return Approval(
        id=row.change_id, tenant=TenantId(row.tenant),
        conversation=ConversationId(row.conversation_id), kind=row.kind, team=row.team,
        commitment=row.commitment, requested_at=row.requested_at, expires_at=row.expires_at,
        approvers=row.approvers, consents=row.consents, outcome=row.outcome,
        decided_by=row.decided_by, decided_at=row.decided_at,
    )  # fmt: skip
