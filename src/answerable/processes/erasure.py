"""Erasure of a contact: everything that is known of them is gone, and the ledger still verifies."""

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import timedelta

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.channels.email.store import erase_raw_mail
from answerable.contacts.links_store import page_link
from answerable.contacts.one_time_codes_store import code_standing, one_time_code
from answerable.contacts.reply_caps_store import automatic_reply
from answerable.contacts.send_caps_store import sent_text
from answerable.contacts.session_store import customer_session
from answerable.contacts.store import forget_contact, get_contact
from answerable.desk.search_store import forget_words, lock_search
from answerable.desk.summary_store import conversation
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import NotFound
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.kit.telemetry import get_logger
from answerable.ledger.administration import record_administration
from answerable.ledger.event import NewEvent
from answerable.ledger.tables import event
from answerable.privacy.vault import Vault

log = get_logger("processes")

PATIENCE = timedelta(seconds=5)  # to wait for readers that still need the write-ahead log


@dataclass(frozen=True, kw_only=True)
class Erasure:
    """What was erased. known: whether the contact ever had a key.

    log_emptied: the write-ahead log, which may hold pages as they were, is empty. False: readers
    needed it throughout; it is overwritten as work goes on, or by `erase_contact` once more.
    """

    known: bool
    conversations: int
    mails: int
    log_emptied: bool = False


async def erase_contact(
    database: Database, vault: Vault, clock: Clock, *, tenant: TenantId, contact_id: ContactId,
    by: str, patience: timedelta = PATIENCE,
) -> Erasure:  # fmt: skip
    """Destroy the contact's key, texts, words in the search, addresses, raw mails and sessions, in
    one transaction.

    by: who wants it, as an actor ("agent:<id>" or "system"); it stands in the administration
    stream with the contact's id, which means nothing any more. Repeating it is safe.
    Raises NotFound if the tenant has no such contact.
    """
    at = clock.now()

    def unit(tx: Connection) -> Erasure:
        if get_contact(tx, tenant, contact_id) is None:
            raise NotFound("contact_not_found", "there is no such contact")
        erased = erase_stored(tx, vault, clock, tenant=tenant, contact_id=contact_id)
        record_administration(
            tx,
            tenant,
            NewEvent(kind="contact_erased", actor=by, data={"contact": contact_id}),
            at=at,
        )
        return erased

    erased = await database.write(unit)
    emptied = await database.shred(patience)
    if not emptied:
        log.warning("log_not_emptied", why="readers need it")
    return replace(erased, log_emptied=emptied)


def erase_stored(
    tx: Connection, vault: Vault, clock: Clock, *, tenant: TenantId, contact_id: ContactId
) -> Erasure:
    """The erasure itself, without its event: also what a restored copy must do again."""
    # First: whoever is about to make a text of theirs findable waits, and then finds it erased.
    lock_search(tx, tenant)
    known = vault.erase(tx, tenant=tenant, contact_id=contact_id)
    # Whoever was putting something of theirs away is done: a conversation that it began is seen.
    streams = tx.scalars(
        sa.select(conversation.c.id).where(
            conversation.c.tenant == tenant, conversation.c.contact_id == contact_id
        )
    ).all()
    forget_words(tx, tenant, [ConversationId(stream) for stream in streams])
    forget_contact(tx, tenant, contact_id, at=clock.now())
    mails = 0
    for stream in streams:
        for mail_id in raw_mails_of(tx, stream):
            erase_raw_mail(tx, tenant, mail_id)
            mails += 1
    tx.execute(
        sa.delete(customer_session).where(
            customer_session.c.tenant == tenant,
            customer_session.c.conversation_id.in_(streams),
        )
    )
    tx.execute(
        sa.delete(automatic_reply).where(
            automatic_reply.c.tenant == tenant, automatic_reply.c.conversation_id.in_(streams)
        )
    )
    _forget_codes_and_links(tx, tenant, streams)
    return Erasure(known=known, conversations=len(streams), mails=mails)


def _forget_codes_and_links(tx: Connection, tenant: TenantId, streams: Sequence[str]) -> None:
    """With the codes go the texts that carried them and the wrong tries of whoever got them."""
    codes = one_time_code.c.tenant == tenant, one_time_code.c.conversation_id.in_(streams)
    for table, column, named in (
        (sent_text, sent_text.c.key, one_time_code.c.id),
        (code_standing, code_standing.c.person, one_time_code.c.person),
    ):
        tx.execute(
            sa.delete(table).where(
                table.c.tenant == tenant, column.in_(sa.select(named).where(*codes))
            )
        )
    tx.execute(sa.delete(one_time_code).where(*codes))
    tx.execute(
        sa.delete(page_link).where(
            page_link.c.tenant == tenant, page_link.c.conversation_id.in_(streams)
        )
    )


def raw_mails_of(tx: Connection, stream: str) -> list[str]:
    """Ids of the mails that a conversation's messages came in."""
    rows = tx.scalars(
        sa.select(event.c.data).where(event.c.stream == stream, event.c.kind == "message_received")
    )
    return [str(data["raw_id"]) for data in rows if data.get("raw_id")]
