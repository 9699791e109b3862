"""How many conversations are open, by who has them: kept, so that nobody counts them.

A projection like the inbox itself, written in the same transaction.
"""

from collections import Counter
from collections.abc import Iterable

import sqlalchemy as sa
from sqlalchemy import Connection, bindparam

from answerable.desk.summary_store import Holder, Summary, SummaryChange, conversation, holder_of
from answerable.kit.database import lock_until_commit, metadata
from answerable.kit.ids import TenantId

inbox_count = sa.Table(
    "inbox_count",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("owner_kind", sa.Text, primary_key=True),
    sa.Column("owner_id", sa.Text, primary_key=True),
    sa.Column("open", sa.Integer, nullable=False),
)

_ADD = (
    sa.update(inbox_count)
    .where(
        inbox_count.c.tenant == bindparam("b_tenant"),
        inbox_count.c.owner_kind == bindparam("b_kind"),
        inbox_count.c.owner_id == bindparam("b_id"),
    )
    .values(open=inbox_count.c.open + bindparam("b_more", type_=sa.Integer))
)
_OF_TENANT = sa.select(inbox_count.c.owner_kind, inbox_count.c.owner_id, inbox_count.c.open).where(
    inbox_count.c.tenant == bindparam("tenant")
)


def count_changes(
    tx: Connection, *, new: Iterable[Summary], changed: Iterable[SummaryChange]
) -> None:
    """Note who has them now. Most messages move nothing, and cost nothing here."""
    more: Counter[tuple[TenantId, str, str]] = Counter()
    for summary in new:
        _count(more, summary.tenant, holder_of(summary), 1)
    for change in changed:
        after = holder_of(change.summary)
        if change.before != after:
            _count(more, change.summary.tenant, change.before, -1)
            _count(more, change.summary.tenant, after, 1)
    moved = {key: number for key, number in sorted(more.items()) if number}
    # Two processes take no two of these rows in different orders, nor make one twice.
    lock_until_commit(tx, {f"feed {tenant}" for tenant, _, _ in moved})
    for (tenant, kind, owner), number in moved.items():
        _add(tx, tenant, kind, owner, number)


def read_counts(tx: Connection, tenant: TenantId) -> dict[Holder, int]:
    """Open conversations by (kind, id) of their owner."""
    rows = tx.execute(_OF_TENANT, {"tenant": tenant})
    return {(row.owner_kind, row.owner_id): row.open for row in rows}


def count_anew(tx: Connection) -> None:
    """Of all tenants, from the inbox itself; for a store that nothing else writes to."""
    tx.execute(sa.delete(inbox_count))
    owners = [conversation.c.tenant, conversation.c.owner_kind, conversation.c.owner_id]
    counted = (
        sa.select(*owners, sa.func.count()).where(conversation.c.status == "open").group_by(*owners)
    )
    tx.execute(sa.insert(inbox_count).from_select([c.name for c in inbox_count.c], counted))


def _count(
    more: Counter[tuple[TenantId, str, str]], tenant: TenantId, holder: Holder | None, by: int
) -> None:
    if holder is not None:
        more[(tenant, *holder)] += by


def _add(tx: Connection, tenant: TenantId, kind: str, owner: str, number: int) -> None:
    values = {"b_tenant": tenant, "b_kind": kind, "b_id": owner, "b_more": number}
    if not tx.execute(_ADD, values).rowcount:
        row = {"tenant": tenant, "owner_kind": kind, "owner_id": owner, "open": number}
        tx.execute(sa.insert(inbox_count), row)
