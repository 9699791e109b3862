"""The contact book: from an address to the contact it belongs to, made when first seen."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import datetime

from sqlalchemy import Connection

from answerable.contacts.store import (
    KnownContact,
    Lookup,
    NewContact,
    add_contacts,
    find_contacts,
    profiles_of,
    replace_profiles,
)
from answerable.kit.database import lock_until_commit
from answerable.kit.ids import ContactId, ConversationId, TenantId, new_id
from answerable.privacy.sealing import VaultEntry
from answerable.privacy.vault import Erased, Vault

NO_CONVERSATION = ConversationId("")  # a profile belongs to the contact, whatever they talk about


@dataclass(frozen=True, kw_only=True)
class Newcomer:
    """Somebody whose address nobody has.

    kind: "email", "customer" (an id the host application vouches for) or "visitor".
    """

    tenant: TenantId
    kind: str
    address: str
    name: str | None
    at: datetime


class ContactBook:
    """Finds and makes contacts. What is known of a person goes to the vault, under their key."""

    def __init__(self, vault: Vault, lookup: Lookup) -> None:
        self._vault = vault
        self.lookup = lookup

    def make_many(self, tx: Connection, newcomers: Mapping[str, Newcomer]) -> dict[str, ContactId]:
        """A contact for each address (its lookup) that nobody has, with a profile in the vault."""
        made = {lookup: ContactId(new_id("con")) for lookup in newcomers}
        profiles = self._vault.put_many(
            tx,
            [_profile(one, made[lookup]) for lookup, one in newcomers.items()],
        )
        add_contacts(
            tx,
            [
                NewContact(
                    id=made[lookup], tenant=one.tenant, profile_ref=profile.id, lookup=lookup,
                    at=one.at,
                )
                for (lookup, one), profile in zip(newcomers.items(), profiles, strict=True)
            ],
        )  # fmt: skip
        return made

    def hold(self, tx: Connection, contacts: Iterable[tuple[TenantId, ContactId]]) -> None:
        """Of tenants whose texts are nowhere on disk: nobody forgets what is known of these before
        it can be seen what this transaction begins with them."""
        lock_profiles(tx, [one for tenant, one in contacts if not self._vault.keeps(tenant)])

    def renew(self, tx: Connection, met: Mapping[ContactId, Newcomer]) -> None:
        """What is known of these contacts, from a message of theirs, where it was forgotten
        meanwhile: of tenants whose texts are nowhere on disk."""
        passing = {one: by for one, by in met.items() if not self._vault.keeps(by.tenant)}
        for tenant in {by.tenant for by in passing.values()}:
            own = [one for one, by in passing.items() if by.tenant == tenant]
            refs = profiles_of(tx, tenant, own)
            found = self._vault.get_many(tx, tenant=tenant, ids=refs.values())
            gone = [one for one, ref in refs.items() if isinstance(found.get(ref), Erased)]
            entries = [_profile(passing[one], one) for one in gone]
            profiles = self._vault.put_many(tx, entries)
            replace_profiles(tx, {one: new.id for one, new in zip(gone, profiles, strict=True)})

    def find(
        self, tx: Connection, tenant: TenantId, *, kind: str, address: str
    ) -> KnownContact | None:
        key = self.lookup.address(tenant, kind, address)
        return find_contacts(tx, [key]).get(key)


def lock_profiles(tx: Connection, contacts: Iterable[ContactId]) -> None:
    """Before the streams of their conversations: all who need both take them in this order."""
    lock_until_commit(tx, [f"profile {one}" for one in contacts])


def _profile(one: Newcomer, contact: ContactId) -> VaultEntry:
    return VaultEntry(
        tenant=one.tenant, contact_id=contact, conversation_id=NO_CONVERSATION,
        value={"kind": one.kind, "address": one.address, "name": one.name},
    )  # fmt: skip
