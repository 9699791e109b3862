"""The mail of one process: receiving by SMTP or IMAP, reading, delivering."""

import asyncio
from collections.abc import Mapping
from dataclasses import dataclass, field
from urllib.parse import unquote, urlsplit

from answerable.channels.email.automatic import OwnNames
from answerable.channels.email.compose import MailIdentity
from answerable.channels.email.delivery import MailDelivery
from answerable.channels.email.imap import ImapFollower
from answerable.channels.email.imap_connection import ImapSettings
from answerable.channels.email.inbox import MailInbox
from answerable.channels.email.intake import MailIntake
from answerable.channels.email.keys_apart import MailKeys
from answerable.channels.email.reader import MailReader
from answerable.channels.email.reply_token import ReplyTokens
from answerable.channels.email.seal import MailSeal
from answerable.channels.email.smtp_in import SmtpInSettings, SmtpReceiver
from answerable.channels.email.smtp_out import SmtpSender, SmtpSettings, Tls
from answerable.contacts.threading import Evidence
from answerable.flow.definitions import Definitions
from answerable.flow.service import Service
from answerable.kit.canonical import sha256_hex
from answerable.kit.clock import Clock
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import TenantId
from answerable.privacy.keys import MasterKey
from answerable.processes.settings import Settings, capitals

ROOM_FOR_READING = 0.5  # a thousand mails that came at once keep no chat waiting


def mail_inboxes(
    definitions: Definitions,
    settings: Settings,
    *,
    instance: str,
    required: Evidence | None = None,
) -> dict[tuple[TenantId, str], MailInbox]:
    """Every mail inbox with an address, of all tenants.

    required: what a mail must show to join a conversation; by default what the inbox's mail
    server lets us ask for.
    """
    trusted = settings.get("MAIL_AUTHSERV")
    required = required or (Evidence.ALIGNED if trusted else Evidence.TOKEN)
    channels = [
        (definition, channel)
        for definition in map(definitions.active, definitions.tenants)
        for channel in definition.channels
        if channel.kind == "email" and channel.address
    ]
    own = OwnNames(
        addresses=frozenset(str(channel.address).lower() for _, channel in channels),
        instance=instance,
    )
    return {
        (definition.tenant, channel.name): MailInbox(
            tenant=definition.tenant,
            name=channel.name,
            address=str(channel.address).lower(),
            trusted_server=trusted,
            required=required,
            messages_per_minute=definition.limits.messages_per_minute,
            own=own,
        )
        for definition, channel in channels
    }


def instance_name(master: MasterKey) -> str:
    """Marks our own mail; not a secret, but the same for all processes of an installation."""
    return sha256_hex(master.derive(b"instance"))[:16]


def delivery(
    settings: Settings,
    definitions: Definitions,
    inboxes: Mapping[tuple[TenantId, str], MailInbox],
    *,
    master: MasterKey,
    clock: Clock,
) -> tuple[SmtpSender, MailDelivery] | None:
    """The way out for replies; None if no SMTP server is set."""
    url = settings.get("SMTP_URL")
    if url is None:
        return None
    sender = SmtpSender(smtp_settings(url))
    identities = {
        place: MailIdentity(
            address=inbox.address,
            name=definitions.active(inbox.tenant).brand.name,
            instance=instance_name(master),
        )
        for place, inbox in inboxes.items()
    }
    tokens = ReplyTokens(master.derive(b"reply-token"))
    return sender, MailDelivery(sender=sender, tokens=tokens, identities=identities, clock=clock)


def smtp_settings(url: str) -> SmtpSettings:
    """smtp://user:password@host:port (STARTTLS), smtps:// (TLS), smtp+plain:// (no TLS)."""
    parts = urlsplit(url)
    schemes = {"smtp": Tls.STARTTLS, "smtps": Tls.IMPLICIT, "smtp+plain": Tls.NONE}
    if parts.scheme not in schemes or not parts.hostname:
        raise InvalidInput(
            "bad_smtp_url",
            "ANSWERABLE_SMTP_URL must be smtp://, smtps:// or smtp+plain://user:password@host:port",
        )
    tls = schemes[parts.scheme]
    return SmtpSettings(
        host=parts.hostname,
        port=parts.port or (465 if tls is Tls.IMPLICIT else 587),
        tls=tls,
        account=unquote(parts.username) if parts.username else None,
        password=unquote(parts.password) if parts.password else None,
    )


@dataclass
class MailRoom:
    """Takes mail in while it is open."""

    intake: MailIntake
    reader: MailReader
    receiver: SmtpReceiver | None
    followers: list[ImapFollower]
    _stop: asyncio.Event = field(default_factory=asyncio.Event)
    _tasks: list[asyncio.Task[None]] = field(default_factory=list)

    async def open(self, *, receives: bool, reads: bool) -> None:
        """receives: take mail in by SMTP. reads: read what was stored, here or elsewhere."""
        if receives and self.receiver is not None:
            await self.receiver.start()
        if reads:
            self._tasks = [asyncio.create_task(self.intake.run(self._stop))]

    async def fetch(self) -> None:
        """Fetch mail by IMAP until cancelled: one process for each mailbox."""
        async with asyncio.TaskGroup() as fetching:
            for follower in self.followers:
                fetching.create_task(follower.run(self._stop))

    async def close(self) -> None:
        """Stop receiving; what is stored and unread is read after the next start."""
        self._stop.set()
        if self.receiver is not None:
            await self.receiver.close()
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)
        await self.reader.close()


def mail_room(
    settings: Settings,
    service: Service,
    inboxes: Mapping[tuple[TenantId, str], MailInbox],
    *,
    master: MasterKey,
    keys: MailKeys | None = None,
) -> MailRoom:
    reader = MailReader()
    intake = MailIntake(
        database=service.database,
        seal=MailSeal(master),
        reader=reader,
        tokens=ReplyTokens(master.derive(b"reply-token")),
        accept=service.accept,
        clock=service.clock,
        inboxes=inboxes,
        membership=service.membership,
        busy=lambda: service.admission.refusal(room=ROOM_FOR_READING) is not None,
        keys=keys,
    )
    room = MailRoom(intake=intake, reader=reader, receiver=None, followers=[])
    if settings.get("IMAP_URL") is not None and len(inboxes) != 1:
        raise InvalidInput(
            "imap_url_ambiguous",
            f"ANSWERABLE_IMAP_URL is for the only mail inbox, and there are {len(inboxes)}; name "
            "the inbox: ANSWERABLE_IMAP_URL_<TENANT>_<INBOX>",
        )
    listen = settings.get("SMTP_IN")
    if listen is not None:
        room.receiver = SmtpReceiver(
            intake,
            {inbox.address: inbox for inbox in inboxes.values()},
            _listen_on(listen),
            busy=lambda: service.admission.refusal() is not None,
        )
    for inbox in inboxes.values():
        url = settings.get(f"IMAP_URL_{capitals(inbox.tenant)}_{capitals(inbox.name)}")
        url = url or (settings.get("IMAP_URL") if len(inboxes) == 1 else None)
        if url is not None:
            room.followers.append(
                ImapFollower(
                    ImapSettings.from_url(url),
                    inbox=inbox,
                    intake=intake,
                    database=service.database,
                    clock=service.clock,
                )
            )
    return room


def _listen_on(text: str) -> SmtpInSettings:
    host, _, port = text.rpartition(":")
    if not port.isdigit():
        raise InvalidInput("bad_smtp_in", "ANSWERABLE_SMTP_IN must be host:port")
    return SmtpInSettings(host=host or "127.0.0.1", port=int(port))
