"""From matters to topics: grouped, named, counted, and looked at for what could be automated."""

import re
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
from numpy.typing import NDArray

from answerable.understanding.ngrams import Ngrams
from answerable.understanding.ports import Encoder, Matrix
from answerable.understanding.prepare import as_one_line
from answerable.understanding.tones import load_tones, sounds
from answerable.understanding.topics.automation import estimated, sensitive_word
from answerable.understanding.topics.grouping import REST, Grouping, grouped
from answerable.understanding.topics.matter import Matter, Share, Topic, Topics
from answerable.understanding.topics.naming import Name, named

FEWEST = 3  # threads of a topic, of few ...
MOST_ASKED = 50  # ... and of many
_OF_ALL = 500  # one in so many threads makes a topic, between the two
SPAM_FROM = 0.5
EXAMPLES = 12
_AT_ONCE = 256
_ROOM_WEEKS = 5
_LONGEST_EXAMPLE = 200
_HANDLE = re.compile(r"<([a-z_]+):\d+>")
_NUMBER = re.compile(r"[#\w]*(?:[\-/.]?\w)*\d(?:[\-/. ]?\d)*")
_YEAR = re.compile(r"(?:19|20)\d\d")
_LONG_NUMBER = 4  # digits, from which a number may be somebody's

Told = Callable[[int, int], None]


def find_topics(
    matters: Sequence[Matter],
    encoder: Encoder,
    *,
    never: Collection[str] = (),
    shown: Callable[[str], str] = str,
    told: Told = lambda done, of: None,
) -> Topics:
    """The topics of many matters, largest first. Deterministic.

    never: words that name nothing, such as agents' names. shown: what becomes of a text that is
    shown. told: how many texts are read, of all.
    """
    texts: dict[str, int] = {}
    said = [one for one in matters if one.text]
    rows = [texts.setdefault(one.text, len(texts)) for one in said]
    vectors, spam = _encoded(list(texts), encoder, told)
    kept, spams = _without_spam(said, rows, spam)
    inside, stability = _grouped(
        [said[at] for at in kept], [rows[at] for at in kept], vectors, encoder
    )
    names = named([[(m.text, m.customer) for m in group] for group in inside.groups], never=never)
    span = _Span.of(matters)
    rest = _examples(inside.rest, range(len(inside.rest)))
    return Topics(
        topics=tuple(
            _topic(name, group, order, span, shown)
            for name, group, order in zip(names, inside.groups, inside.orders, strict=True)
        ),
        threads=len(matters),
        per_week=len(matters) / span.weeks,
        since=span.since,
        until=span.until,
        weeks=span.counts(matters),
        rest=len(inside.rest),
        rest_examples=tuple(map(shown, rest)),
        unsaid=len(matters) - len(said),
        spam=spams,
        stability=stability,
    )


def _grouped(
    said: Sequence[Matter], rows: Sequence[int], vectors: Matrix, encoder: Encoder
) -> tuple["_Inside", float]:
    """The matters by group, and the grouping's stability. rows: of their texts in `vectors`."""
    of_row = {row: place for place, row in enumerate(dict.fromkeys(rows))}
    places = [of_row[row] for row in rows]
    points = vectors if len(of_row) == len(vectors) else vectors[list(of_row)]
    weights = np.bincount(places, minlength=len(of_row)).astype(np.int64)
    least = min(MOST_ASKED, max(FEWEST, len(said) // _OF_ALL))
    kinds = _languages(said, rows, list(of_row), encoder)
    grouping = grouped(points, weights, least=least, kinds=kinds)
    return _Inside.of(said, places, grouping), grouping.stability


def _encoded(
    texts: Sequence[str], encoder: Encoder, told: Told
) -> tuple[Matrix, NDArray[np.float32]]:
    """(texts, dimensions), and how likely each is to be spam."""
    vectors = np.empty((len(texts), encoder.dimensions), dtype=np.float32)
    spam = np.zeros(len(texts), dtype=np.float32)
    tones, ngrams = load_tones(encoder), Ngrams(encoder.as_read)
    for start in range(0, len(texts), _AT_ONCE):
        plain = [as_one_line(text) for text in texts[start : start + _AT_ONCE]]
        part = encoder.encode(plain)
        vectors[start : start + len(part)] = part
        grams = tones.head.gram_scores([ngrams.counts(text) for text in plain])
        read = tones.probabilities(part, grams)
        told_apart = [sounds(text, encoder) for text in plain]
        spam[start : start + len(part)] = np.where(told_apart, read["spam"][:, 1], 0)
        told(start + len(part), len(texts))
    return vectors, spam


def _without_spam(
    said: Sequence[Matter], rows: Sequence[int], spam: NDArray[np.float32]
) -> tuple[list[int], int]:
    """Which matters are kept, and how many are not: what a person answered is no spam."""
    answered = {row for one, row in zip(said, rows, strict=True) if one.replies}
    kept = [at for at, row in enumerate(rows) if row in answered or spam[row] < SPAM_FROM]
    return kept, len(rows) - len(kept)


def _languages(
    said: Sequence[Matter], rows: Sequence[int], points: Sequence[int], encoder: Encoder
) -> NDArray[np.int64]:
    """(points,), one number for all texts that the encoder reads, and one for each other language:
    texts that it does not read are like each other by their words alone."""
    numbers = {"": 0}
    of_row = {
        row: 0 if encoder.reads(one.text) else numbers.setdefault(one.language, len(numbers))
        for one, row in zip(said, rows, strict=True)
    }
    return np.array([of_row[row] for row in points], dtype=np.int64)


@dataclass(frozen=True, kw_only=True)
class _Inside:
    """groups: the matters of each. orders: their places, most typical first. rest: of none."""

    groups: list[list[Matter]]
    orders: list[list[int]]
    rest: list[Matter]

    @staticmethod
    def of(matters: Sequence[Matter], places: Sequence[int], grouping: Grouping) -> "_Inside":
        groups: list[list[Matter]] = [[] for _ in range(grouping.count)]
        likeness: list[list[float]] = [[] for _ in groups]
        rest = []
        for matter, place in zip(matters, places, strict=True):
            label = int(grouping.labels[place])
            if label == REST:
                rest.append(matter)
                continue
            groups[label].append(matter)
            likeness[label].append(float(grouping.likeness[place]))
        orders = [np.argsort(-np.array(one), kind="stable").tolist() for one in likeness]
        return _Inside(groups=groups, orders=orders, rest=rest)


def _topic(
    name: Name,
    group: Sequence[Matter],
    order: Sequence[int],
    span: "_Span",
    shown: Callable[[str], str],
) -> Topic:
    sensitive = sensitive_word(group)
    estimate, answered_best = estimated(group, sensitive=sensitive is not None)
    answered = [one for one in group if one.replies]
    return Topic(
        name=name.name,
        title=name.title,
        words=name.words,
        threads=len(group),
        customers=len({one.customer for one in group}),
        per_week=len(group) / span.weeks,
        weeks=span.counts(group),
        languages=_parts(one.language for one in group),
        inboxes=_parts(one.inbox for one in group if one.inbox),
        handlers=_parts(one.handler for one in answered if one.handler),
        answered=len(answered) / len(group),
        first_reply=_first_reply(answered),
        exchanges=sum(one.replies for one in answered) / max(1, len(answered)),
        estimate=estimate,
        answer="" if answered_best is None else shown(_plain(group[answered_best].answer_text)),
        examples=tuple(map(shown, _examples(group, order))),
        sensitive=sensitive,
    )


def _examples(group: Sequence[Matter], order: Sequence[int]) -> tuple[str, ...]:
    """Typical texts of several customers, each another, those nearest to the middle first."""
    near = list(order[: max(EXAMPLES, len(order) // 2)])
    step = max(1, len(near) // (2 * EXAMPLES))
    chosen: dict[str, str] = {}
    customers: set[int] = set()
    for at in [*near[::step], *near]:
        text = _plain(group[at].text)
        key = " ".join(re.findall(r"\w+", text.lower()))
        fits = key not in chosen and len(text) <= _LONGEST_EXAMPLE
        if fits and (group[at].customer not in customers or len(customers) < FEWEST):
            chosen[key] = text
            customers.add(group[at].customer)
        if len(chosen) == EXAMPLES:
            break
    return tuple(chosen.values())


def _plain(text: str) -> str:
    """For people: no numbers of handles, and of no order, no case, no contract."""
    return _NUMBER.sub(_without_number, _HANDLE.sub(r"<\1>", text))


def _without_number(found: re.Match[str]) -> str:
    digits = sum(one.isdigit() for one in found[0])
    return found[0] if digits < _LONG_NUMBER or _YEAR.fullmatch(found[0]) else "<number>"


def _parts(names: Iterable[str]) -> tuple[Share, ...]:
    counts = Counter(names)
    order = sorted(counts, key=lambda name: (-counts[name], name))
    return tuple(Share(name=name, part=counts[name] / counts.total()) for name in order)


def _first_reply(answered: Sequence[Matter]) -> tuple[timedelta, timedelta] | None:
    waits = sorted(one.first_reply for one in answered if one.first_reply is not None)
    if not waits:
        return None
    return waits[(len(waits) - 1) // 2], waits[-(-9 * len(waits) // 10) - 1]


@dataclass(frozen=True, kw_only=True)
class _Span:
    """mondays: of all weeks in which there was mail, and of those between. weeks: how many there
    are from the first to the last day; the first and the last may be no whole ones."""

    mondays: tuple[date, ...]
    weeks: float
    since: date | None = None
    until: date | None = None

    @staticmethod
    def of(matters: Sequence[Matter]) -> "_Span":
        days = _believed(sorted(one.at.date() for one in matters if one.at is not None))
        if not days:
            return _Span(mondays=(), weeks=1.0)
        first, last = (day - timedelta(days=day.weekday()) for day in (days[0], days[-1]))
        return _Span(
            mondays=tuple(
                first + timedelta(weeks=number) for number in range((last - first).days // 7 + 1)
            ),
            weeks=max(1.0, ((days[-1] - days[0]).days + 1) / 7),
            since=days[0],
            until=days[-1],
        )

    def counts(self, matters: Sequence[Matter]) -> dict[date, int]:
        found = dict.fromkeys(self.mondays, 0)
        for one in matters:
            monday = one.at.date() - timedelta(days=one.at.weekday()) if one.at else None
            if monday in found:
                found[monday] += 1
        return found


def _believed(days: Sequence[date]) -> Sequence[date]:
    """Without those that a wrong clock wrote: one mail of 1970 would make 3,000 weeks.

    days: in order. Those stay that are no farther from the middle nine tenths than these are long.
    """
    if not days:
        return days
    early, late = days[len(days) // 20], days[-1 - len(days) // 20]
    room = late - early + timedelta(weeks=_ROOM_WEEKS)
    first, last = (early.toordinal() - room.days, late.toordinal() + room.days)
    return [day for day in days if first <= day.toordinal() <= last]
