"""An outbound reply to the bytes that leave. We write every header ourselves.

Nothing that comes from outside (names, subjects, ids, template fields) can add a header or a
recipient: control characters are gone before a header is written, whatever is not plain ASCII
words is encoded, and addresses and ids must match their grammar or are left out.
"""

import base64
import binascii
import hashlib
import html
import re
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime

from answerable.channels.email.addresses import is_address
from answerable.channels.email.automatic import INSTANCE_HEADER
from answerable.channels.email.charsets import clean, one_line
from answerable.channels.email.reply_token import ReplyTokens
from answerable.flow.message import OutboundReply
from answerable.kit.errors import InvalidInput

_PLAIN_NAME = re.compile(r"[A-Za-z0-9][A-Za-z0-9 '-]{0,60}")
_PLAIN_TEXT = re.compile(r"[ -~]*")
_ID = re.compile(r"<[!-;=?-~]{1,250}>")
_LANGUAGE = re.compile(r"[A-Za-z]{2,3}(?:-[A-Za-z0-9]{2,8}){0,3}")
_REPLY_PREFIX = re.compile(r"^(?:re|aw|sv|antw|odp|rv|r)\s*:\s*", re.IGNORECASE)
_WORD_BYTES = 42  # of an encoded word's content: base64 of it plus `=?utf-8?b??=` is under 75
_SUBJECT_MOST = 250
_REFERENCES_MOST = 30


@dataclass(frozen=True, kw_only=True)
class MailIdentity:
    """Who writes. address: of the inbox, plain ASCII. instance: marks mail of this installation,
    so that we know our own when it comes back; not a secret.
    """

    address: str
    name: str
    instance: str

    @property
    def domain(self) -> str:
        return self.address.rpartition("@")[2]


@dataclass(frozen=True, kw_only=True)
class ComposedMail:
    """Ready to send. envelope_sender: empty for automatic mail, so that nothing answers it."""

    message_id: str
    envelope_sender: str
    recipient: str
    content: bytes


def compose(
    reply: OutboundReply, *, identity: MailIdentity, tokens: ReplyTokens, at: datetime
) -> ComposedMail:
    """The mail for a reply. The same `reply.key` gives the same Message-ID, always.

    Raises InvalidInput if the recipient's address cannot be written to.
    """
    recipient = wire_address(reply.to.address)
    reply_to = identity.address
    if not reply.apart:
        reply_to = tokens.address(reply.tenant, identity.address, reply.conversation)
    message_id = tokens.message_id(reply.key, identity.domain)
    headers = [
        f"From: {_mailbox(_sender_name(reply, identity), identity.address)}",
        f"To: {_mailbox(reply.to.name or '', recipient)}",
        f"Reply-To: {reply_to}",
        f"Subject: {text_value(_subject(reply))}",
        f"Date: {format_datetime(at.astimezone(UTC))}",
        f"Message-ID: {message_id}",
        *_thread_headers(reply),
        *_automation_headers(reply, identity),
        "MIME-Version: 1.0",
    ]
    if _LANGUAGE.fullmatch(reply.language):
        headers.append(f"Content-Language: {reply.language}")
    boundary = f"=_a_{hashlib.sha256(reply.key.encode()).hexdigest()[:32]}"
    headers.append(f'Content-Type: multipart/alternative; boundary="{boundary}"')
    return ComposedMail(
        message_id=message_id,
        # Delivery failures of what a person wrote come back to its conversation; those of
        # automatic mail are not sent at all (RFC 3834, section 3.3).
        envelope_sender="" if reply.automatic else reply_to,
        recipient=recipient,
        content="\r\n".join(headers).encode("ascii") + b"\r\n\r\n" + _body(reply.text, boundary),
    )


def wire_address(address: str) -> str:
    """As it stands in headers and envelopes: ASCII, international domains in Punycode."""
    local, _, domain = address.rpartition("@")
    try:
        written = f"{local}@{domain.encode('idna').decode('ascii')}" if local else ""
    except UnicodeError:
        written = ""
    if not written.isascii() or not is_address(written):
        raise InvalidInput("recipient_address", "no mail can be sent to this address")
    return written


def _sender_name(reply: OutboundReply, identity: MailIdentity) -> str:
    return f"{reply.agent_name} ({identity.name})" if reply.agent_name else identity.name


def _subject(reply: OutboundReply) -> str:
    subject = one_line(reply.subject, _SUBJECT_MOST)
    if reply.in_reply_to is None:
        return subject or "-"
    bare = subject
    for _ in range(5):
        bare = _REPLY_PREFIX.sub("", bare)
    return f"Re: {bare}".strip()


def _thread_headers(reply: OutboundReply) -> list[str]:
    parents = [reply.in_reply_to] if reply.in_reply_to is not None else []
    valid = [one for one in parents if _ID.fullmatch(one)]
    chain = [one for one in dict.fromkeys((*reply.references, *valid)) if _ID.fullmatch(one)]
    if len(chain) > _REFERENCES_MOST:
        chain = [chain[0], *chain[1 - _REFERENCES_MOST :]]
    headers = [f"In-Reply-To: {one}" for one in valid]
    if chain:
        headers.append("References: " + "\r\n ".join(chain))
    return headers


def _automation_headers(reply: OutboundReply, identity: MailIdentity) -> list[str]:
    headers = [f"{INSTANCE_HEADER.title()}: {text_value(identity.instance)}"]
    if reply.automatic:
        made = "generated" if reply.apart else "replied"  # RFC 3834, section 5
        headers.append(f"Auto-Submitted: auto-{made}")
        headers.append("X-Auto-Response-Suppress: All")
    return headers


def _mailbox(name: str, address: str) -> str:
    name = one_line(name, 120)
    if not name:
        return address
    written = f'"{name}"' if _PLAIN_NAME.fullmatch(name) else _encoded_words(name)
    return f"{written}\r\n <{address}>"


def text_value(text: str) -> str:
    """Unstructured header text, folded; encoded unless it is plain and cannot be misread."""
    text = one_line(text, _SUBJECT_MOST + 10)
    words = text.split(" ")
    if not _PLAIN_TEXT.fullmatch(text) or "=?" in text or max(map(len, words)) > 70:
        return _encoded_words(text)
    lines = [""]
    for word in words:
        if len(lines[-1]) + len(word) > 62:
            lines.append(word)
        else:
            lines[-1] = f"{lines[-1]} {word}" if lines[-1] else word
    return "\r\n ".join(lines)


def _encoded_words(text: str) -> str:
    pieces: list[str] = []
    piece = ""
    for character in text:
        if len((piece + character).encode("utf-8")) > _WORD_BYTES:
            pieces.append(piece)
            piece = ""
        piece += character
    pieces.append(piece)
    encoded = (base64.b64encode(one.encode("utf-8")).decode("ascii") for one in pieces)
    return "\r\n ".join(f"=?utf-8?b?{one}?=" for one in encoded)


def _body(text: str, boundary: str) -> bytes:
    """Plain text and the same as simple HTML. Quoted-printable never holds `=_`, so the boundary
    cannot appear in the text."""
    plain = clean(text).strip("\n") + "\n"
    parts = [("text/plain", plain), ("text/html", _as_html(plain))]
    out: list[bytes] = []
    for media_type, content in parts:
        encoded = binascii.b2a_qp(content.encode("utf-8", "replace"), istext=True)
        out.append(
            f"--{boundary}\r\nContent-Type: {media_type}; charset=utf-8\r\n"
            "Content-Transfer-Encoding: quoted-printable\r\n\r\n".encode("ascii")
            + b"\r\n".join(encoded.split(b"\n"))
            + b"\r\n"
        )
    return b"".join(out) + f"--{boundary}--\r\n".encode("ascii")


def _as_html(text: str) -> str:
    paragraphs = re.split(r"\n{2,}", html.escape(text.strip("\n")))
    inner = "\n".join(f"<p>{one.replace(chr(10), '<br>' + chr(10))}</p>" for one in paragraphs)
    return f"<!doctype html>\n<html><body>\n{inner}\n</body></html>\n"
