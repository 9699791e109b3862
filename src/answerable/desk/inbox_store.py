"""Reading the inbox: pages of conversations by a key, and counts. Nothing here writes."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, Row

from answerable.desk.summary_store import Summary, conversation
from answerable.kit.ids import AgentId, ContactId, ConversationId, TenantId

View = Literal["queue", "mine", "assistant", "all", "closed"]

# The queue over all teams, newest first, without sorting it.
sa.Index(
    "conversation_by_owner_kind",
    conversation.c.tenant,
    conversation.c.status,
    conversation.c.owner_kind,
    conversation.c.updated_at,
    conversation.c.id,
)
sa.Index(
    "conversation_by_status",
    conversation.c.tenant,
    conversation.c.status,
    conversation.c.updated_at,
    conversation.c.id,
)

_table = conversation.c


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    queue: int
    mine: int
    open: int
    assistant: int


def read_inbox(
    tx: Connection,
    tenant: TenantId,
    *,
    view: View,
    agent: AgentId,
    team: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[Summary]:
    """A page of a view, latest change first. after: (updated_at, id) of the last row seen.

    team: only conversations in that team's queue, or (in other views) last given to that team.
    """
    query = sa.select(conversation).where(_table.tenant == tenant, *_of_view(view, agent))
    if team is not None:
        column = _table.owner_id if view == "queue" else _table.team
        query = query.where(column == team)
    if after is not None:
        at, row_id = after
        query = query.where(
            sa.or_(_table.updated_at < at, sa.and_(_table.updated_at == at, _table.id < row_id)),
            _table.updated_at <= at,  # says the same again, in a form that an index serves
        )
    query = query.order_by(_table.updated_at.desc(), _table.id.desc()).limit(limit)
    return [to_summary(row) for row in tx.execute(query)]


def find_summaries(
    tx: Connection, tenant: TenantId, ids: Sequence[ConversationId]
) -> dict[ConversationId, Summary]:
    """Those of `ids` that are conversations of this tenant."""
    query = sa.select(conversation).where(_table.tenant == tenant, _table.id.in_(ids))
    return {ConversationId(row.id): to_summary(row) for row in tx.execute(query)}


def count_inbox(tx: Connection, tenant: TenantId, agent: AgentId) -> Counted:
    """Open conversations by owner: one scan of an index, which grows with what is open."""
    mine = sa.and_(_table.owner_kind == "agent", _table.owner_id == agent)

    def counted(condition: ColumnElement[bool]) -> ColumnElement[int]:
        return sa.func.coalesce(sa.func.sum(sa.case((condition, 1), else_=0)), 0)

    row = tx.execute(
        sa.select(
            counted(_table.owner_kind == "queue"),
            counted(mine),
            sa.func.count(),
            counted(_table.owner_kind == "assistant"),
        ).where(_table.tenant == tenant, _table.status == "open")
    ).one()
    return Counted(queue=row[0], mine=row[1], open=row[2], assistant=row[3])


def _of_view(view: View, agent: AgentId) -> list[ColumnElement[bool]]:
    match view:
        case "closed":
            return [_table.status == "closed"]
        case "all":
            return [_table.status == "open"]
        case "mine":
            return [
                _table.status == "open", _table.owner_kind == "agent", _table.owner_id == agent
            ]  # fmt: skip
        case "queue" | "assistant":
            return [_table.status == "open", _table.owner_kind == view]


def to_summary(row: Row[Any]) -> Summary:
    values = dict(row._mapping)
    values["id"] = ConversationId(row.id)
    values["contact_id"] = ContactId(row.contact_id)
    return Summary(**values)
