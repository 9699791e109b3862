"""Raw mail as it came, encrypted, and how far it has been read; where each mailbox was left."""

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from itertools import takewhile

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import UtcDateTime, lock_until_commit, metadata
from answerable.kit.ids import TenantId, new_id
from answerable.ledger.event import Lease

raw_mail = sa.Table(
    "raw_mail",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("inbox", sa.Text, nullable=False),
    sa.Column("source", sa.Text, nullable=False),  # "imap", "smtp" or "file"
    sa.Column("uidvalidity", sa.BigInteger),
    sa.Column("uid", sa.BigInteger),
    sa.Column("digest", sa.Text, nullable=False),
    sa.Column("size_bytes", sa.BigInteger, nullable=False),
    sa.Column("received_at", UtcDateTime, nullable=False),
    sa.Column("envelope_sender", sa.Boolean, nullable=False),  # False: it was the null sender
    sa.Column("wrapped_key", sa.LargeBinary),
    sa.Column("ciphertext", sa.LargeBinary),
    sa.Column("state", sa.Text, nullable=False),
    sa.Column("attempts", sa.Integer, nullable=False),  # begun and neither ended nor failed
    sa.Column("failures", sa.Integer, nullable=False),  # ended by an error of ours
    sa.Column("due_at", UtcDateTime, nullable=False),
    sa.Column("holder", sa.Text),  # the process that reads it
    sa.Column("external_id", sa.Text),
    sa.Column("note", sa.Text),
    sa.UniqueConstraint("tenant", "inbox", "digest", name="raw_mail_once"),
    sa.Index("raw_mail_due", "state", "due_at"),
    sa.Index("raw_mail_external", "tenant", "external_id"),
)

mailbox_position = sa.Table(
    "mailbox_position",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("inbox", sa.Text, primary_key=True),
    sa.Column("folder", sa.Text, primary_key=True),
    sa.Column("uidvalidity", sa.BigInteger, nullable=False),
    sa.Column("last_uid", sa.BigInteger, nullable=False),
    sa.Column("since", UtcDateTime, nullable=False),
    sa.Column("updated_at", UtcDateTime, nullable=False),
)


class MailState(StrEnum):
    """stored: still to be read. parsed: its message is accepted. quarantined: accepted as a
    message that could not be read, so that a person looks at the original."""

    STORED = "stored"
    PARSED = "parsed"
    QUARANTINED = "quarantined"


@dataclass(frozen=True, kw_only=True)
class NewRawMail:
    """A mail about to be stored, already encrypted. digest: SHA-256 of the plain bytes, hex."""

    id: str
    tenant: TenantId
    inbox: str
    source: str
    digest: str
    size_bytes: int
    received_at: datetime
    wrapped_key: bytes
    ciphertext: bytes
    null_sender: bool = False
    uidvalidity: int | None = None
    uid: int | None = None
    note: str | None = None


@dataclass(frozen=True, kw_only=True)
class StoredRawMail:
    id: str
    tenant: TenantId
    inbox: str
    digest: str
    received_at: datetime
    wrapped_key: bytes
    ciphertext: bytes
    null_sender: bool
    state: MailState
    attempts: int
    failures: int
    note: str | None


@dataclass(frozen=True, kw_only=True)
class Position:
    """Where a mailbox was left. since: from when on its mail is ours to read."""

    uidvalidity: int
    last_uid: int
    since: datetime


def new_mail_id() -> str:
    return new_id("raw")


def add_raw_mail(tx: Connection, mail: NewRawMail) -> tuple[str, bool]:
    """Store a mail unless the inbox holds these very bytes; its id, and whether it is new."""
    known = tx.execute(
        sa.select(raw_mail.c.id).where(
            raw_mail.c.tenant == mail.tenant,
            raw_mail.c.inbox == mail.inbox,
            raw_mail.c.digest == mail.digest,
        )
    ).scalar()
    if known is not None:
        return str(known), False
    tx.execute(
        sa.insert(raw_mail).values(
            id=mail.id,
            tenant=mail.tenant,
            inbox=mail.inbox,
            source=mail.source,
            uidvalidity=mail.uidvalidity,
            uid=mail.uid,
            digest=mail.digest,
            size_bytes=mail.size_bytes,
            received_at=mail.received_at,
            envelope_sender=not mail.null_sender,
            wrapped_key=mail.wrapped_key,
            ciphertext=mail.ciphertext,
            state=MailState.STORED,
            attempts=0,
            failures=0,
            due_at=mail.received_at,
            note=mail.note,
        )
    )
    return mail.id, True


def claim_due_mails(
    tx: Connection, *, now: datetime, lease: Lease, most: int
) -> tuple[StoredRawMail, ...]:
    """The oldest mails that wait to be read, taken until the lease ends; then they are due again.

    One that was taken before without an end is taken alone: if it ends the process again it was
    this mail and no other, and mails that were only beside it are not blamed.
    """
    rows = tx.execute(
        sa.select(raw_mail)
        .where(raw_mail.c.state == MailState.STORED, raw_mail.c.due_at <= now)
        .order_by(raw_mail.c.due_at, raw_mail.c.id)
        .limit(most)
        .with_for_update(skip_locked=True)
    ).all()
    taken = list(takewhile(lambda row: not row.attempts, rows)) or rows[:1]
    return tuple(_claimed(tx, row, lease) for row in taken)


def claim_mail(tx: Connection, mail_id: str, *, lease: Lease) -> StoredRawMail | None:
    """One mail, if it still waits to be read."""
    row = tx.execute(
        sa.select(raw_mail)
        .where(raw_mail.c.id == mail_id, raw_mail.c.state == MailState.STORED)
        .with_for_update()
    ).first()
    return None if row is None else _claimed(tx, row, lease)


def _claimed(tx: Connection, row: sa.Row[tuple[object, ...]], lease: Lease) -> StoredRawMail:
    mail = _stored(row)
    tx.execute(
        sa.update(raw_mail)
        .where(raw_mail.c.id == mail.id)
        .values(due_at=lease.until, holder=lease.holder, attempts=raw_mail.c.attempts + 1)
    )
    return mail


def mail_holders(tx: Connection) -> list[str]:
    """The processes that read mail now, or have ended while they did."""
    query = sa.select(raw_mail.c.holder).distinct()
    waiting = raw_mail.c.state == MailState.STORED
    return list(tx.scalars(query.where(waiting, raw_mail.c.holder.is_not(None))))


def free_mails(tx: Connection, *, now: datetime, gone: Sequence[str]) -> None:
    """What processes had taken that are gone is due at once. A mail that ends the process is still
    counted in `attempts`."""
    tx.execute(
        sa.update(raw_mail)
        .where(raw_mail.c.state == MailState.STORED, raw_mail.c.holder.in_(gone))
        .values(due_at=now, holder=None)
    )


def get_raw_mail(tx: Connection, tenant: TenantId, mail_id: str) -> StoredRawMail | None:
    """A mail with its ciphertext; None if it is unknown, another tenant's, or was erased."""
    row = tx.execute(
        sa.select(raw_mail).where(
            raw_mail.c.id == mail_id,
            raw_mail.c.tenant == tenant,
            raw_mail.c.ciphertext.is_not(None),
        )
    ).first()
    return None if row is None else _stored(row)


def _stored(row: sa.Row[tuple[object, ...]]) -> StoredRawMail:
    column = row._mapping
    return StoredRawMail(
        id=column["id"],
        tenant=TenantId(column["tenant"]),
        inbox=column["inbox"],
        digest=column["digest"],
        received_at=column["received_at"],
        wrapped_key=column["wrapped_key"],
        ciphertext=column["ciphertext"],
        null_sender=not column["envelope_sender"],
        state=MailState(column["state"]),
        attempts=column["attempts"],
        failures=column["failures"],
        note=column["note"],
    )


def replace_ciphertext(
    tx: Connection, mail_id: str, *, holder: str, wrapped_key: bytes, ciphertext: bytes
) -> bool:
    """Put the masked mail in the place of the original; the old key is gone with the old row.
    False if `holder` was counted gone while it read: the mail is not its own any more."""
    changed = tx.execute(
        sa.update(raw_mail)
        .where(*_held(mail_id, holder))
        .values(wrapped_key=wrapped_key, ciphertext=ciphertext)
    )
    return changed.rowcount > 0


def claim_identity(
    tx: Connection, *, tenant: TenantId, inbox: str, mail_id: str, external_id: str
) -> tuple[str, str | None]:
    """Fix the mail's identity before it is accepted, so that a repeat after a crash is the same;
    and the mail in another inbox that has it already, if the same message went to both.

    The first identity stays: a mail that was masked in between may read differently.
    """
    # A copy that another process reads at this moment has its identity before us, or sees ours.
    lock_until_commit(tx, [f"mail {tenant} {external_id}"])
    known = tx.execute(sa.select(raw_mail.c.external_id).where(raw_mail.c.id == mail_id)).scalar()
    if known is not None:
        return str(known), None
    copy = tx.execute(
        sa.select(raw_mail.c.id)
        .where(
            raw_mail.c.tenant == tenant,
            raw_mail.c.external_id == external_id,
            raw_mail.c.inbox != inbox,
        )
        .limit(1)
    ).scalar()
    if copy is None:  # a copy gets no identity, or the first one would be taken for its copy
        tx.execute(
            sa.update(raw_mail).where(raw_mail.c.id == mail_id).values(external_id=external_id)
        )
    return external_id, copy


def finish_mail(
    tx: Connection, mail_id: str, *, holder: str, state: MailState, note: str | None
) -> None:
    """holder: as of `replace_ciphertext`; of what is not its own any more nothing changes."""
    tx.execute(
        sa.update(raw_mail)
        .where(*_held(mail_id, holder))
        .values(state=state, note=note, holder=None)
    )


def postpone_mail(tx: Connection, mail_id: str, *, holder: str, due_at: datetime) -> None:
    """After an error of ours: the attempt does not count against the mail. holder: as of
    `finish_mail`."""
    tx.execute(
        sa.update(raw_mail)
        .where(*_held(mail_id, holder))
        .values(
            due_at=due_at,
            holder=None,
            attempts=raw_mail.c.attempts - 1,
            failures=raw_mail.c.failures + 1,
        )
    )


def _held(mail_id: str, holder: str) -> tuple[sa.ColumnElement[bool], ...]:
    return raw_mail.c.id == mail_id, raw_mail.c.holder == holder


def erase_raw_mail(tx: Connection, tenant: TenantId, mail_id: str) -> None:
    """Destroy key and content; the digest stays, so that the same mail is not taken in again."""
    tx.execute(
        sa.update(raw_mail)
        .where(raw_mail.c.id == mail_id, raw_mail.c.tenant == tenant)
        .values(wrapped_key=None, ciphertext=None)
    )


@dataclass(frozen=True, kw_only=True)
class Original:
    """A mail whose message was accepted, and that is still here."""

    id: str
    inbox: str
    external_id: str | None
    received_at: datetime


def find_originals(
    tx: Connection, tenant: TenantId, *, since: datetime, most: int
) -> list[Original]:
    """Of mails that were read, or given up, since then; the oldest first. Those that nobody could
    read are not among them."""
    query = (
        sa.select(raw_mail.c.id, raw_mail.c.inbox, raw_mail.c.external_id, raw_mail.c.received_at)
        .where(
            raw_mail.c.state == MailState.PARSED,
            raw_mail.c.due_at > since,
            raw_mail.c.tenant == tenant,
            raw_mail.c.ciphertext.is_not(None),
        )
        .order_by(raw_mail.c.due_at, raw_mail.c.id)
        .limit(most)
    )
    return [Original(**row._mapping) for row in tx.execute(query)]


def count_mails(tx: Connection, tenant: TenantId) -> dict[MailState, int]:
    """How many mails came in and how far they are: what came in must equal the sum."""
    rows = tx.execute(
        sa.select(raw_mail.c.state, sa.func.count())
        .where(raw_mail.c.tenant == tenant)
        .group_by(raw_mail.c.state)
    )
    return {MailState(state): number for state, number in rows}


def get_position(tx: Connection, tenant: TenantId, inbox: str, folder: str) -> Position | None:
    row = tx.execute(
        sa.select(mailbox_position).where(
            mailbox_position.c.tenant == tenant,
            mailbox_position.c.inbox == inbox,
            mailbox_position.c.folder == folder,
        )
    ).first()
    if row is None:
        return None
    return Position(uidvalidity=row.uidvalidity, last_uid=row.last_uid, since=row.since)


def set_position(
    tx: Connection,
    tenant: TenantId,
    inbox: str,
    folder: str,
    position: Position,
    *,
    at: datetime,
) -> None:
    values = {
        "uidvalidity": position.uidvalidity,
        "last_uid": position.last_uid,
        "since": position.since,
        "updated_at": at,
    }
    updated = tx.execute(
        sa.update(mailbox_position)
        .where(
            mailbox_position.c.tenant == tenant,
            mailbox_position.c.inbox == inbox,
            mailbox_position.c.folder == folder,
        )
        .values(**values)
    )
    if updated.rowcount == 0:
        tx.execute(
            sa.insert(mailbox_position).values(tenant=tenant, inbox=inbox, folder=folder, **values)
        )
