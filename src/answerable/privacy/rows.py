"""Where the vault puts its rows: the database's tables, or what is gone after a while."""

from collections.abc import Iterable, Sequence
from datetime import datetime
from typing import Any, Protocol

from sqlalchemy import Connection

from answerable.kit.ids import ContactId, ConversationId, TenantId


class VaultRows(Protocol):
    """`privacy.store` as a module, and `VolatileRows`. Rows hold what is sealed, wrapped or hashed.

    keys_to_write_with: by contact (wrapped_key, master_key_id). values_of: (id, contact_id, sealed,
    wrapped_key, master_key_id, erased_at). handles_of: (conversation_id, type, mac, number).
    """

    def new_value_id(self, contact_id: ContactId) -> str: ...

    def keys_to_write_with(
        self, tx: Connection, tenant: TenantId, contact_ids: Iterable[ContactId]
    ) -> dict[ContactId, Any]: ...

    def insert_keys(self, tx: Connection, rows: Sequence[dict[str, Any]]) -> None: ...

    def replace_key(
        self,
        tx: Connection,
        tenant: TenantId,
        contact_id: ContactId,
        *,
        wrapped_key: bytes,
        master_key_id: str,
        created_at: datetime,
    ) -> None: ...

    def insert_values(self, tx: Connection, rows: Sequence[dict[str, Any]]) -> None: ...

    def values_of(self, tx: Connection, tenant: TenantId, ids: Iterable[str]) -> Iterable[Any]: ...

    def handles_of(
        self, tx: Connection, tenant: TenantId, conversations: Sequence[ConversationId]
    ) -> list[Any]: ...

    def insert_handle(
        self,
        tx: Connection,
        tenant: TenantId,
        conversation_id: ConversationId,
        *,
        kind: str,
        mac: bytes,
        number: int,
    ) -> None: ...
