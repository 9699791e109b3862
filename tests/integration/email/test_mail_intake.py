"""No mail is lost or doubled, whatever breaks between two steps."""

import asyncio
from datetime import timedelta

import pytest
from mail_room import CARDS, INBOX, TENANT, MailRoom, mail
from sqlalchemy import Connection

from answerable.channels.email.intake import Origin
from answerable.channels.email.store import (
    MailState,
    claim_due_mails,
    count_mails,
    erase_raw_mail,
    get_raw_mail,
)
from answerable.kit.errors import InvalidInput
from answerable.ledger.event import Lease

FILE = Origin(source="file")
ANOTHER = "prc_another"


async def test_a_stored_mail_becomes_a_message(room: MailRoom) -> None:
    mail_id, is_new = await room.intake.store(mail(1), INBOX, FILE)
    await room.advance()

    (message,) = room.accepted.messages
    assert is_new
    assert message.subject == "Question 1"
    assert message.text == "Where is my card?"
    assert message.sender.address == "anna@customer.example"
    assert message.raw_id == mail_id
    assert message.automatic is None
    assert await room.database.read(lambda tx: count_mails(tx, TENANT)) == {MailState.PARSED: 1}


async def test_the_same_bytes_are_stored_once(room: MailRoom) -> None:
    first, _ = await room.intake.store(mail(1), INBOX, FILE)
    second, is_new = await room.intake.store(mail(1), INBOX, FILE)

    assert (first, False) == (second, is_new)


async def test_the_same_mail_over_another_route_is_one_message(room: MailRoom) -> None:
    await room.intake.store(mail(1), INBOX, FILE)
    await room.intake.store(b"Received: from x\r\n" + mail(1), INBOX, FILE)
    await room.advance()

    assert len(room.accepted.messages) == 1


async def test_the_same_message_id_with_another_text_is_another_message(room: MailRoom) -> None:
    await room.intake.store(mail(1), INBOX, FILE)
    await room.intake.store(mail(1, "And where is my other card?"), INBOX, FILE)
    await room.advance()

    assert len(room.accepted.messages) == 2


async def test_a_mail_to_two_inboxes_is_one_message(room: MailRoom) -> None:
    await room.intake.store(mail(1), INBOX, FILE)
    await room.intake.store(b"Delivered-To: cards\r\n" + mail(1), CARDS, FILE)
    await room.advance()

    (message,) = room.accepted.messages
    assert message.inbox == INBOX.name


async def test_a_crash_after_accepting_repeats_without_doubling(room: MailRoom) -> None:
    text = "my card 4111 1111 1111 1111 is lost"
    await room.intake.store(mail(1, text), INBOX, FILE)
    room.accepted.after_accept.append(RuntimeError("the process ended here"))

    with pytest.raises(ExceptionGroup):
        await room.intake.advance()
    room.clock.advance(timedelta(hours=2))
    await room.advance()

    assert room.accepted.calls == 2
    assert len(room.accepted.messages) == 1


async def test_a_process_that_dies_while_reading_loses_its_claim(room: MailRoom) -> None:
    await room.intake.store(mail(1), INBOX, FILE)
    await room.database.write(lambda tx: _claim_and_die(tx, room))

    assert await room.intake.advance() == 0
    room.clock.advance(timedelta(minutes=6))
    await room.advance()

    assert room.accepted.subjects == ["Question 1"]


def _claim_and_die(tx: Connection, room: MailRoom) -> None:
    _claim(tx, room, most=1)


def _claim(tx: Connection, room: MailRoom, *, most: int) -> None:
    now = room.clock.now()
    lease = Lease(holder=ANOTHER, until=now + timedelta(minutes=5))
    claim_due_mails(tx, now=now, lease=lease, most=most)


async def test_a_mail_that_kills_the_process_each_time_is_put_before_a_person(
    room: MailRoom,
) -> None:
    await room.intake.store(mail(1), INBOX, FILE)
    for _ in range(3):
        await room.database.write(lambda tx: _claim_and_die(tx, room))
        room.clock.advance(timedelta(minutes=6))
    await room.advance()

    (message,) = room.accepted.messages
    assert message.unparsable == "reading-ended-the-process"


async def test_a_mail_that_was_only_beside_a_killer_is_not_blamed(room: MailRoom) -> None:
    """Three lives end with both taken; from then on each is taken alone."""
    for number in (1, 2):
        await room.intake.store(mail(number), INBOX, FILE)

    for _ in range(3):
        await room.database.write(lambda tx: _claim(tx, room, most=20))
        room.membership.ended.add(ANOTHER)
        await room.intake.free_abandoned()
    await room.advance()

    unread = [message.unparsable for message in room.accepted.messages]
    assert sorted(map(str, unread)) == ["None", "reading-ended-the-process"]


async def test_mails_of_an_ended_process_are_read_at_once(room: MailRoom) -> None:
    await room.intake.store(mail(1), INBOX, FILE)
    await room.database.write(lambda tx: _claim_and_die(tx, room))
    await room.intake.free_abandoned()
    await room.advance()
    assert room.accepted.subjects == []  # it may still be at work

    room.membership.ended.add(ANOTHER)
    await room.intake.free_abandoned()
    await room.advance()

    assert room.accepted.subjects == ["Question 1"]


async def test_an_outage_of_ours_is_not_held_against_the_mail(room: MailRoom) -> None:
    await room.intake.store(mail(1), INBOX, FILE)
    await room.intake.store(mail(2), INBOX, FILE)
    room.accepted.failures = [RuntimeError("down")] * 10

    for _ in range(5):
        with pytest.raises(ExceptionGroup):
            await room.intake.advance()
        room.clock.advance(timedelta(hours=2))
    await room.advance()

    assert room.accepted.subjects == ["Question 1", "Question 2"]
    assert all(one.unparsable is None for one in room.accepted.messages)


async def test_one_failing_mail_does_not_hold_up_the_next(room: MailRoom) -> None:
    await room.intake.store(mail(1), INBOX, FILE)
    await room.intake.store(mail(2), INBOX, FILE)
    room.accepted.failures = [RuntimeError("only the first")]

    with pytest.raises(ExceptionGroup):
        await room.intake.advance()

    assert room.accepted.subjects == ["Question 2"]


async def test_a_mail_nobody_can_read_is_shown_to_a_person(room: MailRoom) -> None:
    levels = b"".join(
        b'Content-Type: multipart/mixed; boundary="b%d"\r\n\r\n--b%d\r\n' % (n, n)
        for n in range(2000)
    )
    raw = b"From: anna@customer.example\r\nSubject: deep\r\n" + levels + b"\r\nhello"
    mail_id, _ = await room.intake.store(raw, INBOX, FILE)
    await room.intake.store(mail(2), INBOX, FILE)
    await room.advance()

    deep, after = sorted(room.accepted.messages, key=lambda one: one.subject or "", reverse=True)
    assert (deep.subject, deep.unparsable, deep.text) == ("deep", "depth-cut", "")
    assert deep.sender.address == "anna@customer.example"
    assert deep.raw_id == mail_id
    assert after.subject == "Question 2"
    counts = await room.database.read(lambda tx: count_mails(tx, TENANT))
    assert counts == {MailState.QUARANTINED: 1, MailState.PARSED: 1}


async def test_a_mail_without_a_sender_is_shown_to_a_person(room: MailRoom) -> None:
    await room.intake.store(b"Subject: who am I\r\n\r\nhello\r\n", INBOX, FILE)
    await room.advance()

    (message,) = room.accepted.messages
    assert message.unparsable == "no-sender"


async def test_card_numbers_do_not_stay_in_the_stored_mail(room: MailRoom) -> None:
    mail_id, _ = await room.intake.store(
        mail(1, "my card 4111 1111 1111 1111 is lost"), INBOX, FILE
    )
    await room.advance()

    stored = await room.database.read(lambda tx: get_raw_mail(tx, TENANT, mail_id))
    assert stored is not None
    kept = room.seal.open(stored.wrapped_key, stored.ciphertext, context=mail_id)
    assert b"1111 1111" not in kept
    assert b"is lost" in kept
    assert "4111 1111" not in room.accepted.messages[0].text


async def test_stored_mail_is_unreadable_without_the_key_and_gone_once_erased(
    room: MailRoom,
) -> None:
    mail_id, _ = await room.intake.store(mail(1), INBOX, FILE)
    stored = await room.database.read(lambda tx: get_raw_mail(tx, TENANT, mail_id))

    assert stored is not None
    assert b"card" not in stored.ciphertext
    with pytest.raises(InvalidInput):
        room.seal.open(stored.wrapped_key, stored.ciphertext, context="raw_other")
    changed = stored.ciphertext[:-1] + bytes([stored.ciphertext[-1] ^ 1])
    with pytest.raises(InvalidInput):
        room.seal.open(stored.wrapped_key, changed, context=mail_id)
    await room.database.write(lambda tx: erase_raw_mail(tx, TENANT, mail_id))
    assert await room.database.read(lambda tx: get_raw_mail(tx, TENANT, mail_id)) is None


async def test_a_mail_taken_in_at_once_says_where_it_is(room: MailRoom) -> None:
    accepted = await room.intake.take_in(mail(1), INBOX, FILE)
    again = await room.intake.take_in(mail(1), INBOX, FILE)

    assert accepted is not None
    assert again is None


async def test_mail_is_read_as_soon_as_it_is_stored(room: MailRoom) -> None:
    stop = asyncio.Event()
    running = asyncio.create_task(room.intake.run(stop))
    try:
        await room.intake.store(mail(1), INBOX, FILE)
        async with asyncio.timeout(10):
            await room.accepted.something.wait()
    finally:
        stop.set()
        await running

    assert room.accepted.subjects == ["Question 1"]
