"""Forgetting: of tenants whose texts are nowhere on disk, what was said goes when a conversation is
closed and the CRM has all of it; the mail that a message came in goes as soon as the CRM has that.

Until then it stays, at most for the time that the definition sets. A process that begins to lead
looks through what was closed within that time; from there on it goes by the events.
"""

import asyncio
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import partial

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.channels.email.keys_apart import MailKeys
from answerable.channels.email.store import erase_raw_mail, find_originals
from answerable.contacts.book import lock_profiles
from answerable.contacts.store import Lookup
from answerable.desk.case_store import mirrored_case
from answerable.desk.summary_store import conversation
from answerable.flow.definitions import Definitions
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import StoreUnavailable
from answerable.kit.ids import ContactId, ConversationId, TenantId
from answerable.kit.telemetry import CASES_BEHIND, get_logger
from answerable.ledger.append import Appender, find_received
from answerable.ledger.event import Event
from answerable.ledger.reading import read_events_at
from answerable.ledger.tables import effect, event
from answerable.privacy.vault import Vault
from answerable.processes.erasure import raw_mails_of
from answerable.processes.following import Consumer

log = get_logger("processes")

LOOK_EVERY = 1.0  # seconds
AT_ONCE = 200  # conversations of a look
OF_THE_CONTACT = ConversationId("")
# After a mail, how long until the pages that held it are emptied. On a server all tables are gone
# through for it.
SHRED_AFTER, SHRED_AFTER_ON_SERVER = timedelta(seconds=10), timedelta(minutes=10)
PATIENCE = timedelta(seconds=1)
MAILS_EVERY = timedelta(seconds=5)
_BEGINNING = datetime(1970, 1, 1, tzinfo=UTC)
_SAID = ("message_received", "reply_written")


@dataclass
class Forgetting:
    """consumer: for the follower. `run` forgets, until cancelled."""

    database: Database
    vault: Vault
    definitions: Definitions
    lookup: Lookup
    clock: Clock
    keys: MailKeys | None = None
    _closed: dict[ConversationId, TenantId] = field(default_factory=dict)
    _shred_at: datetime | None = None
    _mails_at: datetime | None = None

    @property
    def consumer(self) -> Consumer:
        behind = CASES_BEHIND.labels("forgetting")
        return Consumer(name="forgetting", take=self.take, behind=behind, at_once=False)

    async def take(self, tenant: TenantId, events: Sequence[Event]) -> int:
        """Note what is over. Never waits for the CRM."""
        if not self.vault.keeps(tenant):
            for one in events:
                if one.kind == "conversation_closed":
                    self._closed[one.stream] = tenant
        return len(events)

    async def run(self) -> None:
        await self.find_closed()
        while True:
            try:
                await self.forget_closed()
                await self.forget_mails()
                await self.shred_if_due()
            except StoreUnavailable as error:
                log.warning("forgetting_waits", why=error.code)
            except Exception:
                log.exception("forgetting_failed")
            await asyncio.sleep(LOOK_EVERY)

    def _passing(self) -> Iterator[tuple[TenantId, timedelta]]:
        """Tenants whose texts are nowhere on disk, and for how long they are kept."""
        for tenant in self.definitions.tenants:
            lasts = self.definitions.forget_after(tenant)
            if lasts is not None:
                yield tenant, lasts

    async def find_closed(self) -> None:
        """What may not be forgotten yet, since whoever noted it is gone."""
        for tenant, lasts in self._passing():
            closed = partial(_closed_since, tenant=tenant, since=self.clock.now() - lasts)
            found = await self.database.read(closed, tenant=tenant)
            self._closed |= dict.fromkeys(found, tenant)

    async def forget_closed(self) -> int:
        """Forget what is over and told; of how many conversations it was either, or they are open
        again."""
        asked = list(self._closed.items())[:AT_ONCE]
        ready = await self.database.read(
            lambda tx: [(one, of) for one, of in asked if _is_ready(tx, of, one)]
        )
        for stream, _ in asked:  # those that are not ready come behind the others
            self._closed[stream] = self._closed.pop(stream)
        settled = 0
        for stream, tenant in ready:
            forget = partial(self._forget, tenant=tenant, stream=stream)
            if await self.database.write(forget, tenant=tenant):
                del self._closed[stream]
                settled += 1
        return settled

    async def forget_mails(self) -> int:
        """Destroy mails whose text the CRM has, that are copies of others, or whose time is over;
        how many. Of mails that were lost sight of while nobody forgot, all once."""
        now = self.clock.now()
        if self._mails_at is not None and now < self._mails_at + MAILS_EVERY:
            return 0
        first, self._mails_at = self._mails_at is None, now
        destroyed = 0
        for tenant, lasts in self._passing():
            since = _BEGINNING if first else now - lasts - MAILS_EVERY
            over = partial(self._done_with, tenant=tenant, since=since, over=now - lasts)
            gone = await self.database.read(over, tenant=tenant)
            if gone:
                destroy = partial(self._destroy, tenant=tenant, mails=gone)
                await self.database.write(destroy, tenant=tenant)
                self._shred_later()
            destroyed += len(gone)
        return destroyed

    def _destroy(self, tx: Connection, tenant: TenantId, mails: Sequence[str]) -> None:
        for mail_id in mails:
            erase_raw_mail(tx, tenant, mail_id)
            if self.keys is not None:
                self.keys.forget(tenant, mail_id)

    def _done_with(
        self, tx: Connection, tenant: TenantId, *, since: datetime, over: datetime
    ) -> list[str]:
        originals = find_originals(tx, tenant, since=since, most=AT_ONCE)
        keys = {
            one.id: self.lookup.external(tenant, one.inbox, one.external_id)
            for one in originals
            if one.external_id is not None
        }
        places = find_received(tx, list(keys.values()))
        events = read_events_at(tx, tenant, places.values())
        carried = {str(one.data.get("raw_id")): one for one in events}
        return [
            one.id
            for one in originals
            if one.received_at <= over
            or one.id not in carried  # another mail brought the same message
            or _told_upto(tx, tenant, carried[one.id].stream) >= carried[one.id].seq
        ]

    def _forget(self, tx: Connection, tenant: TenantId, stream: ConversationId) -> bool:
        """False if it is to be asked again."""
        this = conversation.c.id == stream, conversation.c.tenant == tenant
        contact = tx.execute(sa.select(conversation.c.contact_id).where(*this)).scalar()
        if contact is None:
            return True
        # Nobody says anything meanwhile, nor begins another conversation.
        lock_profiles(tx, [ContactId(contact)])
        Appender(tx).load([stream])
        if tx.execute(sa.select(conversation.c.status).where(*this)).scalar() != "closed":
            return True
        if not _is_ready(tx, tenant, stream):
            return False
        self._destroy(tx, tenant, raw_mails_of(tx, stream))
        over = [stream]
        if not _is_elsewhere(tx, tenant, contact):
            over.append(OF_THE_CONTACT)
        self.vault.forget(tenant=tenant, contact_id=ContactId(contact), conversations=over)
        return True

    def _shred_later(self) -> None:
        wait = SHRED_AFTER if self.database.exclusive else SHRED_AFTER_ON_SERVER
        self._shred_at = self._shred_at or self.clock.now() + wait

    async def shred_if_due(self) -> None:
        """Leave nothing of mails in the store's own files, some time after one came."""
        if self._shred_at is not None and self.clock.now() >= self._shred_at:
            self._shred_at = None
            if not await self.database.shred(PATIENCE):
                self._shred_later()


def _closed_since(tx: Connection, tenant: TenantId, since: datetime) -> list[ConversationId]:
    query = sa.select(conversation.c.id).where(
        conversation.c.tenant == tenant,
        conversation.c.status == "closed",
        conversation.c.closed_at > since,
    )
    return [ConversationId(one) for one in tx.scalars(query)]


def _is_ready(tx: Connection, tenant: TenantId, stream: ConversationId) -> bool:
    return _is_told(tx, tenant, stream) and not _has_work(tx, stream)


def _has_work(tx: Connection, stream: ConversationId) -> bool:
    """Whether something is still to be done that may need what was said; a timer does not."""
    query = sa.select(effect.c.key).where(effect.c.stream == stream, effect.c.kind != "wake")
    return tx.execute(query.limit(1)).first() is not None


def _told_upto(tx: Connection, tenant: TenantId, stream: ConversationId) -> int:
    told = sa.select(mirrored_case.c.done_seq).where(
        mirrored_case.c.tenant == tenant, mirrored_case.c.conversation_id == stream
    )
    return tx.execute(told).scalar() or 0


def _is_told(tx: Connection, tenant: TenantId, stream: ConversationId) -> bool:
    last = sa.select(sa.func.max(event.c.seq)).where(
        event.c.stream == stream, event.c.kind.in_(_SAID)
    )
    return _told_upto(tx, tenant, stream) >= (tx.execute(last).scalar() or 0)


def _is_elsewhere(tx: Connection, tenant: TenantId, contact: str) -> bool:
    """Whether another conversation of the contact is open."""
    query = sa.select(conversation.c.id).where(
        conversation.c.contact_id == contact,
        conversation.c.tenant == tenant,
        conversation.c.status == "open",
    )
    return tx.execute(query.limit(1)).first() is not None
