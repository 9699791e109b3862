"""Raw bytes to `ParsedMail`. Runs in a child process (`reader`), but does not need to."""

import hashlib
import re
from datetime import UTC, datetime
from email.utils import parsedate_to_datetime

from answerable.channels.email.addresses import read_addresses
from answerable.channels.email.bounces import read_bounce
from answerable.channels.email.charsets import decode
from answerable.channels.email.headers import Headers, decode_words, message_ids
from answerable.channels.email.html_text import html_to_text
from answerable.channels.email.mime import (
    Part,
    Structure,
    safe_file_name,
    size_and_digest,
    split_mail,
    text_bytes,
)
from answerable.channels.email.parsed_mail import (
    MailAttachment,
    MailLimits,
    ParsedMail,
    UnreadableMail,
)

_NO_LIMITS_NAMED = MailLimits()
_MEDIA_TYPE = re.compile(r"[a-z0-9][a-z0-9!#$&^_.+-]{0,60}/[a-z0-9][a-z0-9!#$&^_.+-]{0,100}")
_BARE_ID = re.compile(r"[^\s<>@]{1,400}@[^\s<>@]{1,400}")
_LOST_BY_CUTTING = frozenset({"depth-cut", "parts-cut", "headers-missing"})


def parse(raw: bytes, limits: MailLimits = _NO_LIMITS_NAMED) -> ParsedMail:
    """Read one mail, in time linear in its size.

    Raises UnreadableMail if it is empty, too large, or if its text was lost to a limit;
    everything else, however broken, is read as well as it can be and told in `defects`.
    """
    if not raw.strip(b"\x00\r\n\t "):
        raise UnreadableMail("empty")
    if len(raw) > limits.size_bytes:
        raise UnreadableMail("too-large")
    structure = split_mail(raw, limits)
    headers = structure.headers
    defects = list(structure.defects)
    text, text_from, attached = _content(raw, structure, limits, defects)
    if not text and _LOST_BY_CUTTING & set(defects):
        raise UnreadableMail(next(word for word in defects if word in _LOST_BY_CUTTING))
    attachments = _attachments(raw, attached)
    sender = read_addresses(_joined(headers, "from"), limits.addresses)
    subject = decode_words(headers.get("subject"))
    first = sender[0].address if sender else ""
    return ParsedMail(
        headers=headers.items,
        sender=sender,
        to=read_addresses(_joined(headers, "to"), limits.addresses),
        cc=read_addresses(_joined(headers, "cc"), limits.addresses),
        reply_to=read_addresses(_joined(headers, "reply-to"), limits.addresses),
        subject=subject,
        date=_date(headers.get("date")),
        message_id=_own_id(headers.get("message-id")),
        in_reply_to=message_ids(headers.get("in-reply-to"), limits.references),
        references=message_ids(_joined(headers, "references"), limits.references),
        text=text,
        text_from=text_from,
        attachments=attachments,
        bounce=read_bounce(raw, headers, structure.parts, first, subject, text),
        digest=hashlib.sha256(raw).hexdigest(),
        body_digest=_body_digest(text, attachments),
        size_bytes=len(raw),
        defects=tuple(dict.fromkeys(defects)),
    )


def _joined(headers: Headers, name: str) -> str:
    """All values of a header that should stand once: two From lines are two senders, not one."""
    return ", ".join(headers.all(name))


def _own_id(value: str) -> str | None:
    """The mail's Message-ID; one without brackets is still one."""
    found = message_ids(value, 1)
    if not found and _BARE_ID.fullmatch(value.strip()):
        return f"<{value.strip()}>"
    return found[0] if found else None


def _date(value: str) -> datetime | None:
    try:
        moment = parsedate_to_datetime(value[:100])
        return (moment if moment.tzinfo else moment.replace(tzinfo=UTC)).astimezone(UTC)
    except (ValueError, TypeError, IndexError, OverflowError):
        return None


def _content(
    raw: bytes, structure: Structure, limits: MailLimits, defects: list[str]
) -> tuple[str, str, list[Part]]:
    """The mail's text, where it came from, and the parts that are attachments."""
    inline = [part for part in structure.parts if _is_inline_text(part)]
    attached = [part for part in structure.parts if not _is_inline_text(part)]
    pieces: list[str] = []
    sources: set[str] = set()
    done: set[int] = set()
    for part in inline:
        if part.group in done:
            continue
        alternatives = [part]
        if part.group >= 0:
            done.add(part.group)
            alternatives = [one for one in inline if one.group == part.group]
        source, text = _best_alternative(raw, alternatives, limits, defects)
        if text:
            pieces.append(text)
            sources.add(source)
    whole = "\n\n".join(pieces)
    if len(whole) > limits.text_chars:
        whole = whole[: limits.text_chars]
        defects.append("text-cut")
    text_from = "plain" if "plain" in sources else "html" if sources else "none"
    return whole, text_from, attached


def _is_inline_text(part: Part) -> bool:
    if part.media_type not in ("text/plain", "text/html", "text/enriched", "text/markdown"):
        return False
    return part.disposition.value != "attachment" and not part.disposition.parameters.get(
        "filename"
    )


def _best_alternative(
    raw: bytes, parts: list[Part], limits: MailLimits, defects: list[str]
) -> tuple[str, str]:
    """Plain text if there is any, because it needs no guessing; else what HTML shows."""
    for source in ("plain", "html", "enriched", "markdown"):
        same = [part for part in parts if part.media_type == f"text/{source}"]
        texts = [_text(raw, part, limits, defects) for part in same]
        text = "\n\n".join(text.strip("\n") for text in texts if text.strip())
        if text:
            return source, text
    return "", ""


def _text(raw: bytes, part: Part, limits: MailLimits, defects: list[str]) -> str:
    content, cut = text_bytes(raw, part, limits.text_bytes)
    if cut:
        defects.append("text-cut")
    text = decode(content, part.type.parameters.get("charset", ""))
    if part.media_type == "text/html":
        return html_to_text(text, most=limits.text_chars)
    if part.type.parameters.get("format", "").lower() == "flowed":
        return _unflowed(text, part.type.parameters.get("delsp", "").lower() == "yes")
    return text


def _unflowed(text: str, delete_space: bool) -> str:
    """RFC 3676: a line that ends in a space goes on in the next of the same quote depth."""
    out: list[str] = []
    flowing = -1  # quote depth of the line that goes on
    for line in text.split("\n"):
        depth = len(line) - len(line.lstrip(">"))
        content = line[depth:].removeprefix(" ")
        soft = content.endswith(" ") and content != "-- "
        kept = content[:-1] if soft and delete_space else content
        if flowing == depth:
            out.append(kept)
        else:
            out.append(("\n" if out else "") + (">" * depth + " " if depth else "") + kept)
        flowing = depth if soft else -1
    return "".join(out)


def _attachments(raw: bytes, parts: list[Part]) -> tuple[MailAttachment, ...]:
    found: list[MailAttachment] = []
    for number, part in enumerate(parts, start=1):
        size, digest = size_and_digest(raw, part)
        written = part.file_name or _subject_of_forwarded(raw, part)
        media_type = part.media_type if _MEDIA_TYPE.fullmatch(part.media_type) else ""
        found.append(
            MailAttachment(
                name=safe_file_name(written, part.media_type, number),
                media_type=media_type or "application/octet-stream",
                size_bytes=size,
                digest=digest,
            )
        )
    return tuple(found)


def _subject_of_forwarded(raw: bytes, part: Part) -> str:
    if part.media_type != "message/rfc822":
        return ""
    head = raw[part.start : min(part.end, part.start + 8192)]
    match = re.search(rb"^Subject:[ \t]*([^\r\n]{1,300})", head, re.IGNORECASE | re.MULTILINE)
    return f"{decode_words(decode(match[1]), 80)}.eml" if match else "message.eml"


def _body_digest(text: str, attachments: tuple[MailAttachment, ...]) -> str:
    digest = hashlib.sha256(" ".join(text.split()).encode("utf-8", "replace"))
    for attachment in attachments:
        digest.update(attachment.digest.encode("ascii"))
    return digest.hexdigest()
