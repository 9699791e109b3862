"""Tables of the vault. They hold ciphertext, wrapped keys and keyed hashes, nothing readable."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.database import UtcDateTime, is_of, metadata
from answerable.kit.ids import ContactId, ConversationId, TenantId, new_id
from answerable.kit.rows import InsertRows
from answerable.kit.sought_rows import SoughtRows

vault_key = sa.Table(
    "vault_key",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("contact_id", sa.Text, primary_key=True),
    sa.Column("wrapped_key", sa.LargeBinary),  # null once erased
    sa.Column("master_key_id", sa.Text, nullable=False),
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Column("erased_at", UtcDateTime),  # of the last erasure, kept as its proof
    sa.Index("vault_key_master", "master_key_id"),
)
vault_value = sa.Table(
    "vault_value",
    metadata,
    sa.Column("id", sa.Text, primary_key=True),
    sa.Column("tenant", sa.Text, nullable=False),
    sa.Column("contact_id", sa.Text, nullable=False),
    sa.Column("conversation_id", sa.Text, nullable=False),
    sa.Column("sealed", sa.LargeBinary, nullable=False),  # nonce + ciphertext; empty once erased
    sa.Column("created_at", UtcDateTime, nullable=False),
    sa.Index("vault_value_contact", "tenant", "contact_id"),
)
handle = sa.Table(
    "handle",
    metadata,
    sa.Column("tenant", sa.Text, primary_key=True),
    sa.Column("conversation_id", sa.Text, primary_key=True),
    sa.Column("type", sa.Text, primary_key=True),
    sa.Column("mac", sa.LargeBinary, primary_key=True),
    sa.Column("number", sa.Integer, nullable=False),
    # Two writers cannot give one number to two values.
    sa.UniqueConstraint("tenant", "conversation_id", "type", "number", name="handle_number"),
)

_IN_CHUNK = 400
_INSERT_KEY = vault_key.insert()
_INSERT_VALUES = InsertRows(
    vault_value, ("id", "tenant", "contact_id", "conversation_id", "sealed", "created_at")
)
_INSERT_HANDLE = handle.insert()
_KEY_OF = sa.select(vault_key.c.wrapped_key, vault_key.c.master_key_id).where(
    vault_key.c.tenant == sa.bindparam("t"), vault_key.c.contact_id == sa.bindparam("c")
)
# Held until the commit, so that an erasure elsewhere comes before the value or after it.
_KEYS_TO_WRITE_WITH = (
    sa.select(vault_key.c.contact_id, vault_key.c.wrapped_key, vault_key.c.master_key_id)
    .where(
        vault_key.c.tenant == sa.bindparam("t"),
        vault_key.c.contact_id.in_(sa.bindparam("cs", expanding=True)),
    )
    .order_by(vault_key.c.contact_id)
    .with_for_update()
)
_HANDLES_OF = SoughtRows(
    sa.select(handle.c.conversation_id, handle.c.type, handle.c.mac, handle.c.number).where(
        handle.c.tenant == sa.bindparam("of")
    ),
    handle.c.conversation_id,
)
# Without a condition on the tenant: SQLite would take the tenant's index for it and read every
# value of the tenant instead of the few that are asked for. `values_of` looks at the tenant.
_values = sa.select(
    vault_value.c.id,
    vault_value.c.tenant,
    vault_value.c.contact_id,
    vault_value.c.sealed,
    vault_key.c.wrapped_key,
    vault_key.c.master_key_id,
    vault_key.c.erased_at,
).join(
    vault_key,
    sa.and_(
        vault_key.c.tenant == vault_value.c.tenant,
        vault_key.c.contact_id == vault_value.c.contact_id,
    ),
)
_VALUES = SoughtRows(_values, vault_value.c.id)
_LIVING = sa.select(vault_value.c.id, vault_value.c.tenant).where(
    vault_value.c.id.in_(sa.bindparam("ids", expanding=True)), vault_value.c.sealed != b""
)


def new_value_id(contact_id: ContactId) -> str:
    return new_id("val")


def find_key(tx: Connection, tenant: TenantId, contact_id: ContactId) -> Any:
    """A row (wrapped_key or None, master_key_id), or None."""
    return tx.execute(_KEY_OF, {"t": tenant, "c": contact_id}).first()


def keys_to_write_with(
    tx: Connection, tenant: TenantId, contact_ids: Iterable[ContactId]
) -> dict[ContactId, Any]:
    """Rows as of `find_key`, by contact; nobody can erase these before the commit."""
    wanted = list(contact_ids)
    found = {}
    for start in range(0, len(wanted), _IN_CHUNK):
        chunk = wanted[start : start + _IN_CHUNK]
        for row in tx.execute(_KEYS_TO_WRITE_WITH, {"t": tenant, "cs": chunk}):
            found[ContactId(row.contact_id)] = row
    return found


def insert_keys(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    """Keys of contacts that never had one."""
    if rows:
        tx.execute(_INSERT_KEY, rows)


def replace_key(
    tx: Connection,
    tenant: TenantId,
    contact_id: ContactId,
    *,
    wrapped_key: bytes,
    master_key_id: str,
    created_at: datetime,
) -> None:
    """A new key for a contact whose own was destroyed."""
    row = {"wrapped_key": wrapped_key, "master_key_id": master_key_id, "created_at": created_at}
    tx.execute(vault_key.update().where(*_is(tenant, contact_id)).values(row))


def blank(tx: Connection, tenant: TenantId, contact_id: ContactId, *, at: datetime) -> bool:
    """Overwrites the contact's key and ciphertexts; False if there never was a key."""
    changed = tx.execute(
        vault_key.update()
        .where(*_is(tenant, contact_id))
        .values(wrapped_key=None, master_key_id="", erased_at=at)
    ).rowcount
    tx.execute(
        vault_value.update()
        .where(vault_value.c.tenant == tenant, vault_value.c.contact_id == contact_id)
        .values(sealed=b"")
    )
    return changed > 0


def blank_values(tx: Connection, tenant: TenantId, ids: Iterable[str]) -> None:
    """Overwrites the tenant's ciphertexts under these ids; others are not there."""
    own = vault_value.c.id.in_(list(ids)), is_of(tenant, vault_value.c.tenant)
    tx.execute(vault_value.update().where(*own).values(sealed=b""))


def insert_values(tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
    _INSERT_VALUES.write(tx, rows)


def values_of(tx: Connection, tenant: TenantId, ids: Iterable[str]) -> list[Any]:
    """The tenant's rows (id, contact_id, sealed, wrapped_key, master_key_id, erased_at), in no
    order; another tenant's values are not there."""
    wanted = list(ids)
    rows = _VALUES.read(tx, wanted) if wanted else []
    return [row for row in rows if row.tenant == tenant]


def value_of(tx: Connection, tenant: TenantId, id: str) -> Any:
    """One of these rows, or None: of a file, which may be large."""
    row = tx.execute(_values.where(vault_value.c.id == id)).first()
    return row if row is not None and row.tenant == tenant else None


def still_there(tx: Connection, tenant: TenantId, ids: Iterable[str]) -> set[str]:
    """Those of these values that are not erased."""
    wanted = list(ids)
    found: set[str] = set()
    for start in range(0, len(wanted), _IN_CHUNK):
        rows = tx.execute(_LIVING, {"ids": wanted[start : start + _IN_CHUNK]})
        found |= {row.id for row in rows if row.tenant == tenant}
    return found


def handles_of(
    tx: Connection, tenant: TenantId, conversations: Sequence[ConversationId]
) -> list[Any]:
    """Rows (conversation_id, type, mac, number) of these conversations."""
    return _HANDLES_OF.read(tx, conversations, of=tenant)


def insert_handle(
    tx: Connection,
    tenant: TenantId,
    conversation_id: ConversationId,
    *,
    kind: str,
    mac: bytes,
    number: int,
) -> None:
    row = {"tenant": tenant, "conversation_id": conversation_id, "type": kind}
    tx.execute(_INSERT_HANDLE, row | {"mac": mac, "number": number})


def keys_under(tx: Connection, master_key_id: str, limit: int) -> list[Any]:
    """Rows (tenant, contact_id, wrapped_key) wrapped by this master key."""
    return list(
        tx.execute(
            sa.select(vault_key.c.tenant, vault_key.c.contact_id, vault_key.c.wrapped_key)
            .where(vault_key.c.master_key_id == master_key_id)
            .limit(limit)
        )
    )


def replace_wrapping(
    tx: Connection,
    tenant: str,
    contact_id: str,
    *,
    before: bytes,
    wrapped_key: bytes,
    master_key_id: str,
) -> None:
    """before: the wrapped key that was read; one that was destroyed since stays so."""
    tx.execute(
        vault_key.update()
        .where(*_is(tenant, contact_id), vault_key.c.wrapped_key == before)
        .values(wrapped_key=wrapped_key, master_key_id=master_key_id)
    )


def master_key_ids(tx: Connection) -> set[str]:
    """Ids of all master keys that wrap at least one living data key."""
    found = tx.execute(
        sa.select(vault_key.c.master_key_id).where(vault_key.c.wrapped_key.is_not(None)).distinct()
    )
    return set(found.scalars())


def _is(tenant: str, contact_id: str) -> tuple[sa.ColumnElement[bool], ...]:
    return vault_key.c.tenant == tenant, vault_key.c.contact_id == contact_id
