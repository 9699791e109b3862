"""Delivery to peers that are slow, rude, full, or gone at the worst moment."""

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import pytest
from aiosmtpd.smtp import SMTP, Envelope, Session

from answerable.channels.email.compose import MailIdentity
from answerable.channels.email.delivery import MailDelivery
from answerable.channels.email.parse import parse
from answerable.channels.email.reply_token import ReplyTokens
from answerable.channels.email.smtp_out import SmtpSender, SmtpSettings, Tls, backoff
from answerable.flow.message import OutboundReply, Sender
from answerable.kit.errors import ConnectorRefused, ConnectorUnavailable
from answerable.kit.ids import ConversationId, TenantId
from answerable.kit.testing import SettableClock

TENANT = TenantId("northwind-bank")
IDENTITY = MailIdentity(address="support@northwind.example", name="Northwind", instance="nw-1")


@dataclass
class Peer:
    """A mail server that answers as it is told; what it took over is in `taken`."""

    mail_answers: list[str] = field(default_factory=list)
    rcpt_answers: list[str] = field(default_factory=list)
    data_answers: list[str] = field(default_factory=list)
    taken: list[Envelope] = field(default_factory=list)
    connections: int = 0
    drop_after_data: int = 0
    silent_after_data: int = 0
    released: asyncio.Event = field(default_factory=asyncio.Event)

    async def handle_EHLO(
        self, _s: SMTP, session: Session, _e: Envelope, hostname: str, answers: list[str]
    ) -> list[str]:
        session.host_name = hostname
        self.connections += 1
        return answers

    async def handle_MAIL(
        self, _s: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.mail_answers:
            return self.mail_answers.pop(0)
        envelope.mail_from = address
        return "250 OK"

    async def handle_RCPT(
        self, _s: SMTP, _session: Session, envelope: Envelope, address: str, _options: list[str]
    ) -> str:
        if self.rcpt_answers:
            return self.rcpt_answers.pop(0)
        envelope.rcpt_tos.append(address)
        return "250 OK"

    async def handle_DATA(self, server: SMTP, _session: Session, envelope: Envelope) -> str:
        if self.data_answers:
            return self.data_answers.pop(0)
        self.taken.append(envelope)
        if self.drop_after_data:
            self.drop_after_data -= 1
            assert server.transport is not None
            server.transport.abort()
        if self.silent_after_data:
            self.silent_after_data -= 1
            await self.released.wait()
        return "250 OK"

    @property
    def message_ids(self) -> list[str | None]:
        return [parse(one.original_content or b"").message_id for one in self.taken]


Deliver = Callable[..., Awaitable[str | None]]


@asynccontextmanager
async def listening(peer: Peer) -> AsyncIterator[int]:
    loop = asyncio.get_running_loop()
    server = await loop.create_server(
        lambda: SMTP(peer, hostname="peer.example", loop=loop), "127.0.0.1", 0
    )
    try:
        yield int(server.sockets[0].getsockname()[1])
    finally:
        peer.released.set()
        server.close()
        await server.wait_closed()


@pytest.fixture
async def peer() -> Peer:
    return Peer()


@pytest.fixture
async def deliver(peer: Peer) -> AsyncIterator[Deliver]:
    async with listening(peer) as port:
        sender = SmtpSender(
            SmtpSettings(host="127.0.0.1", port=port, tls=Tls.NONE, timeout=timedelta(seconds=1))
        )
        delivery = MailDelivery(
            sender=sender,
            tokens=ReplyTokens(b"s" * 32),
            identities={(TENANT, "support-mail"): IDENTITY},
            clock=SettableClock(datetime(2026, 11, 23, 9, 0, tzinfo=UTC)),
        )

        async def send(
            key: str = "k1", *, automatic: bool = True, to: str = "anna@customer.example"
        ) -> str | None:
            reply = OutboundReply(
                tenant=TENANT,
                conversation=ConversationId("cnv_01KAH2J8E0ZZZZZZZZZZZZZZZZ"),
                inbox="support-mail",
                key=key,
                to=Sender(kind="email", address=to, name="Anna"),
                subject="Your card",
                text=".\nDear Anna\n",
                automatic=automatic,
                language="en",
            )
            return (await delivery.deliver(reply)).message_id

        yield send
        await sender.close()


async def test_a_reply_arrives_as_composed(peer: Peer, deliver: Deliver) -> None:
    message_id = await deliver()

    (envelope,) = peer.taken
    read = parse(envelope.original_content or b"")
    assert envelope.mail_from == "<>"
    assert envelope.rcpt_tos == ["anna@customer.example"]
    assert read.message_id == message_id
    assert read.text == ".\nDear Anna"


async def test_bounces_of_a_persons_reply_come_back_to_its_conversation(
    peer: Peer, deliver: Deliver
) -> None:
    await deliver(automatic=False)

    assert (peer.taken[0].mail_from or "").startswith("support+c_01kah2j8e0")


async def test_connections_are_kept(peer: Peer, deliver: Deliver) -> None:
    for number in range(5):
        await deliver(f"k{number}")

    assert len(peer.taken) == 5
    assert peer.connections == 1


@pytest.mark.parametrize(
    ("where", "answer", "wait"),
    [
        ("mail", "421 4.7.0 busy", timedelta(minutes=1)),
        ("mail", "451 4.3.0 later", timedelta(minutes=5)),
        ("rcpt", "450 4.2.1 greylisted, try again in 5 minutes", timedelta(minutes=5)),
        ("rcpt", "452 4.2.2 mailbox full", timedelta(minutes=1)),
        ("data", "452 4.3.1 no room", timedelta(minutes=1)),
        ("mail", "530 5.7.0 log in first", timedelta(minutes=15)),
    ],
)
async def test_a_temporary_no_is_repeated_with_the_same_id(
    peer: Peer, deliver: Deliver, where: str, answer: str, wait: timedelta
) -> None:
    getattr(peer, f"{where}_answers").append(answer)

    with pytest.raises(ConnectorUnavailable) as failure:
        await deliver()
    message_id = await deliver()

    assert failure.value.retry_after == wait
    assert peer.message_ids == [message_id]


@pytest.mark.parametrize(
    ("where", "answer"),
    [
        ("rcpt", "550 5.1.1 no such person anna@customer.example"),
        ("mail", "554 5.7.1 not from you"),
        ("data", "552 5.3.4 too large"),
    ],
)
async def test_a_final_no_is_final_and_names_no_address(
    peer: Peer, deliver: Deliver, where: str, answer: str
) -> None:
    getattr(peer, f"{where}_answers").append(answer)

    with pytest.raises(ConnectorRefused) as failure:
        await deliver()

    assert "anna" not in failure.value.message
    assert await deliver("k2") is not None  # and the connection still serves the next


@pytest.mark.parametrize("silent", [True, False])
async def test_a_break_after_the_final_dot_is_repeated_with_the_same_id(
    peer: Peer, deliver: Deliver, silent: bool
) -> None:
    peer.silent_after_data, peer.drop_after_data = int(silent), int(not silent)

    with pytest.raises(ConnectorUnavailable):
        await deliver()
    message_id = await deliver()

    assert peer.message_ids == [message_id, message_id]


async def test_no_server_is_a_reason_to_wait() -> None:
    sender = SmtpSender(SmtpSettings(host="127.0.0.1", port=1, tls=Tls.NONE))
    delivery = MailDelivery(
        sender=sender,
        tokens=ReplyTokens(b"s" * 32),
        identities={(TENANT, "m"): IDENTITY},
        clock=SettableClock(),
    )
    reply = OutboundReply(
        tenant=TENANT,
        conversation=ConversationId("cnv_01KAH2J8E0ZZZZZZZZZZZZZZZZ"),
        inbox="m",
        key="k",
        to=Sender(kind="email", address="anna@customer.example"),
        subject="x",
        text="x",
        automatic=False,
        language="en",
    )

    with pytest.raises(ConnectorUnavailable):
        await delivery.deliver(reply)


async def test_an_address_nobody_can_write_to_is_refused(deliver: Deliver) -> None:
    with pytest.raises(ConnectorRefused):
        await deliver(to="unknown")


def test_waits_grow_and_are_capped() -> None:
    waits = [backoff(attempt) for attempt in range(1, 40)]

    assert timedelta(seconds=24) <= waits[0] <= timedelta(seconds=36)
    assert waits[3] > waits[0]
    assert max(waits) <= timedelta(minutes=72)
