"""The outbox: effects that are due, who holds them, and how they end."""

from collections.abc import Sequence, Set
from dataclasses import dataclass
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection, Row, Select

from answerable.ledger.event import Effect, Lease
from answerable.ledger.tables import effect, leased, suspect


@dataclass(frozen=True, kw_only=True)
class Room:
    """What a process can take on beside what it has under way.

    fresh: effects that never lacked an end. company: suspects that lacked one end, if there are so
    many. alone: whether another may run, the only suspect then. dangerous: whether it may be one
    that lacked more than one end.
    """

    fresh: int
    company: int
    alone: bool
    dangerous: bool = True


@dataclass(frozen=True, kw_only=True)
class Due:
    """Effects that are due: how many, the newest, and whether one chosen before is among them."""

    count: int = 0
    newest: str | None = None
    chosen_is_due: bool = False


# Nobody holds it any more: its start had an end, or had none.
_ENDED = {"lease_until": None, "holder": None, "missing_ends": 0}
_FREED = {**_ENDED, "missing_ends": effect.c.missing_ends + 1}

_FINISH = (
    sa.delete(effect)
    .where(effect.c.key.in_(sa.bindparam("keys", expanding=True)))
    .returning(effect.c.key)
)


def claim_effects(
    tx: Connection,
    now: datetime,
    lease: Lease,
    room: Room,
    *,
    kinds: Set[str] | None = None,
    but: Set[str] = frozenset(),
) -> list[Effect]:
    """Take due effects that nobody holds, as many of each sort as there is room for.

    kinds: those to take, None for all; but: those to leave.

    Suspects are with one process at a time, so that not all of them die at once and the others go
    on with what is fresh. Many of one missing end are taken together, as most of them are not to
    blame; few are taken singly, so that one who is does not strike the others again. So are those
    of more, the one with the fewest first: deaths that are nobody's fault strike different ones.
    """
    free = sa.select(effect).where(effect.c.due_at <= now, effect.c.lease_until.is_(None))
    due = _of_kinds(free.with_for_update(skip_locked=True), kinds, but)
    fresh = due.where(effect.c.missing_ends == 0).order_by(effect.c.due_at)
    rows = list(tx.execute(fresh.limit(room.fresh)))
    if room.company:
        rows += _claim_suspects(tx, due.where(suspect), lease, room, kinds=kinds, but=but)
    _take(tx, rows, lease)
    return [to_effect(row) for row in rows]


def _claim_suspects(
    tx: Connection,
    due: Select[Any],
    lease: Lease,
    room: Room,
    *,
    kinds: Set[str] | None,
    but: Set[str],
) -> list[Row[Any]]:
    if not room.dangerous:
        due = due.where(effect.c.missing_ends == 1)
    ordered = due.order_by(effect.c.missing_ends, effect.c.due_at)
    company = list(tx.execute(ordered.limit(room.company)))
    if not company:
        return []
    others = sa.select(effect.c.key).where(suspect, leased, effect.c.holder != lease.holder)
    if tx.execute(_of_kinds(others, kinds, but).limit(1)).first() is not None:
        return []
    if len(company) == room.company and company[-1].missing_ends == 1:
        return company
    return company[:1] if room.alone else []


def claim_named(
    tx: Connection, keys: Sequence[str], now: datetime, lease: Lease, *, suspects: bool = False
) -> list[Effect]:
    """Take those of these effects that are due and are nobody's.

    suspects: also those that were started without an end; the sweep takes them with care.
    """
    query = sa.select(effect).where(
        effect.c.key.in_(keys), effect.c.due_at <= now, effect.c.lease_until.is_(None)
    )
    if not suspects:
        query = query.where(effect.c.missing_ends == 0)
    rows = tx.execute(query.with_for_update(skip_locked=True)).all()
    _take(tx, rows, lease)
    return [to_effect(row) for row in rows]


def _take(tx: Connection, rows: Sequence[Row[Any]], lease: Lease) -> None:
    if rows:
        tx.execute(
            sa.update(effect)
            .where(effect.c.key.in_([row.key for row in rows]))
            .values(lease_until=lease.until, holder=lease.holder)
        )


def renew_leases(tx: Connection, keys: Sequence[str], lease: Lease) -> None:
    """Effects that their holder still has."""
    tx.execute(
        sa.update(effect)
        .where(effect.c.key.in_(keys), effect.c.holder == lease.holder)
        .values(lease_until=lease.until)
    )


def return_effects(tx: Connection, keys: Sequence[str], holder: str) -> None:
    """Give back what `holder` took, still has, and deliberately did not end: no end is missing."""
    tx.execute(
        sa.update(effect)
        .where(effect.c.key.in_(keys), effect.c.holder == holder)
        .values(lease_until=None, holder=None)
    )


def other_holders(tx: Connection, now: datetime, holder: str) -> list[str]:
    """Processes besides `holder` that have leases, and any whose lease has run out."""
    query = sa.select(effect.c.holder).where(
        leased, sa.or_(effect.c.holder != holder, effect.c.lease_until < now)
    )
    return list(tx.scalars(query.distinct()))


def expire_leases(tx: Connection, now: datetime, gone: Sequence[str]) -> None:
    """Free the effects whose holder is gone or let its lease run out: a start has no end."""
    tx.execute(
        sa.update(effect)
        .where(leased, sa.or_(effect.c.lease_until < now, effect.c.holder.in_(gone)))
        .values(_FREED)
    )


def release_leases(tx: Connection) -> None:
    """As `expire_leases`, of everybody: for a copy of a store, whose processes are elsewhere."""
    tx.execute(sa.update(effect).where(leased).values(_FREED))


def finish_effects(tx: Connection, keys: Sequence[str]) -> set[str]:
    """Remove done effects; returns the keys that were still there (the first outcome wins)."""
    return set(tx.scalars(_FINISH, {"keys": keys}))


def retry_effect(tx: Connection, key: str, holder: str, due_at: datetime, error: str) -> None:
    """Put off an effect that failed, and that `holder` still has: what another has taken on since
    goes on there. It had an end, so it is no suspect any more."""
    tx.execute(
        sa.update(effect)
        .where(effect.c.key == key, effect.c.holder == holder)
        .values(**_ENDED, due_at=due_at, last_error=error, failures=effect.c.failures + 1)
    )


def put_off_effect(
    tx: Connection,
    key: str,
    holder: str,
    due_at: datetime,
    error: str,
    *,
    unanswered_since: datetime,
) -> None:
    """Put off an effect that waits for another system; that is no failure of it. holder: as of
    `retry_effect`."""
    tx.execute(
        sa.update(effect)
        .where(effect.c.key == key, effect.c.holder == holder)
        .values(**_ENDED, due_at=due_at, last_error=error, unanswered_since=unanswered_since)
    )


def next_due(
    tx: Connection, *, kinds: Set[str] | None = None, but: Set[str] = frozenset()
) -> datetime | None:
    """When the earliest effect falls due that nobody holds. kinds, but: as in `claim_effects`."""
    query = sa.select(sa.func.min(effect.c.due_at)).where(effect.c.lease_until.is_(None))
    return tx.execute(_of_kinds(query, kinds, but)).scalar()


def suspects_due(
    tx: Connection,
    now: datetime,
    *,
    dangerous: bool,
    kinds: Set[str] | None = None,
    but: Set[str] = frozenset(),
) -> bool:
    """Whether one is due and free that a start without an end made suspect. dangerous: as in
    `Room`; kinds, but: as in `claim_effects`."""
    query = sa.select(effect.c.key).where(
        suspect, effect.c.due_at <= now, effect.c.lease_until.is_(None)
    )
    if not dangerous:
        query = query.where(effect.c.missing_ends == 1)
    return tx.execute(_of_kinds(query, kinds, but).limit(1)).first() is not None


def _of_kinds(query: Select[Any], kinds: Set[str] | None, but: Set[str]) -> Select[Any]:
    if kinds is not None:
        query = query.where(effect.c.kind.in_(sorted(kinds)))
    if but:
        query = query.where(effect.c.kind.not_in(sorted(but)))
    return query


def look_at_due(
    tx: Connection,
    now: datetime,
    *,
    kinds: Set[str] | None = None,
    but: Set[str] = frozenset(),
    most: int,
    chosen: str | None,
) -> Due:
    """What is due now; `most` at most are counted. kinds, but: as in `claim_effects`."""
    due = _of_kinds(sa.select(effect.c.key).where(effect.c.due_at <= now), kinds, but)
    count = sa.select(sa.func.count()).select_from(due.limit(most).subquery())
    there = sa.select(effect.c.key).where(effect.c.key == chosen)
    return Due(
        count=int(tx.execute(count).scalar_one()),
        newest=tx.execute(due.order_by(effect.c.due_at.desc()).limit(1)).scalar(),
        chosen_is_due=chosen is not None and tx.execute(there).first() is not None,
    )


def outbox_depths(tx: Connection, now: datetime) -> dict[str, int]:
    """How many effects are due now, by kind."""
    query = (
        sa.select(effect.c.kind, sa.func.count())
        .where(effect.c.due_at <= now)
        .group_by(effect.c.kind)
    )
    return {row[0]: row[1] for row in tx.execute(query)}


def to_effect(row: Row[Any]) -> Effect:
    return Effect(
        key=row.key,
        tenant=row.tenant,
        stream=row.stream,
        seq=row.seq,
        kind=row.kind,
        payload=row.payload,
        due_at=row.due_at,
        failures=row.failures,
        missing_ends=row.missing_ends,
        unanswered_since=row.unanswered_since,
    )
