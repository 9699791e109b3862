"""The contact book: from an address to the contact it belongs to, made when first seen."""

from datetime import datetime

from sqlalchemy import Connection

from answerable.contacts.store import (
    KnownContact,
    Lookup,
    add_address,
    add_contact,
    find_contacts,
)
from answerable.kit.ids import ContactId, ConversationId, TenantId, new_id
from answerable.privacy.vault import Vault

NO_CONVERSATION = ConversationId("")  # a profile belongs to the contact, whatever they talk about


class ContactBook:
    """Finds and makes contacts. What is known of a person goes to the vault, under their key."""

    def __init__(self, vault: Vault, lookup: Lookup) -> None:
        self._vault = vault
        self.lookup = lookup

    def resolve(
        self,
        tx: Connection,
        tenant: TenantId,
        *,
        kind: str,
        address: str,
        name: str | None,
        at: datetime,
    ) -> ContactId:
        """The contact with this address; made, with a profile in the vault, if there is none.

        kind: "email", "customer" (an id the host application vouches for) or "visitor".
        """
        key = self.lookup.address(tenant, kind, address)
        known = find_contacts(tx, [key])
        if key in known:
            return known[key].id
        contact_id = ContactId(new_id("con"))
        profile = {"kind": kind, "address": address, "name": name}
        reference = self._vault.put(
            tx, tenant=tenant, contact_id=contact_id, conversation_id=NO_CONVERSATION, value=profile
        )
        add_contact(tx, tenant, contact_id, profile_ref=reference.id, at=at)
        add_address(tx, key, contact_id)
        return contact_id

    def find(
        self, tx: Connection, tenant: TenantId, *, kind: str, address: str
    ) -> KnownContact | None:
        key = self.lookup.address(tenant, kind, address)
        return find_contacts(tx, [key]).get(key)
