"""Texts that a case alone has: whole, each in comments of its own, and found again by their keys.

Pure. For tenants whose texts are nowhere on disk here.
"""

import re
from collections.abc import Iterator, Mapping, Sequence
from typing import Any

from answerable.api.desk.timeline import Titles, title_of
from answerable.desk.cases import CaseComment
from answerable.ledger.event import Event
from answerable.privacy.mask import unmask

PART_BYTES = 2_500  # with its heading and its key it has to fit into a case's comment
MOST_PARTS = 16  # of a message: 40 KB
_CUT = "\n[…]"
_KEY = re.compile(r"(?P<conversation>[^:]+):(?P<seq>\d{1,12})/(?P<part>\d{1,4})")


def whole(value: Mapping[str, Any], name: str = "text") -> str:
    """A text of the vault as it was written; of a card the last four digits."""
    return unmask(str(value.get(name) or ""), value.get("values", {}))


def text_comments(event: Event, value: Mapping[str, Any], titles: Titles) -> Sequence[CaseComment]:
    """What was said in this event, in as many comments as it takes."""
    parts = list(_parts(whole(value)))
    if len(parts) > MOST_PARTS:
        parts = [*parts[: MOST_PARTS - 1], parts[MOST_PARTS - 1] + _CUT]
    parts[0] = f"{_heading(event, value, titles)}\n\n{parts[0]}"
    key = f"{event.stream}:{event.seq}"
    return [
        CaseComment(key=f"{key}/{number}", text=part) for number, part in enumerate(parts, start=1)
    ]


def texts_of(conversation: str, comments: Sequence[CaseComment]) -> dict[int, str]:
    """By seq, what was said, from a case's comments in any order; what is no text is passed over.

    A text of which a part is missing has a gap.
    """
    found: dict[int, dict[int, str]] = {}
    for comment in comments:
        match = _KEY.fullmatch(comment.key)
        if match is not None and match["conversation"] == conversation:
            found.setdefault(int(match["seq"]), {})[int(match["part"])] = comment.text
    return {
        seq: "".join(parts[number] for number in sorted(parts)).partition("\n\n")[2]
        for seq, parts in found.items()
        if 1 in parts
    }


def _heading(event: Event, value: Mapping[str, Any], titles: Titles) -> str:
    lines = [f"{event.at:%Y-%m-%d %H:%M} {title_of(event, titles)}"]
    if value.get("subject"):
        lines.append(f"Subject: {whole(value, 'subject')}")
    names = value.get("attachments")
    if isinstance(names, list) and names:
        lines.append(f"Attached: {', '.join(map(str, names))}")
    return "\n".join(" ".join(line.split()) for line in lines)


def _parts(text: str) -> Iterator[str]:
    """At least one, none of more than PART_BYTES bytes."""
    begin, size = 0, 0
    for at, character in enumerate(text):
        width = len(character.encode())
        if size + width > PART_BYTES:
            yield text[begin:at]
            begin, size = at, 0
        size += width
    yield text[begin:]
