"""What a mail may claim, and what the platform is told of it."""

from datetime import UTC, datetime
from pathlib import Path

from answerable.channels.email.automatic import OwnNames, automatic_reason
from answerable.channels.email.compose import MailIdentity, compose
from answerable.channels.email.inbound import inbound_message
from answerable.channels.email.inbox import MailInbox
from answerable.channels.email.parse import parse
from answerable.channels.email.reply_token import ReplyTokens
from answerable.contacts.threading import Evidence
from answerable.definition.terms import Proof
from answerable.flow.message import InboundMessage, OutboundReply, Sender
from answerable.kit.ids import ConversationId, TenantId

MAILS = Path(__file__).parents[2] / "data" / "mails"
AT = datetime(2026, 11, 23, 9, 0, tzinfo=UTC)
TENANT = TenantId("northwind-bank")
TOKENS = ReplyTokens(b"s" * 32)
CONVERSATION = ConversationId("cnv_01KAH2J8E0ZZZZZZZZZZZZZZZZ")
INBOX = MailInbox(
    tenant=TENANT,
    name="support-mail",
    address="support@northwind.example",
    trusted_server="mx.northwind.example",
    required=Evidence.ALIGNED,
    own=OwnNames(addresses=frozenset({"support@northwind.example"}), instance="nw-1"),
)


def received(raw: bytes) -> InboundMessage:
    mail = parse(raw)
    return inbound_message(
        mail, reply_text=mail.text, inbox=INBOX, tokens=TOKENS, received_at=AT, raw_id="raw_1"
    )


def answer_of_ours(*, automatic: bool = True) -> bytes:
    reply = OutboundReply(
        tenant=TENANT,
        conversation=CONVERSATION,
        inbox="support-mail",
        key="k",
        to=Sender(kind="email", address="help@other-bank.example"),
        subject="Your card",
        text="It is on its way.",
        automatic=automatic,
        language="en",
    )
    identity = MailIdentity(address=INBOX.address, name="Northwind", instance="nw-1")
    return compose(reply, identity=identity, tokens=TOKENS, at=AT).content


def test_a_from_line_alone_proves_nothing() -> None:
    message = received((MAILS / "plain-question.eml").read_bytes())

    assert message.proof is Proof.ANONYMOUS
    assert not message.thread.aligned
    assert message.thread.required is Evidence.ALIGNED


def test_our_servers_word_is_a_proof_of_the_address() -> None:
    raw = (MAILS / "plain-question.eml").read_bytes()
    told = (
        b"Authentication-Results: mx.northwind.example; dmarc=pass header.from=customer.example\r\n"
    )

    message = received(told + raw)

    assert message.proof is Proof.EMAIL
    assert message.thread.aligned


def test_a_name_that_looks_like_our_address_is_only_a_name() -> None:
    message = received((MAILS / "from-name-looks-like-an-address.eml").read_bytes())

    assert message.sender.address == "mallory@evil.example"
    assert message.automatic is None


def test_a_final_bounce_names_our_mail_and_a_delay_does_not() -> None:
    bounce = received((MAILS / "bounce-rfc3464.eml").read_bytes())
    delay = received((MAILS / "bounce-delayed.eml").read_bytes())

    assert bounce.bounce_of == "<a.0123456789@northwind.example>"
    assert delay.bounce_of is None
    assert (bounce.automatic, delay.automatic) == ("bounce", "bounce")


def test_a_token_in_any_recipient_is_a_hint_and_a_forged_one_is_not() -> None:
    address = TOKENS.address(TENANT, INBOX.address, CONVERSATION)
    head = "From: anna@customer.example\r\nTo: x@y.example\r\nCc: {}\r\n\r\nhello\r\n"

    assert received(head.format(address).encode()).thread.conversation == CONVERSATION
    forged = address.replace("+c_01kah2j8e0", "+c_01kah2j8e1")
    assert received(head.format(forged).encode()).thread.conversation is None


def test_two_of_our_installations_do_not_answer_each_other() -> None:
    other = OwnNames(addresses=frozenset({"help@other-bank.example"}), instance="ob-1")

    assert automatic_reason(parse(answer_of_ours()), other) == "auto-submitted"
    assert automatic_reason(parse(answer_of_ours(automatic=False)), other) is None


def test_our_own_mail_that_comes_back_is_known() -> None:
    for automatic in (True, False):
        assert received(answer_of_ours(automatic=automatic)).automatic == "from-ourselves"
    forwarded = answer_of_ours(automatic=False).replace(
        b"<support@northwind.example>", b"<anna@customer.example>"
    )
    assert received(forwarded).automatic == "from-ourselves"
