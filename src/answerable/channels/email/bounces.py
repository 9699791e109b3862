"""Delivery status notifications (RFC 3464), and the free text of those who never read it."""

import re

from answerable.channels.email.headers import Headers, message_ids, read_headers
from answerable.channels.email.mime import Part, text_bytes
from answerable.channels.email.parsed_mail import BounceReport, MailLimits

_STATUS = re.compile(r"\b([245]\.\d{1,3}\.\d{1,3})\b")
# Blanks of one line, and not many: over any white space it took seconds for a thousand empty lines.
_QUOTED_ID = re.compile(
    r"^[ \t]{0,40}>?[ \t]{0,40}Message-ID:\s{0,40}(<[^<>\s]{3,900}>)", re.IGNORECASE | re.MULTILINE
)
_DAEMON = re.compile(r"^(mailer-daemon|mail-daemon|postmaster|mdaemon)@", re.IGNORECASE)
_FAILED_SUBJECT = re.compile(
    r"undeliver|delivery (?:status notification|failure|has failed)|returned (?:mail|to sender)|"
    r"failure notice|mail delivery (?:failed|system)|unzustellbar|nicht zugestellt|"
    r"non remis|échec de (?:la )?remise|no se pudo entregar|no entregado|mancata consegna|"
    r"non recapitabile|onbestelbaar|niet-leverbaar|não entregue|nie dostarczono",
    re.IGNORECASE,
)
_HEAD_BYTES = 64 * 1024


def read_bounce(
    raw: bytes, top: Headers, parts: tuple[Part, ...], sender: str, subject: str, text: str
) -> BounceReport | None:
    """What bounced and why, or None if this is no bounce."""
    limits = MailLimits()
    status = next((p for p in parts if p.media_type == "message/delivery-status"), None)
    if status is not None:
        return _from_report(raw, status, _original_id(raw, parts, limits), limits)
    failed = top.get("x-failed-recipients")
    from_daemon = bool(_DAEMON.match(sender)) or top.get("return-path").strip() == "<>"
    if failed or (from_daemon and _FAILED_SUBJECT.search(subject)):
        quoted = _QUOTED_ID.search(text)
        original = _original_id(raw, parts, limits) or (quoted[1] if quoted else None)
        code = _STATUS.search(text)
        return BounceReport(
            original_message_id=original,
            recipient=failed.split(",")[0].strip(),
            action="failed",
            status=code[1] if code else "",
            diagnostic=subject,
        )
    return None


def _from_report(
    raw: bytes, status: Part, original: str | None, limits: MailLimits
) -> BounceReport:
    content, _ = text_bytes(raw, status, _HEAD_BYTES)
    groups = re.split(rb"\r?\n\r?\n", content.strip())
    fields = [read_headers(group, limits) for group in groups[:50]]
    about = [one for one in fields if one.get("action") or one.get("final-recipient")]
    worst = next((one for one in about if one.get("action").lower() == "failed"), None)
    told = worst or (about[0] if about else Headers())
    recipient = told.get("original-recipient") or told.get("final-recipient")
    return BounceReport(
        original_message_id=original,
        recipient=recipient.rpartition(";")[2].strip()[:320],
        action=told.get("action").partition(" ")[0].strip().lower() or "failed",
        status=told.get("status").partition(" ")[0].strip()[:20],
        diagnostic=told.get("diagnostic-code")[:500],
    )


def _original_id(raw: bytes, parts: tuple[Part, ...], limits: MailLimits) -> str | None:
    for part in parts:
        if part.media_type in ("message/rfc822", "text/rfc822-headers", "message/global"):
            content, _ = text_bytes(raw, part, _HEAD_BYTES)
            head = re.split(rb"\r?\n\r?\n", content.lstrip(), maxsplit=1)[0]
            found = message_ids(read_headers(head, limits).get("message-id"), 1)
            if found:
                return found[0]
    return None
