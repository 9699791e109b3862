"""A mail that was read, as the message that the platform takes in."""

import hashlib
import re
from datetime import datetime

from answerable.channels.email.addresses import read_addresses
from answerable.channels.email.authentication import is_aligned
from answerable.channels.email.automatic import automatic_reason
from answerable.channels.email.headers import decode_words, read_headers
from answerable.channels.email.inbox import MailInbox
from answerable.channels.email.parsed_mail import MailAddress, MailLimits, ParsedMail
from answerable.channels.email.reply_token import ReplyTokens
from answerable.definition.terms import Proof
from answerable.flow.message import Attachment, InboundMessage, Sender, ThreadHints

NOBODY = "unknown@invalid"  # the sender of a mail that names none; RFC 2606 keeps it unroutable
_DELIVERED = ("delivered-to", "x-original-to", "envelope-to")


def inbound_message(
    mail: ParsedMail,
    *,
    reply_text: str,
    inbox: MailInbox,
    tokens: ReplyTokens,
    received_at: datetime,
    raw_id: str,
    null_sender: bool = False,
    unparsable: str | None = None,
) -> InboundMessage:
    """Everything that flow may weigh; nothing in it authorises anything but the token's hint."""
    aligned = is_aligned(mail, trusted_server=inbox.trusted_server, hops=inbox.hops)
    automatic = automatic_reason(mail, inbox.own)
    bounce = mail.bounce
    return InboundMessage(
        tenant=inbox.tenant,
        inbox=inbox.name,
        channel="email",
        external_id=mail_identity(mail),
        text=reply_text,
        original=mail.text if mail.text != reply_text else None,
        subject=mail.subject or None,
        sender=_sender(mail),
        at=received_at,
        proof=Proof.EMAIL if aligned else Proof.ANONYMOUS,
        automatic=automatic or ("null-return-path" if null_sender else None),
        unparsable=unparsable or (None if mail.sender else "no-sender"),
        bounce_of=bounce.original_message_id if bounce and bounce.is_final else None,
        message_id=mail.message_id,
        thread=ThreadHints(
            conversation=tokens.find(inbox.tenant, inbox.address, _recipients(mail)),
            references=tuple(dict.fromkeys((*mail.references, *mail.in_reply_to))),
            aligned=aligned,
            required=inbox.required,
        ),
        attachments=tuple(
            Attachment(
                name=one.name,
                media_type=one.media_type,
                size_bytes=one.size_bytes,
                digest=one.digest,
            )
            for one in mail.attachments
        ),
        raw_id=raw_id,
    )


def unread_message(
    raw: bytes,
    *,
    reason: str,
    digest: str,
    inbox: MailInbox,
    received_at: datetime,
    raw_id: str,
) -> InboundMessage:
    """For a mail that nobody could read: that it came, whom it claims to be from, and why."""
    sender, subject = _glance(raw)
    return InboundMessage(
        tenant=inbox.tenant,
        inbox=inbox.name,
        channel="email",
        external_id=f"raw:{digest}",
        text="",
        subject=subject or None,
        sender=sender,
        at=received_at,
        unparsable=reason,
        raw_id=raw_id,
    )


def mail_identity(mail: ParsedMail) -> str:
    """What makes two mails the same one: Message-ID and content.

    The same Message-ID with another text is another mail (some programs repeat ids); a mail
    without one is told by who wrote what when.
    """
    if mail.message_id is not None:
        told = ["id", mail.message_id, mail.body_digest]
    else:
        sender = mail.sender[0].key if mail.sender else ""
        told = ["no-id", sender, mail.subject, mail.value("date"), mail.body_digest]
    return "mail:" + hashlib.sha256("\x00".join(told).encode("utf-8", "replace")).hexdigest()


def _sender(mail: ParsedMail) -> Sender:
    if not mail.sender:
        return Sender(kind="email", address=NOBODY)
    first = mail.sender[0]
    return Sender(kind="email", address=first.key, name=first.name or None)


def _recipients(mail: ParsedMail) -> tuple[MailAddress, ...]:
    """Where the mail went: also as the mail server noted it, for programs that rewrite To."""
    noted = (value for name in _DELIVERED for value in mail.values(name)[:3])
    delivered = tuple(one for value in noted for one in read_addresses(value, 3))
    return (*mail.to, *mail.cc, *delivered)


def _glance(raw: bytes) -> tuple[Sender, str]:
    """From and Subject out of the top of the mail, by code that is linear whatever stands there."""
    limits = MailLimits()
    head = raw[: limits.header_block_bytes]
    blank = re.search(rb"\r?\n\r?\n", head)
    headers = read_headers(head[: blank.start()] if blank else head, limits)
    found = read_addresses(headers.get("from"), 1)
    sender = Sender(kind="email", address=found[0].key if found else NOBODY)
    return sender, decode_words(headers.get("subject"))
