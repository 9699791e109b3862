"""The vault's rows for tenants whose texts are nowhere on disk: in memory, or in Redis, for a time.

What is known of a contact is one group of a `Volatile`: their key and their values. It goes as a
whole, when nothing was written to it for as long as the definition says. Each value has
its wrapped key beside it, so that whatever is there can be opened by whoever has the master key.
The id of such a value says whose it is, so that it is looked for here whatever the definition says
by then.
"""

import json
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any, NamedTuple

from sqlalchemy import Connection

from answerable.kit.canonical import canonical_json
from answerable.kit.ids import ContactId, ConversationId, TenantId, new_id
from answerable.kit.volatile import Volatile

_OF = "."  # between a value's id and its contact's
_KEY, _HANDLES = "key", "handles"

Lasts = Callable[[TenantId], timedelta | None]
"""How long after a contact's last message their values are kept; None: in the database."""


class _Key(NamedTuple):
    contact_id: str
    wrapped_key: bytes
    master_key_id: str


class _Handle(NamedTuple):
    conversation_id: str
    type: str
    mac: bytes
    number: int


@dataclass(frozen=True, slots=True)
class _Value:
    id: str
    tenant: str
    contact_id: str
    sealed: bytes
    wrapped_key: bytes | None
    master_key_id: str
    erased_at: datetime | None = None


def is_volatile(id: str) -> bool:
    """Whether the vault's reference is of a value that was never in the database."""
    return _OF in id


class VolatileRows:
    """The same functions as `privacy.store` has, for tenants of whom `lasts` knows. Nothing is
    done by the transaction: what was put away stays if it fails, until its time is over, and
    nobody has its reference."""

    def __init__(self, volatile: Volatile, lasts: Lasts) -> None:
        self._volatile = volatile
        self._lasts = lasts

    def takes(self, tenant: TenantId) -> bool:
        """Whether this tenant's values are put here now."""
        return self._lasts(tenant) is not None

    def new_value_id(self, contact_id: ContactId) -> str:
        return f"{new_id('val')}{_OF}{contact_id}"

    def keys_to_write_with(
        self, tx: Connection, tenant: TenantId, contact_ids: Iterable[ContactId]
    ) -> dict[ContactId, Any]:
        found = {}
        for contact_id in contact_ids:
            # First, so that the key does not go between here and what is written with it.
            self._put(tenant, contact_id, {})
            kept = self._volatile.get(_group(tenant, contact_id), [_KEY]).get(_KEY)
            if kept is not None:
                master_key_id, wrapped = kept.split(b"\n", 1)
                found[contact_id] = _Key(contact_id, wrapped, master_key_id.decode())
        return found

    def insert_keys(self, tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
        for row in rows:
            value = row["master_key_id"].encode() + b"\n" + row["wrapped_key"]
            self._put(row["tenant"], row["contact_id"], {_KEY: value})

    def replace_key(
        self,
        tx: Connection,
        tenant: TenantId,
        contact_id: ContactId,
        *,
        wrapped_key: bytes,
        master_key_id: str,
        created_at: datetime,
    ) -> None:
        """The same as to insert it: of a key that is gone there is no row."""
        row = {"wrapped_key": wrapped_key, "master_key_id": master_key_id}
        self.insert_keys(tx, [{"tenant": tenant, "contact_id": contact_id, **row}])

    def insert_values(self, tx: Connection, rows: Sequence[dict[str, Any]]) -> None:
        groups: dict[tuple[TenantId, ContactId], dict[str, bytes]] = {}
        for row in rows:
            own = groups.setdefault((row["tenant"], row["contact_id"]), {})
            own[_value(row["id"])] = b"\n".join(
                (
                    row["conversation_id"].encode(),
                    row["master_key_id"].encode(),
                    row["wrapped_key"].hex().encode(),
                    row["sealed"],
                )
            )
        for (tenant, contact_id), values in groups.items():
            self._put(tenant, contact_id, values)

    def values_of(self, tx: Connection, tenant: TenantId, ids: Iterable[str]) -> Iterator[_Value]:
        """Also those that are gone, as erased ones: nobody can tell when."""
        by_contact: dict[str, list[str]] = {}
        for id_ in ids:
            by_contact.setdefault(id_.partition(_OF)[2], []).append(id_)
        for contact_id, wanted in by_contact.items():
            found = self._volatile.get(_group(tenant, contact_id), [_value(id_) for id_ in wanted])
            for id_ in wanted:
                yield _opened(tenant, contact_id, id_, found.get(_value(id_)))

    def remove(self, tenant: TenantId, ids: Iterable[str]) -> None:
        """These values; what else is known of their contacts stays."""
        for id_ in ids:
            group = _group(tenant, id_.partition(_OF)[2])
            self._volatile.remove(group, [_value(id_)])

    def handles_of(
        self, tx: Connection, tenant: TenantId, conversations: Sequence[ConversationId]
    ) -> list[Any]:
        return [
            _Handle(conversation, kind, bytes.fromhex(mac), number)
            for conversation in conversations
            for kind, mac, number in self._handles(tenant, conversation)
        ]

    def insert_handle(
        self,
        tx: Connection,
        tenant: TenantId,
        conversation_id: ConversationId,
        *,
        kind: str,
        mac: bytes,
        number: int,
    ) -> None:
        """Whoever calls it holds the conversation, so that nobody adds another at the moment."""
        known = self._handles(tenant, conversation_id)
        value = canonical_json([*known, [kind, mac.hex(), number]])
        self._put(tenant, conversation_id, {_HANDLES: value})

    def blank(
        self, tx: Connection, tenant: TenantId, contact_id: ContactId, *, at: datetime
    ) -> bool:
        """All that is known of the contact."""
        group = _group(tenant, contact_id)
        names = list(self._volatile.all_of(group))
        self._volatile.remove(group, names)
        return bool(names)

    def forget(self, tenant: TenantId, contact_id: ContactId, conversations: Iterable[str]) -> None:
        """What was said in these conversations; "" for what belongs to the contact alone. With the
        last value goes the key: what somebody puts away under it now has it beside itself."""
        group, over = _group(tenant, contact_id), set(conversations)
        kept = self._volatile.all_of(group)
        gone = [
            name
            for name, value in kept.items()
            if name != _KEY and value.split(b"\n", 1)[0].decode() in over
        ]
        last = kept.keys() - gone <= {_KEY}
        self._volatile.remove(group, [*gone, _KEY] if last else gone)
        for conversation in over:
            self._volatile.remove(_group(tenant, conversation), [_HANDLES])

    def _handles(self, tenant: TenantId, conversation: str) -> list[list[Any]]:
        kept = self._volatile.get(_group(tenant, conversation), [_HANDLES]).get(_HANDLES)
        return [] if kept is None else list(json.loads(kept))

    def _put(self, tenant: TenantId, of: str, values: Mapping[str, bytes]) -> None:
        lasts = self._lasts(tenant)
        if lasts is not None:
            self._volatile.put(_group(tenant, of), values, lasts=lasts)


def _opened(tenant: TenantId, contact_id: str, id_: str, kept: bytes | None) -> _Value:
    if kept is None:
        return _Value(id_, tenant, contact_id, b"", None, "")
    _, master_key_id, wrapped, sealed = kept.split(b"\n", 3)
    return _Value(
        id_, tenant, contact_id, sealed, bytes.fromhex(wrapped.decode()), master_key_id.decode()
    )


def _group(tenant: str, of: str) -> str:
    """of: a contact, or a conversation for its handles."""
    return f"{tenant}/{of}"


def _value(id_: str) -> str:
    return f"value/{id_}"
