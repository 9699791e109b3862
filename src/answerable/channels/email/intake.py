"""From a stored raw mail to an accepted message, in steps that may each be the last before a crash.

    stored -> read in a child -> masked mail replaces the original -> identity fixed -> accepted
    -> parsed | quarantined

Each step may happen again without harm: the identity (`external_id`) is fixed before the message is
accepted, and accepting the same identity twice is one message. No mail is dropped: one that cannot
be read becomes a message that says so.
"""

import asyncio
import hashlib
from collections.abc import Callable, Mapping
from dataclasses import dataclass, replace
from datetime import timedelta

from sqlalchemy import Connection

from answerable.channels.email.inbound import inbound_message, unread_message
from answerable.channels.email.inbox import MailInbox
from answerable.channels.email.keys_apart import MailKeys
from answerable.channels.email.ports import Accept
from answerable.channels.email.reader import MailReader, Read, Unparsable
from answerable.channels.email.reply_token import ReplyTokens
from answerable.channels.email.seal import MailSeal
from answerable.channels.email.smtp_out import backoff
from answerable.channels.email.store import (
    MailState,
    NewRawMail,
    Position,
    StoredRawMail,
    add_raw_mail,
    claim_due_mails,
    claim_identity,
    claim_mail,
    finish_mail,
    free_mails,
    get_raw_mail,
    mail_holders,
    new_mail_id,
    postpone_mail,
    replace_ciphertext,
    set_position,
)
from answerable.flow.message import Accepted, InboundMessage
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.ids import TenantId
from answerable.kit.membership import Membership
from answerable.kit.telemetry import get_logger
from answerable.ledger.event import Lease

log = get_logger("email")

_LEASE = timedelta(minutes=5)
_SWEEP = 1.0  # seconds after which mail of other processes, and postponed mail, is looked for
_ATTEMPTS_MOST = 3  # a mail that ended the whole process so often is not read a fourth time


@dataclass(frozen=True, kw_only=True)
class Origin:
    """Where a mail came from. source: "imap", "smtp" or "file".

    null_sender: the SMTP envelope named no sender. note: why this is only a part of the mail.
    position, folder, uid: of an IMAP mailbox, stored in the same transaction as the mail.
    """

    source: str
    null_sender: bool = False
    note: str | None = None
    folder: str = ""
    position: Position | None = None
    uid: int | None = None


class MailIntake:
    """Stores mail first and reads it later: in `run`, or by `advance`.

    busy: whether what was read before is still to be worked on. Reading goes on, but slowly. keys:
    where those of some tenants' mails are.
    """

    def __init__(
        self,
        *,
        database: Database,
        seal: MailSeal,
        reader: MailReader,
        tokens: ReplyTokens,
        accept: Accept,
        clock: Clock,
        inboxes: Mapping[tuple[TenantId, str], MailInbox],
        membership: Membership,
        busy: Callable[[], bool] = lambda: False,
        keys: MailKeys | None = None,
    ) -> None:
        self._busy = busy
        self._keys = keys
        self._database = database
        self._seal = seal
        self._reader = reader
        self._tokens = tokens
        self._accept = accept
        self._clock = clock
        self._inboxes = inboxes
        self._membership = membership
        self._stored = asyncio.Event()

    async def store(self, raw: bytes, inbox: MailInbox, origin: Origin) -> tuple[str, bool]:
        """Put a mail on disk; its id, and whether it is new. Returns after the commit."""
        now = self._clock.now()
        mail_id = new_mail_id()
        wrapped, ciphertext = self._seal.seal(raw, context=mail_id)
        in_row = await self._put_key(inbox.tenant, mail_id, wrapped, ciphertext)
        position = origin.position
        mail = NewRawMail(
            id=mail_id,
            tenant=inbox.tenant,
            inbox=inbox.name,
            source=origin.source,
            digest=hashlib.sha256(raw).hexdigest(),
            size_bytes=len(raw),
            received_at=now,
            wrapped_key=in_row,
            ciphertext=ciphertext,
            null_sender=origin.null_sender,
            uidvalidity=position.uidvalidity if position else None,
            uid=origin.uid,
            note=origin.note,
        )

        def unit(tx: Connection) -> tuple[str, bool]:
            stored = add_raw_mail(tx, mail)
            if position is not None:
                set_position(tx, inbox.tenant, inbox.name, origin.folder, position, at=now)
            return stored

        stored = await self._database.write(unit)
        self._stored.set()
        return stored

    async def run(self, stop: asyncio.Event) -> None:
        """Read what is stored, at once when this process stored it, until `stop` is set."""
        while not stop.is_set():
            self._stored.clear()
            try:
                await self.free_abandoned()
                while await self.advance() and not self._busy():
                    pass
            except Exception:
                # Each failed mail is due again later; those that come in must not wait for it.
                log.exception("mail_intake_failed")
            waits = [asyncio.ensure_future(one.wait()) for one in (stop, self._stored)]
            await asyncio.wait(waits, timeout=_SWEEP, return_when=asyncio.FIRST_COMPLETED)
            for one in waits:
                one.cancel()

    async def take_in(self, raw: bytes, inbox: MailInbox, origin: Origin) -> Accepted | None:
        """Store and read one mail at once; None if it was read before, or another reads it now."""
        mail_id, _ = await self.store(raw, inbox, origin)
        lease = self._lease()
        mail = await self._database.write(lambda tx: claim_mail(tx, mail_id, lease=lease))
        return None if mail is None else await self._take(mail)

    async def read_again(self, tenant: TenantId, mail_id: str) -> InboundMessage | None:
        """The message of a mail that was accepted before; None if the mail is not here any more."""
        mail = await self._database.read(lambda tx: get_raw_mail(tx, tenant, mail_id))
        if mail is None or (mail.tenant, mail.inbox) not in self._inboxes:
            return None
        raw = await self._opened(mail)
        if raw is None:
            return None
        inbox = self._inboxes[mail.tenant, mail.inbox]
        return self._message(mail, inbox, raw, await self._reader.read(raw))

    async def advance(self, *, most: int = 20) -> int:
        """Read the mails that wait; how many were taken on. Call until it returns 0.

        A failure of ours (the database, a bug) postpones the one mail and is raised after the
        others were done.
        """
        now, lease = self._clock.now(), self._lease()
        mails = await self._database.write(
            lambda tx: claim_due_mails(tx, now=now, lease=lease, most=most)
        )
        failures: list[Exception] = []
        for mail in mails:
            try:
                await self._take(mail)
            except Exception as error:
                failures.append(error)
                await self._postpone(mail)
        if failures:
            raise ExceptionGroup("mails that could not be taken in yet", failures)
        return len(mails)

    async def free_abandoned(self) -> None:
        """What a process had taken that has ended is due again at once."""
        holders = await self._database.read(mail_holders)
        others = [holder for holder in holders if holder != self._membership.id]
        if others:
            now = self._clock.now()
            await self._database.write(
                lambda tx: free_mails(tx, now=now, gone=self._membership.gone(tx, others))
            )

    def _lease(self) -> Lease:
        return Lease(holder=self._membership.id, until=self._clock.now() + _LEASE)

    async def _postpone(self, mail: StoredRawMail) -> None:
        due_at = self._clock.now() + backoff(mail.failures + 1)
        holder = self._membership.id
        await self._database.write(
            lambda tx: postpone_mail(tx, mail.id, holder=holder, due_at=due_at)
        )

    async def _take(self, mail: StoredRawMail) -> Accepted | None:
        inbox = self._inboxes[mail.tenant, mail.inbox]
        raw = await self._opened(mail)
        outcome = Unparsable(reason="key-lost") if raw is None else await self._read(mail, raw)
        message = self._message(mail, inbox, raw or b"", outcome)
        fixed = await self._fix_identity(mail, message.external_id, outcome.masked)
        if fixed is None:
            return None
        identity, copy = fixed
        if copy is not None:
            await self._finish(mail, MailState.PARSED, f"copy of {copy}")
            return None
        accepted = await self._accept(replace(message, external_id=identity))
        state = MailState.PARSED if message.unparsable is None else MailState.QUARANTINED
        await self._finish(mail, state, message.unparsable)
        return accepted

    async def _opened(self, mail: StoredRawMail) -> bytes | None:
        """None if its key is gone."""
        key: bytes | None = mail.wrapped_key
        if self._keys is not None:
            key = await self._keys.get(mail.tenant, mail.id, mail.wrapped_key, of=mail.ciphertext)
        if not key:
            return None
        return self._seal.open(key, mail.ciphertext, context=mail.id)

    def _message(
        self, mail: StoredRawMail, inbox: MailInbox, raw: bytes, outcome: Read | Unparsable
    ) -> InboundMessage:
        if isinstance(outcome, Unparsable):
            return unread_message(
                outcome.masked or raw,
                reason=outcome.reason,
                digest=mail.digest,
                inbox=inbox,
                received_at=mail.received_at,
                raw_id=mail.id,
            )
        return inbound_message(
            outcome.mail,
            reply_text=outcome.reply_text,
            inbox=inbox,
            tokens=self._tokens,
            received_at=mail.received_at,
            raw_id=mail.id,
            null_sender=mail.null_sender,
            unparsable=mail.note,
        )

    async def _read(self, mail: StoredRawMail, raw: bytes) -> Read | Unparsable:
        if mail.attempts >= _ATTEMPTS_MOST:
            return Unparsable(reason="reading-ended-the-process")
        return await self._reader.read(raw)

    async def _fix_identity(
        self, mail: StoredRawMail, external_id: str, masked: bytes | None
    ) -> tuple[str, str | None] | None:
        """As `claim_identity`; None if another process has taken the mail meanwhile."""
        sealed = None
        if masked is not None:
            wrapped, ciphertext = self._seal.seal(masked, context=mail.id)
            sealed = await self._put_key(mail.tenant, mail.id, wrapped, ciphertext), ciphertext
        holder = self._membership.id

        def unit(tx: Connection) -> tuple[str, str | None] | None:
            if sealed is not None and not replace_ciphertext(
                tx, mail.id, holder=holder, wrapped_key=sealed[0], ciphertext=sealed[1]
            ):
                return None
            return claim_identity(
                tx,
                tenant=mail.tenant,
                inbox=mail.inbox,
                mail_id=mail.id,
                external_id=external_id,
            )

        fixed = await self._database.write(unit)
        if fixed is not None and sealed is not None and self._keys is not None:
            # If we end before this, the original's key stays as long as the mail's others.
            await self._keys.drop(mail.tenant, mail.id, mail.wrapped_key, of=mail.ciphertext)
        return fixed

    async def _put_key(
        self, tenant: TenantId, mail_id: str, wrapped: bytes, ciphertext: bytes
    ) -> bytes:
        """What is to stand in the mail's row."""
        if self._keys is None:
            return wrapped
        return await self._keys.put(tenant, mail_id, wrapped, of=ciphertext)

    async def _finish(self, mail: StoredRawMail, state: MailState, note: str | None) -> None:
        holder = self._membership.id
        await self._database.write(
            lambda tx: finish_mail(tx, mail.id, holder=holder, state=state, note=note)
        )
