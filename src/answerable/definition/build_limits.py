"""Limits, from the file's shape."""

import re
from datetime import timedelta
from itertools import combinations

from answerable.definition.document import ServiceDocument, TextMessagesEntry
from answerable.definition.duration import parse_elapsed
from answerable.definition.keys import camel
from answerable.definition.reading import Notes
from answerable.definition.schema import Limits, Rate, TextLimits, Where
from answerable.definition.terms import ChannelKind

LONGEST_COUNT = timedelta(days=1)  # of text messages: older ones are forgotten
_RATE = re.compile(r"(?P<count>\d{1,9})\s*(?:per|/|in|within)\s*(?P<per>.+)")
_DEFAULT_RATES: dict[ChannelKind, str] = {"email": "2 per 24h", "sms": "4 per 24h"}
# From the narrowest to the widest.
_USUAL: dict[str, tuple[str, ...]] = {
    "per_number": ("5 per 1h", "10 per 24h"),
    "per_prefix": ("100 per 1h", "500 per 24h"),
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
        text_messages=_text_limits(entry.text_messages, notes),
    )


def _text_limits(entry: TextMessagesEntry, notes: Notes) -> TextLimits:
    read = {
        name: _rates(camel(name), getattr(entry, name) or usual, notes)
        for name, usual in _USUAL.items()
    }
    written = [name for name in _USUAL if getattr(entry, name) is not None]
    for narrow, wide in combinations(written, 2):
        _compare(narrow, read[narrow], wide, read[wide], notes)
    return TextLimits(**read)


def _compare(
    narrow: str, lower: tuple[Rate, ...], wide: str, upper: tuple[Rate, ...], notes: Notes
) -> None:
    """A limit that none within it can reach is a slip, where both are written."""
    for at, rate in enumerate(upper):
        counts = [one.count for one in lower if one.per == rate.per]
        if counts and min(counts) > rate.count:
            notes.error(
                ("limits", "textMessages", camel(wide), at),
                f"{camel(wide)} ({rate.count}) must not be below {camel(narrow)} ({min(counts)})",
            )


def _rates(key: str, texts: tuple[str, ...], notes: Notes) -> tuple[Rate, ...]:
    read = []
    for at, text in enumerate(texts):
        where: Where = ("limits", "textMessages", key, at)
        try:
            rate = read_rate(text)
        except ValueError as error:
            notes.error(where, str(error))
            continue
        if not rate.count:
            notes.error(where, "no text message could ever leave: write at least 1 per 24h")
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
