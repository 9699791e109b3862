"""From a conversation's events to what its case is told: a comment for people, and the fields.

Pure. As many events as fit into one comment; the rest has to wait for the next.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from answerable.api.desk.timeline import Titles, title_of
from answerable.desk.cases import CaseStatus
from answerable.ledger.event import Event

# What nobody needs to read beside what it leads to. Kinds that come later are told.
QUIET = frozenset(
    {
        "answered",
        "asked",
        "contact_known",
        "conversation_opened",
        "labelled",
        "reply_delivered",
        "step_skipped",
        "timer_fired",
        "waiting",
    }
)
LONGEST_COMMENT = 3_500  # bytes: with its key it has to fit into a case's comment
LONGEST_TEXT = 1_500  # characters of what was said, in a comment
LONGEST_TITLE = 120
MOST_BESIDE = 16  # comments beside it in one update
_STATUS = {
    "handed_off": CaseStatus.HANDED_OFF,
    "conversation_closed": CaseStatus.CLOSED,
    "conversation_reopened": CaseStatus.OPEN,
}


@dataclass(frozen=True, kw_only=True)
class Story:
    """upto: seq of the last event in it. comment: "" if there is nothing to read. fields: of
    status, priority and team those that these events set."""

    upto: int
    comment: str
    fields: Mapping[str, str]


def is_told(event: Event) -> bool:
    return event.kind not in QUIET


def story_of(
    events: Sequence[Event],
    *,
    texts: Mapping[str, Mapping[str, Any]],
    titles: Titles,
    upto: int | None = None,
    beside: Mapping[int, int] | None = None,
) -> Story:
    """events: of one conversation, in order, not empty. texts: masked, by reference; those that
    are missing are not shown. upto: exactly as far as before. beside: by seq, how many comments of
    its own an event has."""
    lines: list[str] = []
    fields: dict[str, str] = {}
    size, more, last = 0, 0, events[0].seq
    for event in events:
        if upto is not None and event.seq > upto:
            break
        if is_told(event):
            line = _line(event, texts, titles)
            size += len(line.encode()) + 1
            more += (beside or {}).get(event.seq, 0)
            if upto is None and lines and (size > LONGEST_COMMENT or more > MOST_BESIDE):
                break
            lines.append(line)
            fields |= fields_of(event)
        last = event.seq
    return Story(upto=last, comment="\n".join(lines), fields=fields)


def fields_of(event: Event) -> dict[str, str]:
    data = event.data
    found: dict[str, str] = {}
    if event.kind in _STATUS:
        found["status"] = _STATUS[event.kind].value
    if event.kind in ("decided", "handed_off"):
        found |= {
            name: str(data[name]) for name in ("priority", "team") if data.get(name) is not None
        }
    return found


def _line(event: Event, texts: Mapping[str, Mapping[str, Any]], titles: Titles) -> str:
    line = f"{event.at:%Y-%m-%d %H:%M} {title_of(event, titles)}"
    value = texts.get(ref_of(event) or "")
    if value is None:
        return line
    text = shortened(str(value.get("text") or ""), LONGEST_TEXT)
    return f"{line}\n{_indented(text)}" if text else line


def ref_of(event: Event) -> str | None:
    """The vault's reference of what was said."""
    text = event.data.get("text")
    return str(text["ref"]) if isinstance(text, Mapping) and "ref" in text else None


def _indented(text: str) -> str:
    # Nobody's words can look like a line, or a mark, of ours.
    return "\n".join(f"  | {line}" for line in text.splitlines())


def shortened(text: str, most: int) -> str:
    text = text.strip()
    return text if len(text) <= most else f"{text[:most].rstrip()} […]"


def subject_of(value: Mapping[str, Any] | None, *, otherwise: str) -> str:
    """What a case is called. value: of its first message, masked."""
    told = value or {}
    first = str(told.get("subject") or "").strip() or str(told.get("text") or "").strip()
    return shortened(" ".join(first.split()), LONGEST_TITLE) or otherwise
