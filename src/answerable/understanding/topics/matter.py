"""One customer's matter, as far as it matters what there is to do, and the topics of many."""

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any

from answerable.understanding.topics.answers import Signature


@dataclass(frozen=True, kw_only=True, slots=True)
class Matter:
    """text: what is asked for, masked; see `request_of`. customer: a number for who asks.
    inbox, handler: as they may be shown: where it went, and who of us replied first; empty: nobody.
    answer: of the first reply, and answer_text its masked beginning.
    """

    text: str
    language: str
    at: datetime | None
    customer: int
    inbox: str
    handler: str
    first_reply: timedelta | None
    replies: int
    later_mails: int
    has_attachment: bool
    answer: Signature | None
    answer_text: str


@dataclass(frozen=True, kw_only=True)
class Share:
    """name: of what. part: 0..1."""

    name: str
    part: float


@dataclass(frozen=True, kw_only=True)
class Estimate:
    """How much of a topic looks as if it could be automated: parts of its threads, adding to 1.

    template: looks answerable from a template. form: looks like a change of data, for a form.
    person: looks as if it needs a person. kind: the largest of them. reasons: what was seen, as
    parts of the threads (`answered` and what follows from it) or of the answered ones.
    """

    template: float
    form: float
    person: float
    kind: str
    reasons: tuple[Share, ...]


@dataclass(frozen=True, kw_only=True)
class Topic:
    """name: kebab-case, unique. weeks: threads by the Monday of their week. handlers, inboxes,
    languages: most first, parts of the answered threads or of all. first_reply: median and ninth
    tenth, None if nothing was answered. exchanges: replies of people, on average where there was
    one. examples: typical, masked. sensitive: of the definition's words, if its words are of it."""

    name: str
    title: str
    words: tuple[str, ...]
    threads: int
    customers: int
    per_week: float
    weeks: dict[date, int]
    languages: tuple[Share, ...]
    inboxes: tuple[Share, ...]
    handlers: tuple[Share, ...]
    answered: float
    first_reply: tuple[timedelta, timedelta] | None
    exchanges: float
    estimate: Estimate
    answer: str
    examples: tuple[str, ...]
    sensitive: str | None

    def to_data(self) -> dict[str, Any]:
        return {
            "name": self.name,
            "title": self.title,
            "words": list(self.words),
            "threads": self.threads,
            "customers": self.customers,
            "per_week": round(self.per_week, 2),
            "weeks": {day.isoformat(): count for day, count in self.weeks.items()},
            "languages": _shares(self.languages),
            "inboxes": _shares(self.inboxes),
            "handlers": _shares(self.handlers),
            "answered": round(self.answered, 4),
            "first_reply_hours": _hours(self.first_reply),
            "exchanges": round(self.exchanges, 2),
            "looks": {
                "kind": self.estimate.kind,
                "template": round(self.estimate.template, 4),
                "form": round(self.estimate.form, 4),
                "person": round(self.estimate.person, 4),
                "reasons": _shares(self.estimate.reasons),
            },
            "answer": self.answer,
            "examples": list(self.examples),
            "sensitive": self.sensitive,
        }


@dataclass(frozen=True, kw_only=True)
class Topics:
    """rest: threads that fit nowhere, with a few of them. weeks: of all threads; since, until: the
    first and the last day. unsaid: threads without words. spam: threads that look like it and were
    never answered; they are in no topic. stability: see `Grouping`."""

    topics: tuple[Topic, ...]
    threads: int
    per_week: float
    since: date | None
    until: date | None
    weeks: dict[date, int]
    rest: int
    rest_examples: tuple[str, ...]
    unsaid: int
    spam: int
    stability: float

    def to_data(self) -> dict[str, Any]:
        return {
            "threads": self.threads,
            "per_week": round(self.per_week, 2),
            "from": self.since.isoformat() if self.since else None,
            "until": self.until.isoformat() if self.until else None,
            "weeks": {day.isoformat(): count for day, count in self.weeks.items()},
            "topics": [topic.to_data() for topic in self.topics],
            "not_grouped": {"threads": self.rest, "examples": list(self.rest_examples)},
            "without_text": self.unsaid,
            "spam": self.spam,
            "stability": round(self.stability, 4),
        }


def _shares(shares: tuple[Share, ...]) -> dict[str, float]:
    return {one.name: round(one.part, 4) for one in shares}


def _hours(first_reply: tuple[timedelta, timedelta] | None) -> dict[str, float] | None:
    if first_reply is None:
        return None
    median, most = (round(one.total_seconds() / 3600, 2) for one in first_reply)
    return {"median": median, "nine_of_ten_within": most}
