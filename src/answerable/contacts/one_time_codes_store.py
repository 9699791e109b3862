"""One-time codes as MACs, and each person's wrong tries. No digit, number or address
stands here."""

from datetime import datetime

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.contacts.one_time_codes import Bound, Standing, StoredCode
from answerable.kit.database import JsonText, UtcDateTime, delete_some, lock_until_commit, metadata
from answerable.kit.ids import ContactId, ConversationId, TenantId

one_time_code = sa.Table(
    "one_time_code",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("conversation_id", sa.Text, nullable=False, index=True),
    sa.Column("contact_id", sa.Text, nullable=False),
    sa.Column("person", sa.Text, nullable=False),
    sa.Column("sent_to", sa.Text, nullable=False),
    sa.Column("commitment", sa.Text, nullable=False),
    sa.Column("mac", sa.LargeBinary, nullable=False),
    sa.Column("made_at", UtcDateTime, nullable=False, index=True),
    sa.Column("tries", sa.Integer, nullable=False),
    sa.Column("used_at", UtcDateTime),
)
code_standing = sa.Table(
    "code_standing",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("person", sa.Text, primary_key=True),
    sa.Column("wrong_at", JsonText, nullable=False),  # ISO 8601, oldest first
    sa.Column("in_a_row", sa.Integer, nullable=False),
)


def claim_code(tx: Connection, code: StoredCode) -> bool:
    """Keep a new code before it is sent; False if it is kept already, and may have been sent."""
    known = sa.select(one_time_code.c.id).where(one_time_code.c.id == code.id)
    lock_until_commit(tx, [f"code {code.id}"])
    if tx.execute(known).first() is not None:
        return False
    bound = code.bound
    tx.execute(
        sa.insert(one_time_code).values(
            id=code.id, tenant=bound.tenant, conversation_id=bound.conversation,
            contact_id=bound.contact, person=code.person, sent_to=bound.sent_to,
            commitment=bound.commitment, mac=code.mac, made_at=code.made_at, tries=code.tries,
            used_at=code.used_at,
        )
    )  # fmt: skip
    return True


def find_code(tx: Connection, tenant: TenantId, code_id: str) -> StoredCode | None:
    table = one_time_code.c
    row = tx.execute(
        sa.select(one_time_code).where(table.id == code_id, table.tenant == tenant)
    ).first()
    if row is None:
        return None
    bound = Bound(
        tenant=TenantId(row.tenant), conversation=ConversationId(row.conversation_id),
        contact=ContactId(row.contact_id), sent_to=row.sent_to, commitment=row.commitment,
    )  # fmt: skip
    return StoredCode(
        id=row.id, bound=bound, person=row.person, mac=row.mac, made_at=row.made_at,
        tries=row.tries, used_at=row.used_at,
    )  # fmt: skip


def hold_code(tx: Connection, tenant: TenantId, code_id: str) -> StoredCode | None:
    """As `find_code`; nobody else holds it, or claims it, before this transaction ends."""
    lock_until_commit(tx, [f"code {code_id}"])
    return find_code(tx, tenant, code_id)


def count_try(tx: Connection, tenant: TenantId, code_id: str) -> None:
    tries = one_time_code.c.tries
    tx.execute(sa.update(one_time_code).where(*_is(tenant, code_id)).values(tries=tries + 1))


def use_code(tx: Connection, tenant: TenantId, code_id: str, at: datetime) -> None:
    tx.execute(sa.update(one_time_code).where(*_is(tenant, code_id)).values(used_at=at))


def give_digits(tx: Connection, tenant: TenantId, code_id: str, mac: bytes) -> None:
    """To a code that was kept before there were any; what it is bound to stays."""
    tx.execute(sa.update(one_time_code).where(*_is(tenant, code_id)).values(mac=mac))


def drop_code(tx: Connection, tenant: TenantId, code_id: str) -> None:
    """As if it had not been claimed."""
    tx.execute(sa.delete(one_time_code).where(*_is(tenant, code_id)))


def read_standing(tx: Connection, tenant: TenantId, person: str) -> Standing:
    """Nobody else changes it before this transaction ends."""
    lock_until_commit(tx, [f"codes of {tenant} {person}"])
    row = tx.execute(sa.select(code_standing).where(*_of(tenant, person))).first()
    if row is None:
        return Standing()
    moments = tuple(datetime.fromisoformat(text) for text in row.wrong_at)
    return Standing(wrong_at=moments, in_a_row=row.in_a_row)


def save_standing(tx: Connection, tenant: TenantId, person: str, standing: Standing) -> None:
    """Of somebody whose standing was read in this transaction."""
    values = {
        "wrong_at": [moment.isoformat() for moment in standing.wrong_at],
        "in_a_row": standing.in_a_row,
    }
    changed = tx.execute(sa.update(code_standing).where(*_of(tenant, person)).values(values))
    if not changed.rowcount:
        tx.execute(sa.insert(code_standing).values(tenant=tenant, person=person, **values))


def forget_codes(tx: Connection, *, before: datetime, most: int) -> int:
    """Remove codes that were made earlier; how many. Wrong tries are remembered."""
    return delete_some(tx, one_time_code.c.id, one_time_code.c.made_at < before, most=most)


def _is(tenant: TenantId, code_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return one_time_code.c.id == code_id, one_time_code.c.tenant == tenant


def _of(tenant: TenantId, person: str) -> tuple[sa.ColumnElement[bool], ...]:
    return code_standing.c.tenant == tenant, code_standing.c.person == person
