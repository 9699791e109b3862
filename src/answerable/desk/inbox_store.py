"""Reading the inbox: pages of conversations by a key, and counts. Nothing here writes."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from functools import cache
from typing import Any, Literal

import sqlalchemy as sa
from sqlalchemy import ColumnElement, Connection, Row, Select, bindparam

from answerable.contacts.store import contact, same_person
from answerable.desk.agent_store import agent as agent_table
from answerable.desk.inbox_counts import read_counts
from answerable.desk.summary_store import Holder, Summary, conversation
from answerable.kit.database import UtcDateTime, is_of
from answerable.kit.ids import AgentId, ContactId, ConversationId, TenantId
from answerable.kit.sought_rows import SoughtRows
from answerable.privacy.store import vault_key

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
_SUMMARIES = SoughtRows(
    sa.select(conversation).where(is_of(sa.bindparam("of"), _table.tenant)), _table.id
)


@dataclass(frozen=True, kw_only=True, slots=True)
class Counted:
    queue: int
    mine: int
    open: int
    assistant: int


# A conversation, and all else that decides how the inbox shows it: compared as a whole, never taken
# apart but for `id` and `updated_at`. Other times stay as they are stored, which costs nothing.
InboxRow = Row[Any]
RELATED = timedelta(days=30)
MOST_RELATED = 5
_COMPARED = [
    sa.type_coerce(column, sa.BigInteger).label(column.name)
    if isinstance(column.type, UtcDateTime) and column is not _table.updated_at
    else column
    for column in conversation.c
]


def read_inbox(
    tx: Connection,
    tenant: TenantId,
    *,
    view: View,
    agent: AgentId,
    team: str | None = None,
    after: tuple[datetime, str] | None = None,
    limit: int = 50,
) -> list[InboxRow]:
    """A page of a view, latest change first. after: (updated_at, id) of the last row seen.

    team: only conversations in that team's queue, or (in other views) last given to that team.
    """
    at, row_id = after or (None, None)
    query = _page(view, of_team=team is not None, goes_on=after is not None)
    values = {"tenant": tenant, "agent": agent, "team": team, "at": at, "id": row_id}
    return list(tx.execute(query, {**values, "limit": limit}))


@cache
def _page(view: View, *, of_team: bool, goes_on: bool) -> Select[Any]:
    query = (
        sa.select(
            *_COMPARED,
            contact.c.profile_ref,
            sa.type_coerce(vault_key.c.erased_at, sa.BigInteger).label("erased_at"),
            agent_table.c.name.label("owner_name"),
        )
        .outerjoin(
            contact, sa.and_(contact.c.id == _table.contact_id, contact.c.erased_at.is_(None))
        )
        .outerjoin(
            vault_key,
            sa.and_(
                vault_key.c.tenant == _table.tenant, vault_key.c.contact_id == _table.contact_id
            ),
        )
        .outerjoin(
            agent_table,
            sa.and_(agent_table.c.id == _table.owner_id, agent_table.c.tenant == _table.tenant),
        )
        .where(_table.tenant == bindparam("tenant"), *_of_view(view))
    )
    if of_team:
        query = query.where(
            (_table.owner_id if view == "queue" else _table.team) == bindparam("team")
        )
    if goes_on:
        at, row_id = bindparam("at", type_=UtcDateTime), bindparam("id", type_=sa.Text)
        query = query.where(
            sa.or_(_table.updated_at < at, sa.and_(_table.updated_at == at, _table.id < row_id)),
            _table.updated_at <= at,  # says the same again, in a form that an index serves
        )
    return query.order_by(_table.updated_at.desc(), _table.id.desc()).limit(bindparam("limit"))


def find_summaries(
    tx: Connection, tenant: TenantId, ids: Sequence[ConversationId]
) -> dict[ConversationId, Summary]:
    """Those of `ids` that are conversations of this tenant."""
    rows = _SUMMARIES.read(tx, ids, of=tenant)
    return {ConversationId(row.id): Summary(**row._asdict()) for row in rows}


def find_related(tx: Connection, of: Summary) -> list[Summary]:
    """Other conversations of the same contact, or of one whom the back office knows as the same
    person: open, or changed within RELATED of this one's last change; the latest first,
    MOST_RELATED at most."""
    query = (
        sa.select(conversation)
        .where(
            # They are of the tenant. Were it asked of the conversations too, SQLite would read all
            # of a tenant's to find these few.
            _table.contact_id.in_(same_person(of.tenant, of.contact_id)),
            _table.id != of.id,
            sa.or_(_table.status == "open", _table.updated_at > of.updated_at - RELATED),
        )
        .order_by(_table.updated_at.desc())
        .limit(MOST_RELATED)
    )
    return [to_summary(row) for row in tx.execute(query)]


def read_holders(tx: Connection, tenants: Sequence[TenantId]) -> list[dict[Holder, int]]:
    """Of each tenant, who has how many open conversations, from what is kept of them."""
    known = {tenant: read_counts(tx, tenant) for tenant in set(tenants)}
    return [known[tenant] for tenant in tenants]


def counted_for(agent: AgentId, holders: Mapping[Holder, int]) -> Counted:
    """What an agent is shown of them."""

    def of(kind: str) -> int:
        return sum(number for (owner, _), number in holders.items() if owner == kind)

    return Counted(
        queue=of("queue"),
        mine=holders.get(("agent", agent), 0),
        open=sum(holders.values()),
        assistant=of("assistant"),
    )


def _of_view(view: View) -> list[ColumnElement[bool]]:
    match view:
        case "closed":
            return [_table.status == "closed"]
        case "all":
            return [_table.status == "open"]
        case "mine":
            return [
                _table.status == "open",
                _table.owner_kind == "agent",
                _table.owner_id == bindparam("agent"),
            ]
        case "queue" | "assistant":
            return [_table.status == "open", _table.owner_kind == view]


def to_summary(row: Row[Any]) -> Summary:
    values = dict(row._mapping)
    values["id"] = ConversationId(row.id)
    values["contact_id"] = ContactId(row.contact_id)
    return Summary(**values)
