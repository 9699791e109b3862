"""Documents of contacts, in the vault: under the contact's key, and erased with it."""

from sqlalchemy import Connection

from answerable.contacts.documents import Document, StoredDocument
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.privacy.vault import Erased, Vault


def put_document(
    tx: Connection,
    vault: Vault,
    document: Document,
    *,
    tenant: TenantId,
    contact: ContactId,
    conversation: ConversationId,
) -> StoredDocument:
    reference = vault.put(
        tx,
        tenant=tenant,
        contact_id=contact,
        conversation_id=conversation,
        value=document.content,
    )
    return StoredDocument(
        name=document.name,
        media_type=document.media_type,
        size_bytes=len(document.content),
        ref=reference.id,
        commitment=reference.commitment,
    )


def open_document(
    tx: Connection, vault: Vault, stored: StoredDocument, *, tenant: TenantId
) -> bytes | Erased:
    """Its bytes. Raises as `Vault.get_bytes` does, above all if they are not what was handed in."""
    return vault.get_bytes(tx, tenant=tenant, id=stored.ref, commitment=stored.commitment)
