"""Which case of the CRM belongs to which conversation, and what is still to be written into it."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import JsonText, UtcDateTime, lock_until_commit, metadata
from answerable.kit.ids import ConversationId, TenantId
from answerable.ledger.tables import received

# Cases that came from the CRM, whose first message became a conversation.
given_case = sa.Table(
    "given_case",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("key", sa.Text, primary_key=True),  # by which the CRM's calls name it
    sa.Column("case_id", sa.Text, nullable=False),
    sa.Column("received_key", sa.Text, nullable=False),  # of its first message
    sa.Column("conversation_id", sa.Text),  # null until the message is known to be accepted
)
sa.Index("given_case_conversation", given_case.c.tenant, given_case.c.conversation_id)

# Conversations of which the CRM is told.
mirrored_case = sa.Table(
    "mirrored_case",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("case_id", sa.Text),  # null until it is known
    sa.Column("head_seq", sa.Integer, nullable=False),  # of the last event to be told
    sa.Column("done_seq", sa.Integer, nullable=False),  # up to where all is told
    sa.Column("sent_seq", sa.Integer),  # up to where it may have been told; null: certainly not
    sa.Column("waiting_since", UtcDateTime),  # the oldest event that is not told
    sa.Column("due_at", UtcDateTime),  # null: nothing is to be told
    sa.Column("fields", JsonText, nullable=False),  # as they were written last
    sa.Column(
        "writes", JsonText, nullable=False
    ),  # [microseconds since 1970, how many], newest last
)
sa.Index("mirrored_case_due", mirrored_case.c.due_at)
_given, _row = given_case.c, mirrored_case.c


def give_case(
    tx: Connection, tenant: TenantId, case: str, *, key: str, received_key: str
) -> ConversationId | None:
    """Note a case before its first message is accepted, so that none is created beside it; the
    conversation that it became, if it was noted before."""
    lock_until_commit(tx, [f"case {tenant} {key}"])
    query = sa.select(_given.conversation_id).where(_given.tenant == tenant, _given.key == key)
    known = tx.execute(query).first()
    if known is None:
        row = {"tenant": tenant, "key": key, "case_id": case, "received_key": received_key}
        tx.execute(sa.insert(given_case).values(row))
        return None
    return None if known[0] is None else ConversationId(known[0])


def case_accepted(tx: Connection, tenant: TenantId, key: str, conversation: ConversationId) -> None:
    same = (_given.tenant == tenant, _given.key == key, _given.conversation_id.is_(None))
    tx.execute(sa.update(given_case).where(*same).values(conversation_id=conversation))


def given_cases(
    tx: Connection, tenant: TenantId, conversations: Sequence[ConversationId]
) -> dict[str, str]:
    """By conversation, the case that it came from."""
    noted = sa.select(_given.conversation_id, _given.case_id).where(
        _given.tenant == tenant, _given.conversation_id.in_(conversations)
    )
    # Those whose acceptance nobody lived to note: few, and found by their first message.
    unnoted = (
        sa.select(received.c.stream, _given.case_id)
        .join(received, received.c.key == _given.received_key)
        .where(
            _given.tenant == tenant,
            _given.conversation_id.is_(None),
            received.c.stream.in_(conversations),
        )
    )
    return {row[0]: row[1] for query in (noted, unnoted) for row in tx.execute(query)}


@dataclass(frozen=True, kw_only=True)
class MirroredCase:
    """fields: as written last. writes: when how many records were written into it, newest last."""

    tenant: TenantId
    conversation: ConversationId
    case: str | None
    head_seq: int
    done_seq: int
    sent_seq: int | None
    due_at: datetime | None
    waiting_since: datetime | None
    fields: Mapping[str, Any] = field(default_factory=dict)
    writes: Sequence[tuple[int, int]] = ()


@dataclass(frozen=True, kw_only=True)
class News:
    """Of a conversation: the last event to be told, and when the first of them happened."""

    conversation: ConversationId
    seq: int
    first_at: datetime


def note_news(
    tx: Connection, tenant: TenantId, news: Sequence[News], *, due_at: datetime, opens: bool
) -> None:
    """Something is to be told of these, at `due_at` unless a time is set already. What was told or
    noted before is no news. opens: whether those of which nothing was told are begun with."""
    ids = [one.conversation for one in news]
    # Locked, in one order: whoever tells a case meanwhile sets when it is due, from what it read.
    query = (
        sa.select(mirrored_case)
        .where(_row.tenant == tenant, _row.conversation_id.in_(ids))
        .order_by(_row.conversation_id)
        .with_for_update()
    )
    known = {row.conversation_id: row for row in tx.execute(query)}
    given = given_cases(tx, tenant, [one for one in ids if one not in known]) if opens else {}
    for one in news:
        row = known.get(one.conversation)
        if row is None and opens:
            case = given.get(one.conversation)
            tx.execute(
                sa.insert(mirrored_case).values(
                    tenant=tenant, conversation_id=one.conversation, case_id=case,
                    head_seq=one.seq, done_seq=0, sent_seq=None, waiting_since=one.first_at,
                    due_at=due_at, fields={"status": "open"} if case else {}, writes=[],
                )
            )  # fmt: skip
        elif row is not None and one.seq > max(row.head_seq, row.done_seq):
            tx.execute(
                sa.update(mirrored_case)
                .where(_row.tenant == tenant, _row.conversation_id == one.conversation)
                .values(
                    head_seq=one.seq,
                    waiting_since=row.waiting_since or one.first_at,
                    due_at=row.due_at or due_at,
                )
            )


def tenants_due(tx: Connection, now: datetime) -> list[TenantId]:
    query = sa.select(_row.tenant).where(_row.due_at <= now).distinct()
    return [TenantId(tenant) for tenant in tx.scalars(query)]


def waiting_longest(tx: Connection) -> datetime | None:
    """When the oldest event happened that is not told."""
    return tx.execute(sa.select(sa.func.min(_row.waiting_since))).scalar()


def due_cases(tx: Connection, tenant: TenantId, now: datetime, *, limit: int) -> list[MirroredCase]:
    query = (
        sa.select(mirrored_case)
        .where(_row.tenant == tenant, _row.due_at <= now)
        .order_by(_row.due_at)
        .limit(limit)
    )
    return [
        MirroredCase(
            tenant=tenant,
            conversation=ConversationId(row.conversation_id),
            case=row.case_id,
            head_seq=row.head_seq,
            done_seq=row.done_seq,
            sent_seq=row.sent_seq,
            due_at=row.due_at,
            waiting_since=row.waiting_since,
            fields=row.fields,
            writes=tuple((at, count) for at, count in row.writes),
        )
        for row in tx.execute(query)
    ]


def claim_case(
    tx: Connection,
    case: MirroredCase,
    *,
    sent_seq: int,
    writes: Sequence[tuple[int, int]],
    until: datetime,
) -> bool:
    """Before it is written: whoever dies now leaves it in doubt. False if another was quicker."""
    return bool(_change(tx, case, sent_seq=sent_seq, writes=writes, due_at=until))


def postpone_case(
    tx: Connection, case: MirroredCase, *, due_at: datetime, unclaimed: MirroredCase | None = None
) -> None:
    """unclaimed: as it was before a claim of which nothing was written."""
    before = unclaimed and {"sent_seq": unclaimed.sent_seq, "writes": list(unclaimed.writes)}
    _change(tx, case, due_at=due_at, **(before or {}))


def _change(tx: Connection, case: MirroredCase, **values: Any) -> int:
    changed = tx.execute(sa.update(mirrored_case).where(*_unchanged(case)).values(values))
    return changed.rowcount


def _unchanged(case: MirroredCase) -> tuple[sa.ColumnElement[bool], ...]:
    """Each who claims it, or is done with it, sets when it is due."""
    return (
        _row.tenant == case.tenant,
        _row.conversation_id == case.conversation,
        _row.due_at == case.due_at,
    )


def case_told(
    tx: Connection,
    case: MirroredCase,
    *,
    upto: int,
    at: datetime,
    gather: timedelta,
    written: tuple[str, Mapping[str, Any]] | None = None,
) -> None:
    """All events up to `upto` are done with; what came meanwhile is due a moment later. Nothing
    changes if another has claimed it since: what that one knows is newer.

    case: as claimed. written: into which case, and its fields as they are now; None: nothing was
    written.
    """
    values = {} if written is None else {"case_id": written[0], "fields": dict(written[1])}
    head = sa.select(_row.head_seq).where(*_unchanged(case)).with_for_update()
    more = (tx.execute(head).scalar() or 0) > upto
    _change(
        tx,
        case,
        done_seq=upto,
        sent_seq=None,
        waiting_since=at if more else None,
        due_at=at + gather if more else None,
        **values,
    )
