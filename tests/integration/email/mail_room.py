"""A mail room for tests: real database, reader and encryption; accepted messages in a list."""

import asyncio
from dataclasses import dataclass, field, replace
from pathlib import Path

from answerable.channels.email.inbox import MailInbox
from answerable.channels.email.intake import MailIntake
from answerable.channels.email.keys_apart import MailKeys
from answerable.channels.email.reader import MailReader
from answerable.channels.email.reply_token import ReplyTokens
from answerable.channels.email.seal import MailSeal
from answerable.flow.message import Accepted, InboundMessage
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.testing import FakeMembership, SettableClock
from answerable.privacy.keys import MasterKey
from tests.support.stores import open_store

TENANT = TenantId("northwind-bank")
INBOX = MailInbox(tenant=TENANT, name="support-mail", address="support@northwind.example")
CARDS = MailInbox(tenant=TENANT, name="cards-mail", address="cards@northwind.example")
TOKENS = ReplyTokens(b"s" * 32)


def mail(number: int, text: str = "Where is my card?", *, headers: str = "") -> bytes:
    return (
        f"From: Anna <anna@customer.example>\r\nTo: {INBOX.address}\r\n"
        f"Subject: Question {number}\r\nMessage-ID: <q{number}@customer.example>\r\n{headers}\r\n"
        f"{text}\r\n"
    ).encode()


@dataclass
class AcceptedMessages:
    """Stands in for flow: keeps what it accepts, once per identity; fails when told to."""

    messages: list[InboundMessage] = field(default_factory=list)
    calls: int = 0
    something: asyncio.Event = field(default_factory=asyncio.Event)
    failures: list[Exception] = field(default_factory=list)
    after_accept: list[Exception] = field(default_factory=list)

    async def __call__(self, message: InboundMessage) -> Accepted:
        self.calls += 1
        if self.failures:
            raise self.failures.pop(0)
        known = [one for one in self.messages if one.external_id == message.external_id]
        if not known:
            self.messages.append(message)
            self.something.set()
        if self.after_accept:
            raise self.after_accept.pop(0)
        return Accepted(
            conversation=ConversationId(f"cnv_{message.external_id}"),
            seq=1,
            at=message.at,
            duplicate=bool(known),
        )

    @property
    def subjects(self) -> list[str]:
        return sorted(one.subject or "" for one in self.messages)


class MailRoom:
    """Open with `async with`."""

    def __init__(
        self, directory: Path, *, inbox: MailInbox = INBOX, keys: MailKeys | None = None
    ) -> None:
        self.database = open_store(directory / "mail.db")
        self.clock = SettableClock()
        self.accepted = AcceptedMessages()
        self.reader = MailReader()
        self.seal = MailSeal(MasterKey.generate())
        self.inbox = inbox
        self.membership = FakeMembership()
        self.keys = keys
        self.intake = self.make_intake()

    def make_intake(self) -> MailIntake:
        return MailIntake(
            database=self.database,
            seal=self.seal,
            reader=self.reader,
            tokens=TOKENS,
            accept=self.accepted,
            clock=self.clock,
            inboxes={(one.tenant, one.name): one for one in (self.inbox, CARDS)},
            membership=self.membership,
            keys=self.keys,
        )

    async def __aenter__(self) -> "MailRoom":
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.reader.close()
        await self.database.close()

    async def advance(self) -> None:
        while await self.intake.advance():
            pass


def other_inbox(**changes: object) -> MailInbox:
    return replace(INBOX, **changes)  # type: ignore[arg-type]
