"""The receiver says 250 only for what is on disk."""

import asyncio
from collections.abc import AsyncIterator
from dataclasses import dataclass, replace
from pathlib import Path

import aiosmtplib
import pytest
import uvloop
from mail_room import CARDS, INBOX, TENANT, TOKENS, MailRoom, mail

from answerable.channels.email.inbox import MailInbox
from answerable.channels.email.smtp_in import SmtpInSettings, SmtpReceiver
from answerable.channels.email.store import MailState, count_mails
from answerable.kit.ids import ConversationId

CONVERSATION = ConversationId("cnv_01KAH2J8E0ZZZZZZZZZZZZZZZZ")


@dataclass
class Receiving:
    port: int
    stored: asyncio.Event

    async def send(self, raw: bytes, *to: str, sender: str = "anna@customer.example") -> None:
        async with aiosmtplib.SMTP(
            hostname="127.0.0.1", port=self.port, start_tls=False, timeout=10
        ) as line:
            await line.sendmail(sender, list(to) or [INBOX.address], raw)


async def receiving(
    room: MailRoom, settings: SmtpInSettings, *, inbox: MailInbox = INBOX, busy: bool = False
) -> AsyncIterator[Receiving]:
    stored = asyncio.Event()
    receiver = SmtpReceiver(
        room.intake,
        {inbox.address: inbox, CARDS.address: CARDS},
        settings,
        on_stored=stored.set,
        busy=lambda: busy,
    )
    port = await receiver.start()
    yield Receiving(port, stored)
    await receiver.close()


@pytest.fixture
async def receiver(room: MailRoom) -> AsyncIterator[Receiving]:
    async for one in receiving(room, SmtpInSettings(port=0, size_bytes=20_000)):
        yield one


async def test_what_was_acknowledged_is_stored(room: MailRoom, receiver: Receiving) -> None:
    await receiver.send(mail(1))

    assert receiver.stored.is_set()
    assert await room.database.read(lambda tx: count_mails(tx, TENANT)) == {MailState.STORED: 1}
    await room.advance()
    assert room.accepted.subjects == ["Question 1"]


def test_a_service_on_the_faster_loop_takes_mail(tmp_path: Path) -> None:
    async def story() -> None:
        async with MailRoom(tmp_path) as room:
            async for receiver in receiving(room, SmtpInSettings(port=0)):
                await receiver.send(mail(1))
                assert receiver.stored.is_set()

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        runner.run(story())


async def test_the_reply_token_in_the_envelope_is_a_hint(
    room: MailRoom, receiver: Receiving
) -> None:
    to = TOKENS.address(TENANT, INBOX.address, CONVERSATION)

    await receiver.send(mail(1), to)
    await room.advance()

    assert room.accepted.messages[0].thread.conversation == CONVERSATION


async def test_a_forged_token_is_no_hint(room: MailRoom, receiver: Receiving) -> None:
    to = TOKENS.address(TENANT, INBOX.address, CONVERSATION)
    forged = to.replace("+c_0", "+c_1")

    await receiver.send(mail(1), forged)
    await room.advance()

    assert room.accepted.messages[0].thread.conversation is None


async def test_a_mail_without_an_envelope_sender_is_automatic(
    room: MailRoom, receiver: Receiving
) -> None:
    await receiver.send(mail(1), sender="")
    await room.advance()

    assert room.accepted.messages[0].automatic == "null-return-path"


async def test_a_repeated_delivery_is_one_message(room: MailRoom, receiver: Receiving) -> None:
    await receiver.send(mail(1))
    await receiver.send(mail(1))
    await room.advance()

    assert len(room.accepted.messages) == 1


async def test_strangers_mailboxes_and_too_large_mails_are_refused(
    room: MailRoom, receiver: Receiving
) -> None:
    with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as unknown:
        await receiver.send(mail(1), "nobody@northwind.example")
    with pytest.raises(aiosmtplib.SMTPResponseException) as large:
        await receiver.send(mail(1, "x" * 30_000))

    assert unknown.value.recipients[0].code == 550
    assert large.value.code == 552
    assert await room.database.read(lambda tx: count_mails(tx, TENANT)) == {}


async def test_a_busy_receiver_asks_for_patience(room: MailRoom) -> None:
    async for receiver in receiving(room, SmtpInSettings(port=0, waiting_most=0)):
        with pytest.raises(aiosmtplib.SMTPResponseException) as busy:
            await receiver.send(mail(1))

        assert busy.value.code == 452


async def test_when_there_is_too_much_to_do_a_mail_is_to_come_again(room: MailRoom) -> None:
    async for receiver in receiving(room, SmtpInSettings(port=0), busy=True):
        with pytest.raises(aiosmtplib.SMTPResponseException) as busy:
            await receiver.send(mail(1))

        assert busy.value.code == 451


async def test_a_sender_in_a_hurry_is_asked_to_come_again_and_others_are_not(
    room: MailRoom,
) -> None:
    inbox = replace(INBOX, messages_per_minute=2)
    async for receiver in receiving(room, SmtpInSettings(port=0), inbox=inbox):
        for number in (1, 2):
            await receiver.send(mail(number), sender="robot@customer.example")
        with pytest.raises(aiosmtplib.SMTPRecipientsRefused) as hurried:
            await receiver.send(mail(3), sender="Robot@customer.example")
        for number in range(4, 8):
            await receiver.send(mail(number), sender="")
        await receiver.send(mail(8))

        assert hurried.value.recipients[0].code == 450
        counted = await room.database.read(lambda tx: count_mails(tx, TENANT))
        assert counted == {MailState.STORED: 7}


async def test_no_address_takes_all_connections(room: MailRoom) -> None:
    settings = SmtpInSettings(port=0, connections_each=1)
    async for receiver in receiving(room, settings):
        first, second = [
            await asyncio.open_connection("127.0.0.1", receiver.port) for _ in range(2)
        ]
        assert (await first[0].readline()).startswith(b"220 ")
        assert (await second[0].readline()).startswith(b"421 4.3.2 ")
        assert await second[0].read() == b""
        for _, writer in (first, second):
            writer.close()


async def test_a_mail_has_so_many_recipients(room: MailRoom) -> None:
    async for receiver in receiving(room, SmtpInSettings(port=0, recipients_most=1)):
        async with aiosmtplib.SMTP(hostname="127.0.0.1", port=receiver.port) as line:
            await line.mail("anna@customer.example")
            await line.rcpt(INBOX.address)
            with pytest.raises(aiosmtplib.SMTPRecipientRefused) as refused:
                await line.rcpt(CARDS.address)
        assert refused.value.code == 452


async def test_a_connection_that_never_ends_is_ended(room: MailRoom) -> None:
    async for receiver in receiving(room, SmtpInSettings(port=0, session_seconds=0.05)):
        reader, writer = await asyncio.open_connection("127.0.0.1", receiver.port)
        async with asyncio.timeout(5):
            assert (await reader.read()).startswith(b"220 ")
        writer.close()


async def test_a_mail_that_cannot_be_stored_is_not_acknowledged(
    room: MailRoom, receiver: Receiving
) -> None:
    await renamed(room, "raw_mail", "raw_mail_elsewhere")

    try:
        with pytest.raises(aiosmtplib.SMTPResponseException) as failure:
            await receiver.send(mail(1))
    finally:  # where stores are emptied between tests, their tables must be there
        await renamed(room, "raw_mail_elsewhere", "raw_mail")

    assert failure.value.code == 451


async def renamed(room: MailRoom, table: str, name: str) -> None:
    await room.database.write(
        lambda tx: tx.exec_driver_sql(f"ALTER TABLE {table} RENAME TO {name}")
    )
