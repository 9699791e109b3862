"""A real IMAP server: every mail is taken in once, whatever happens to the mailbox or the line."""

import asyncio
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta

import pytest
from mail_room import INBOX, TENANT, MailRoom, mail

from answerable.channels.email.imap import ImapFollower
from answerable.channels.email.imap_connection import (
    IMAP_FAILURES,
    ImapConnection,
    ImapSettings,
)
from answerable.channels.email.smtp_out import Tls
from answerable.channels.email.store import MailState, count_mails, get_position
from answerable.kit.errors import InvalidInput
from tests.support.dovecot import PASSWORD, Dovecot


def settings_of(dovecot: Dovecot, **changes: object) -> ImapSettings:
    fields: dict[str, object] = {
        "host": "127.0.0.1",
        "port": dovecot.port,
        "account": dovecot.account,
        "password": PASSWORD,
        "tls": Tls.NONE,
        "wait": timedelta(seconds=20),
    }
    return ImapSettings(**{**fields, **changes})  # type: ignore[arg-type]


def follower_of(room: MailRoom, settings: ImapSettings) -> ImapFollower:
    return ImapFollower(
        settings, inbox=INBOX, intake=room.intake, database=room.database, clock=room.clock
    )


@pytest.fixture
async def follower(dovecot: Dovecot, room: MailRoom) -> AsyncIterator[ImapFollower]:
    one = follower_of(room, settings_of(dovecot))
    yield one
    await one.close()


async def test_unread_mail_is_stored_then_marked_as_read(
    dovecot: Dovecot, room: MailRoom, follower: ImapFollower
) -> None:
    dovecot.deliver(mail(1), mail(2))

    assert await follower.look() == 2
    await room.advance()

    assert room.accepted.subjects == ["Question 1", "Question 2"]
    assert all(b"\\Seen" in flags for flags in dovecot.flags())
    assert await follower.look() == 0


async def test_mail_that_somebody_else_read_first_is_taken_in_too(
    dovecot: Dovecot, room: MailRoom, follower: ImapFollower
) -> None:
    await follower.look()
    dovecot.deliver(mail(1))
    client = dovecot.connect()
    client.select("INBOX")
    client.fetch("1", "(BODY[])")
    client.logout()

    assert await follower.look() == 1


async def test_a_new_uidvalidity_brings_nothing_twice_and_loses_nothing(
    dovecot: Dovecot, room: MailRoom, follower: ImapFollower
) -> None:
    room.clock.set(datetime.now(UTC))  # the server compares days with its own clock
    dovecot.deliver(mail(1), mail(2))
    await follower.look()
    before = await room.database.read(lambda tx: get_position(tx, TENANT, INBOX.name, "INBOX"))
    await follower.disconnect()
    dovecot.deliver(mail(3))
    dovecot.make_anew()
    dovecot.mark_all_as_read()

    stored = await follower.look()
    await room.advance()

    after = await room.database.read(lambda tx: get_position(tx, TENANT, INBOX.name, "INBOX"))
    assert before is not None
    assert after is not None
    assert before.uidvalidity != after.uidvalidity
    assert stored == 1
    assert room.accepted.subjects == ["Question 1", "Question 2", "Question 3"]


async def test_a_number_used_twice_brings_the_other_mail_too(
    dovecot: Dovecot, room: MailRoom, follower: ImapFollower
) -> None:
    dovecot.deliver(mail(1), mail(2))
    await follower.look()
    await follower.disconnect()
    dovecot.expunge(2)
    dovecot.forget_numbers_above(1)
    dovecot.deliver(mail(3))

    assert await follower.look() == 1
    await room.advance()

    assert room.accepted.subjects == ["Question 1", "Question 2", "Question 3"]


async def test_a_cancelled_follower_lets_go_at_once(dovecot: Dovecot, room: MailRoom) -> None:
    arrived = asyncio.Event()
    follower = ImapFollower(
        settings_of(dovecot),
        inbox=INBOX,
        intake=room.intake,
        database=room.database,
        clock=room.clock,
        on_stored=arrived.set,
    )
    running = asyncio.create_task(follower.run(asyncio.Event()))
    await asyncio.to_thread(dovecot.deliver, mail(1))
    await asyncio.wait_for(arrived.wait(), 15)

    running.cancel()
    await asyncio.wait({running}, timeout=5)

    assert running.cancelled()


async def test_mail_expunged_between_search_and_fetch_is_passed_over(
    dovecot: Dovecot, room: MailRoom
) -> None:
    dovecot.deliver(mail(1), mail(2), mail(3))
    connection = await asyncio.to_thread(ImapConnection, settings_of(dovecot))
    try:
        await asyncio.to_thread(connection.log_in)
        await asyncio.to_thread(connection.select)
        uids = await asyncio.to_thread(lambda: connection.uids(after=0))
        dovecot.expunge(uids[1])

        fetched = [await asyncio.to_thread(connection.fetch, uid) for uid in uids]
    finally:
        await asyncio.to_thread(connection.close)

    assert [one is None for one in fetched] == [False, True, False]


async def test_too_large_a_mail_is_put_before_a_person_by_its_head(
    dovecot: Dovecot, room: MailRoom
) -> None:
    dovecot.deliver(mail(1, "x" * 5000), mail(2))
    follower = follower_of(room, settings_of(dovecot, size_bytes=4000))

    await follower.look()
    await room.advance()
    await follower.close()

    large, normal = sorted(room.accepted.messages, key=lambda one: one.subject or "")
    assert large.unparsable == "too-large"
    assert large.subject == "Question 1"
    assert normal.unparsable is None


@pytest.mark.parametrize("cut_after", range(1, 16))
async def test_a_line_cut_after_any_command_loses_and_doubles_nothing(
    dovecot: Dovecot, room: MailRoom, cut_after: int
) -> None:
    mails = [mail(number) for number in range(4)]
    no_id = mail(9).replace(b"Message-ID: <q9@customer.example>\r\n", b"")
    dovecot.deliver(*mails, no_id, mail(0, "The same id, another text"))
    line = _Line(dovecot.port, cut_after)
    port = await line.open()
    follower = follower_of(room, settings_of(dovecot, port=port))

    for _ in range(3):
        try:
            await follower.look()
        except IMAP_FAILURES:
            await follower.disconnect()
    await follower.close()
    await line.close()
    await room.advance()

    assert room.accepted.subjects == [
        "Question 0", "Question 0", "Question 1", "Question 2", "Question 3", "Question 9",
    ]  # fmt: skip
    counts = await room.database.read(lambda tx: count_mails(tx, TENANT))
    assert counts == {MailState.PARSED: 6}


async def test_new_mail_is_noticed_while_idling_and_after_a_reconnect(
    dovecot: Dovecot, room: MailRoom
) -> None:
    arrived = asyncio.Event()
    follower = ImapFollower(
        settings_of(dovecot),
        inbox=INBOX,
        intake=room.intake,
        database=room.database,
        clock=room.clock,
        on_stored=arrived.set,
    )
    stop = asyncio.Event()
    running = asyncio.create_task(follower.run(stop))
    try:
        for number in range(3):
            await asyncio.to_thread(dovecot.deliver, mail(number))
            await asyncio.wait_for(arrived.wait(), 15)
            arrived.clear()
            if number == 1:
                follower.interrupt()
    finally:
        stop.set()
        await asyncio.wait_for(running, 15)
    await room.advance()

    assert room.accepted.subjects == ["Question 0", "Question 1", "Question 2"]


async def test_a_thousand_mails_are_a_thousand_messages(
    dovecot: Dovecot, room: MailRoom, follower: ImapFollower
) -> None:
    dovecot.deliver(*[mail(number) for number in range(1000)])

    assert await follower.look() == 1000
    await room.advance()

    assert len({one.external_id for one in room.accepted.messages}) == 1000
    assert await room.database.read(lambda tx: count_mails(tx, TENANT)) == {MailState.PARSED: 1000}


def test_settings_are_read_from_an_address() -> None:
    settings = ImapSettings.from_url("imaps://anna%40x:se%2Fcret@mail.example/Support")

    assert (settings.account, settings.password) == ("anna@x", "se/cret")
    assert (settings.host, settings.port, settings.folder) == ("mail.example", 993, "Support")
    assert ImapSettings.from_url("imap://a:b@h?tls=none").tls is Tls.NONE
    assert "se/cret" not in repr(settings)
    with pytest.raises(InvalidInput):
        ImapSettings.from_url("http://mail.example")


class _Line:
    """A line to the server that breaks once, after so many commands of the client."""

    def __init__(self, port: int, cut_after: int) -> None:
        self._port = port
        self._left = cut_after
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    async def open(self) -> int:
        self._server = await asyncio.start_server(self._serve, "127.0.0.1", 0)
        return int(self._server.sockets[0].getsockname()[1])

    async def close(self) -> None:
        assert self._server is not None
        self._server.close()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        up, down = await asyncio.open_connection("127.0.0.1", self._port)
        back = asyncio.create_task(self._copy(up, writer))
        try:
            while line := await reader.readline():
                self._left -= 1
                down.write(line)
                if self._left == 0:
                    break
        except ConnectionError:
            pass
        if self._left != 0:
            down.close()
            await back
        back.cancel()
        down.close()
        writer.close()

    async def _copy(self, up: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            while chunk := await up.read(65536):
                writer.write(chunk)
                await writer.drain()
        except ConnectionError:
            return
