"""Robots of every kind answer our automatic mail; we stop, whatever they do (RFC 3834)."""

from collections import Counter
from collections.abc import AsyncIterator, Callable
from dataclasses import dataclass
from datetime import timedelta
from pathlib import Path

import pytest

from answerable.channels.email.automatic import OwnNames
from answerable.channels.email.compose import MailIdentity, compose
from answerable.channels.email.inbound import inbound_message
from answerable.channels.email.inbox import MailInbox
from answerable.channels.email.parse import parse
from answerable.channels.email.parsed_mail import ParsedMail
from answerable.channels.email.reply_token import ReplyTokens
from tests.support.town import TENANT, Town, open_town

ADDRESS = "help@shop.example"
TOKENS = ReplyTokens(b"s" * 32)
IDENTITY = MailIdentity(address=ADDRESS, name="Corner Shop", instance="shop-1")
INBOX = MailInbox(
    tenant=TENANT,
    name="mail",
    address=ADDRESS,
    own=OwnNames(addresses=frozenset({ADDRESS, "alias@shop.example"}), instance=IDENTITY.instance),
)
ASKED = "What are your hours?"


@dataclass(frozen=True)
class Robot:
    """Answers each mail of ours. pause: how long it takes. threads: whether it names our mail."""

    headers: str = ""
    subject: str = "Re: {subject}"
    text: str = ASKED
    sender: str = "robot@partner.example"
    pause: timedelta = timedelta(seconds=1)
    threads: bool = True

    def answer(self, ours: ParsedMail, number: int) -> bytes:
        parent = f"In-Reply-To: {ours.message_id}\r\n" if self.threads else ""
        to = ours.reply_to[0].address if self.threads else ADDRESS
        subject = self.subject.format(subject=ours.subject, number=number)
        return (
            f"From: {self.sender.format(number=number)}\r\nTo: {to}\r\nSubject: {subject}\r\n"
            f"Message-ID: <r{number}@partner.example>\r\n{parent}{self.headers}\r\n"
            f"{self.text.format(number=number)}\r\n"
        ).encode()


HOURS = timedelta(hours=1)
ROBOTS = {
    "says so": Robot(headers="Auto-Submitted: auto-replied\r\n"),
    "bulk": Robot(headers="Precedence: bulk\r\n"),
    "a list": Robot(headers="List-Id: <shop.partner.example>\r\n"),
    "exchange": Robot(headers="X-Auto-Response-Suppress: All\r\n"),
    "old autoresponder": Robot(headers="X-Autoreply: yes\r\n"),
    "null return path": Robot(headers="Return-Path: <>\r\n"),
    "vacation by subject": Robot(subject="Out of office: {subject}"),
    "german vacation": Robot(subject="Automatische Antwort: {subject}"),
    "vacation by text only": Robot(text="I am out of the office until Monday."),
    "no-reply that answers": Robot(sender="no-reply@partner.example"),
    "mailer-daemon": Robot(sender="MAILER-DAEMON@partner.example"),
    "alias of ourselves": Robot(sender="alias@shop.example"),
    "ourselves": Robot(sender=ADDRESS),
    "another of our installations": Robot(
        headers="Auto-Submitted: auto-replied\r\nX-Answerable-Instance: other-1\r\n"
    ),
    "our mail sent back": Robot(headers="X-Answerable-Instance: shop-1\r\n"),
    "without any header, at once": Robot(),
    "without any header, other words each time": Robot(text=ASKED + " {number}"),
    "without threading, at once": Robot(threads=False),
    "a new subject each time": Robot(threads=False, subject="Order {number}"),
    "slow, every hour": Robot(pause=HOURS),
    "slow, other words each time": Robot(pause=HOURS, text=ASKED + " {number}"),
    "slow, without threading": Robot(pause=HOURS, threads=False, subject="{number}"),
}


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    one = open_town(tmp_path / "town.db")
    yield one
    await one.service.database.close()


async def receives(town: Town, raw: bytes) -> None:
    mail = parse(raw)
    message = inbound_message(
        mail,
        reply_text=mail.text,
        inbox=INBOX,
        tokens=TOKENS,
        received_at=town.clock.now(),
        raw_id="raw_1",
    )
    await town.service.accept(message)
    await town.service.settle()


async def talks(town: Town, robot: Robot, *, rounds: int = 20) -> None:
    """Ask once, then answer every mail of ours, at most `rounds` times."""
    answer: Callable[[ParsedMail, int], bytes] = robot.answer
    first = f"From: {robot.sender}\r\nTo: {ADDRESS}\r\nSubject: Hours\r\n\r\n{ASKED}\r\n"
    await receives(town, first.encode())
    for number in range(rounds):
        if number == len(town.post.sent):
            return
        reply = town.post.sent[number]
        town.clock.advance(robot.pause)
        sent = compose(reply, identity=IDENTITY, tokens=TOKENS, at=town.clock.now())
        await receives(town, answer(parse(sent.content), number))


@pytest.mark.parametrize("name", ROBOTS)
async def test_no_robot_gets_more_than_a_few_mails(town: Town, name: str) -> None:
    await talks(town, ROBOTS[name])

    automatic = [reply for reply in town.post.sent if reply.automatic]
    conversations = Counter(reply.conversation for reply in automatic)
    addresses = Counter(reply.to.address for reply in automatic)
    assert max(conversations.values(), default=0) <= 2
    assert max(addresses.values(), default=0) <= 5


async def test_a_person_is_answered_again_the_next_day(town: Town) -> None:
    await talks(town, ROBOTS["slow, without threading"])
    before = len(town.post.sent)
    town.clock.advance(timedelta(days=2))

    await receives(
        town, f"From: robot@partner.example\r\nSubject: Again\r\n\r\n{ASKED}\r\n".encode()
    )

    assert len(town.post.sent) > before
