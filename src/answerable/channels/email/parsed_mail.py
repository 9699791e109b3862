"""What a mail says once it has been read: plain values, no bytes, nothing that can run."""

from dataclasses import dataclass, field
from datetime import datetime, timedelta

from answerable.kit.errors import AnswerableError


@dataclass(frozen=True, kw_only=True, slots=True)
class MailLimits:
    """How much of a mail is read. What exceeds a limit is cut and named in `ParsedMail.defects`.

    Only `size_bytes`, and a mail whose text was lost to a cut, make the mail unreadable.
    """

    size_bytes: int = 30 * 2**20
    header_block_bytes: int = 256 * 1024
    header_bytes: int = 64 * 1024  # one header, unfolded
    header_count: int = 1000
    depth: int = 20  # multiparts inside each other
    parts: int = 250
    parameters: int = 60  # of one Content-Type or Content-Disposition
    text_bytes: int = 2**20  # of one text part, before decoding
    text_chars: int = 200_000  # of the whole mail's text
    addresses: int = 500
    references: int = 100


@dataclass(frozen=True, kw_only=True, slots=True)
class ReaderLimits:
    """What a child process may spend on one mail before it is killed."""

    cpu: timedelta = timedelta(seconds=5)
    wall: timedelta = timedelta(seconds=10)
    memory_bytes: int = 128 * 2**20  # beside the mail itself
    mails_per_worker: int = 500


class UnreadableMail(AnswerableError):
    """A mail that could not be read; a person must look at the original."""

    def __init__(self, reason: str) -> None:
        super().__init__("unreadable_mail", f"this mail cannot be read: {reason}", reason=reason)
        self.reason = reason


@dataclass(frozen=True, kw_only=True, slots=True)
class MailAddress:
    """An address as written in a header: a claim, never a proof.

    address: local part as written, domain in lower case; always holds exactly one "@".
    name: display name, decoded, without control characters; may be empty.
    """

    address: str
    name: str = ""

    @property
    def key(self) -> str:
        """For comparing: mail systems in practice ignore the case of the local part."""
        return self.address.casefold()


@dataclass(frozen=True, kw_only=True, slots=True)
class MailAttachment:
    """A part that is not the mail's text. Its content stays in the stored raw mail.

    name: safe as a file name: no path, no control or direction characters, never empty.
    media_type: as declared by the sender, lower case; not checked against the content.
    digest: SHA-256 of the decoded content, hex.
    """

    name: str
    media_type: str
    size_bytes: int
    digest: str


@dataclass(frozen=True, kw_only=True, slots=True)
class BounceReport:
    """What a delivery status notification says (RFC 3464), or a mailer-daemon's free text.

    original_message_id: of the mail that bounced, with angle brackets; None if not told.
    action: failed, delayed, delivered, relayed, expanded; "failed" for free-text bounces.
    status: enhanced code like "5.1.1"; empty if not told.
    """

    original_message_id: str | None
    recipient: str
    action: str
    status: str
    diagnostic: str = ""

    @property
    def is_final(self) -> bool:
        return self.action == "failed" or self.status.startswith("5.")


@dataclass(frozen=True, kw_only=True, slots=True)
class ParsedMail:
    """One mail, read. Everything in it is the sender's claim.

    headers: (lower-case name, unfolded raw value) in order of appearance, capped.
    text: the whole text, quotes and signatures included; see `reply_text` for the new part.
    message_id, in_reply_to, references: with angle brackets; references oldest first.
    body_digest: SHA-256 over text and attachments: the same mail over another route has the same.
    defects: stable words for what was cut or guessed.
    """

    headers: tuple[tuple[str, str], ...]
    sender: tuple[MailAddress, ...]
    to: tuple[MailAddress, ...] = ()
    cc: tuple[MailAddress, ...] = ()
    reply_to: tuple[MailAddress, ...] = ()
    subject: str = ""
    date: datetime | None = None
    message_id: str | None = None
    in_reply_to: tuple[str, ...] = ()
    references: tuple[str, ...] = ()
    text: str = ""
    text_from: str = "none"  # plain | html | none
    attachments: tuple[MailAttachment, ...] = ()
    bounce: BounceReport | None = None
    digest: str = ""
    body_digest: str = ""
    size_bytes: int = 0
    defects: tuple[str, ...] = field(default=())

    def values(self, name: str) -> tuple[str, ...]:
        """All values of a header, first (most recently added) on top."""
        return tuple(value for key, value in self.headers if key == name)

    def value(self, name: str) -> str:
        """The first value of a header, or an empty string."""
        return next(iter(self.values(name)), "")
