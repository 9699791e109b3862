"""Limits, from the file's shape."""

import re
from collections.abc import Mapping
from datetime import timedelta
from itertools import combinations

from answerable.definition.document import ServiceDocument
from answerable.definition.document_limits import CodeMailsEntry, TextMessagesEntry
from answerable.definition.duration import parse_elapsed
from answerable.definition.keys import camel
from answerable.definition.reading import Notes
from answerable.definition.schema import Limits, MailLimits, Rate, TextLimits, Where
from answerable.definition.terms import ChannelKind

LONGEST_COUNT = timedelta(days=1)  # of what was sent: older ones are forgotten
_RATE = re.compile(r"(?P<count>\d{1,9})\s*(?:per|/|in|within)\s*(?P<per>.+)")
_DEFAULT_RATES: dict[ChannelKind, str] = {"email": "2 per 24h", "sms": "4 per 24h"}
# From the narrowest to the widest.
_USUAL_TEXTS: dict[str, tuple[str, ...]] = {
    "per_number": ("5 per 1h", "10 per 24h"),
    "per_prefix": ("100 per 1h", "500 per 24h"),
    "per_tenant": ("500 per 1h", "2000 per 24h"),
}
_USUAL_MAILS: dict[str, tuple[str, ...]] = {
    "per_address": ("5 per 1h", "10 per 24h"),
    "per_tenant": ("500 per 1h", "2000 per 24h"),
}


def build_limits(document: ServiceDocument, notes: Notes) -> Limits:
    """Brakes, with those that a definition always has if it names none."""
    entry = document.limits
    texts = {**_DEFAULT_RATES, **entry.automatic_replies_per_conversation}
    rates: dict[ChannelKind, Rate] = {}
    for kind, text in texts.items():
        try:
            rates[kind] = read_rate(text)
        except ValueError as error:
            notes.error(("limits", "automaticRepliesPerConversation", kind), str(error))
    return Limits(
        automatic_replies=rates,
        clarifying_questions=entry.clarifying_questions,
        message_characters=entry.message_characters,
        messages_per_minute=entry.messages_per_minute,
        text_messages=TextLimits(
            **_sending("textMessages", entry.text_messages, _USUAL_TEXTS, notes)
        ),
        code_mails=MailLimits(**_sending("codeMails", entry.code_mails, _USUAL_MAILS, notes)),
    )


def _sending(
    key: str,
    entry: TextMessagesEntry | CodeMailsEntry,
    usual: Mapping[str, tuple[str, ...]],
    notes: Notes,
) -> dict[str, tuple[Rate, ...]]:
    """By what is counted, the rates of one kind of message; usual: from the narrowest on."""
    read = {}
    for name, default in usual.items():
        where: Where = ("limits", key, camel(name))
        read[name] = _rates(where, getattr(entry, name) or default, notes)
    written = [name for name in usual if getattr(entry, name) is not None]
    for narrow, wide in combinations(written, 2):
        _compare(key, (narrow, wide), read, notes)
    return read


def _compare(
    key: str, names: tuple[str, str], read: Mapping[str, tuple[Rate, ...]], notes: Notes
) -> None:
    """A limit that none within it can reach is a slip, where both are written."""
    narrow, wide = names
    for at, rate in enumerate(read[wide]):
        counts = [one.count for one in read[narrow] if one.per == rate.per]
        if counts and min(counts) > rate.count:
            notes.error(
                ("limits", key, camel(wide), at),
                f"{camel(wide)} ({rate.count}) must not be below {camel(narrow)} ({min(counts)})",
            )


def _rates(place: Where, texts: tuple[str, ...], notes: Notes) -> tuple[Rate, ...]:
    read = []
    for at, text in enumerate(texts):
        where: Where = (*place, at)
        try:
            rate = read_rate(text)
        except ValueError as error:
            notes.error(where, str(error))
            continue
        if not rate.count:
            what = "text message" if "textMessages" in place else "mail with a code"
            notes.error(where, f"no {what} could ever leave: write at least 1 per 24h")
        elif rate.per.approximate > LONGEST_COUNT:
            notes.error(where, f"{text!r} counts longer than a day: write at most 24h")
        else:
            read.append(rate)
    return tuple(read)


def read_rate(text: str) -> Rate:
    """`2 per 24h`. Raises ValueError with what to write instead."""
    found = _RATE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not a rate: write 2 per 24h")
    per = parse_elapsed(found["per"])
    if not per.approximate:
        raise ValueError(f"{text!r} counts in no time at all: write 2 per 24h")
    return Rate(count=int(found["count"]), per=per)
