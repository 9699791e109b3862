"""Business calendars: when a team works, and when working time is over.

All times handed in are aware; all results are aware, in UTC. Working time is real time: an opening
that spans the hour lost to summer time is an hour shorter, one that spans the hour gained longer.
Where clocks go back, the hour that comes twice counts once: its second run is held to be the
moment at which it ends. Times that clocks skip are the moment at which they skip.
"""

import re
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, time, timedelta
from functools import cached_property
from itertools import pairwise
from zoneinfo import ZoneInfo, ZoneInfoNotFoundError

from answerable.definition.duration import AnyDuration, BusinessDuration, Duration

WEEKDAYS = ("monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday")
HORIZON = timedelta(days=366)
_RANGE = re.compile(r"(\d{1,2}):(\d{2})\s*(?:-|–|to)\s*(\d{1,2}):(\d{2})")
MIDNIGHT = 24 * 60


class NeverOpen(Exception):
    """The calendar has no opening within a year of the moment asked for."""


@dataclass(frozen=True, kw_only=True, order=True)
class Shift:
    """One opening of a day, in minutes after local midnight: 0 <= opens < closes <= 1440."""

    opens: int
    closes: int


@dataclass(frozen=True, kw_only=True)
class Opening:
    """One opening as it happens: from `start` up to, not including, `end` (UTC), on local `day`."""

    start: datetime
    end: datetime
    day: date


@dataclass(frozen=True, kw_only=True)
class BusinessCalendar:
    """Weekly openings in a time zone, without the holidays.

    week: for Monday to Sunday, the day's shifts in order, none overlapping.
    """

    timezone: str
    week: tuple[tuple[Shift, ...], ...]
    holidays: frozenset[date] = field(default_factory=frozenset)

    @cached_property
    def _zone(self) -> ZoneInfo:
        return ZoneInfo(self.timezone)

    def is_open(self, at: datetime) -> bool:
        """Whether `at` lies within an opening; the closing minute itself is closed."""
        return any(opening.start <= at < opening.end for opening in self._day(self._local(at)))

    def next_opening(self, at: datetime) -> datetime:
        """`at` itself if open then, else the next moment of opening. Raises NeverOpen."""
        first = next(self._openings(at))
        return max(first.start, at.astimezone(UTC))

    def add(self, start: datetime, duration: AnyDuration) -> datetime:
        """When `duration` is over that starts to run at `start`.

        Elapsed durations ignore the calendar. Business hours count opening time only. Business
        days: the n-th opening day after the day on which `start` counts (the next opening day, if
        closed at `start`), at the same local time, held within that day's openings.
        Raises NeverOpen if a year passes without an opening.
        """
        match duration:
            case Duration():
                return duration.after(start).astimezone(UTC)
            case BusinessDuration(unit="hours", amount=hours):
                return self._add_time(start, timedelta(hours=hours))
            case BusinessDuration(amount=days):
                return self._add_days(start, int(days))

    def _add_time(self, start: datetime, left: timedelta) -> datetime:
        for opening in self._openings(start):
            begin = max(opening.start, start.astimezone(UTC))
            if left <= opening.end - begin:
                return begin + left
            left -= opening.end - begin
        raise NeverOpen(self.timezone)

    def _add_days(self, start: datetime, days: int) -> datetime:
        begin = self.next_opening(start)
        local = begin.astimezone(self._zone)
        if not days:
            return begin
        seen = local.date()
        for opening in self._openings(begin):
            if opening.day > seen:
                seen, days = opening.day, days - 1
            if not days:
                wanted = self._moment(datetime.combine(opening.day, local.time()))
                return _held_within(self._day(opening.day), wanted)
        raise NeverOpen(self.timezone)

    def _local(self, at: datetime) -> date:
        return at.astimezone(self._zone).date()

    def _day(self, day: date) -> tuple[Opening, ...]:
        if day in self.holidays:
            return ()
        openings = (
            Opening(start=self._at(day, shift.opens), end=self._at(day, shift.closes), day=day)
            for shift in self.week[day.weekday()]
        )
        # An opening that lies wholly in the hour lost to summer time does not happen.
        return tuple(opening for opening in openings if opening.start < opening.end)

    def _at(self, day: date, minutes: int) -> datetime:
        return self._moment(datetime.combine(day, time()) + timedelta(minutes=minutes))

    def _moment(self, wall: datetime) -> datetime:
        """When clocks first show `wall` (naive, local), or skip it, in UTC."""
        moment = wall.replace(tzinfo=self._zone, fold=0).astimezone(UTC)
        if moment.astimezone(self._zone).replace(tzinfo=None, fold=0) == wall.replace(fold=0):
            return moment
        before = wall.replace(tzinfo=self._zone, fold=1).astimezone(UTC)
        return _change_of_offset(self._zone, before, moment)

    def _openings(self, after: datetime) -> Iterator[Opening]:
        """Openings that end after `after`, in order. Raises NeverOpen after an idle year."""
        day, last = self._local(after), self._local(after)
        while day - last <= HORIZON:
            for opening in self._day(day):
                if opening.end > after:
                    last = day
                    yield opening
            day += timedelta(days=1)
        raise NeverOpen(f"no opening within a year after {last} in {self.timezone}")


def _change_of_offset(zone: ZoneInfo, before: datetime, after: datetime) -> datetime:
    """The second, after `before` and up to `after`, at which clocks in `zone` are put forward."""
    offset = before.astimezone(zone).utcoffset()
    while after - before > timedelta(seconds=1):
        middle = before + timedelta(seconds=(after - before) // timedelta(seconds=2))
        if middle.astimezone(zone).utcoffset() == offset:
            before = middle
        else:
            after = middle
    return after


def _held_within(openings: tuple[Opening, ...], wanted: datetime) -> datetime:
    for opening in openings:
        if wanted <= opening.end:
            return max(opening.start, wanted)
    return openings[-1].end


def read_calendar(
    timezone: str, schedule: Mapping[str, object], holidays: frozenset[date] = frozenset()
) -> BusinessCalendar:
    """The calendar that a `schedule` describes; days not named are closed.

    schedule: day or range of days -> `9:00-17:00`, a list of such, or `closed`.
    Raises ValueError with what to write instead.
    """
    read_timezone(timezone)
    week: dict[int, tuple[Shift, ...]] = {}
    for days, hours in schedule.items():
        shifts = read_shifts(hours)
        for day in read_days(days):
            if day in week:
                raise ValueError(f"{WEEKDAYS[day]} is given twice: name each day once")
            week[day] = shifts
    return BusinessCalendar(
        timezone=timezone,
        week=tuple(week.get(day, ()) for day in range(7)),
        holidays=holidays,
    )


def read_timezone(name: str) -> str:
    """`name` if it is an IANA time zone. Raises ValueError."""
    try:
        ZoneInfo(name)
    except (ZoneInfoNotFoundError, ValueError, OSError) as error:
        raise ValueError(f"{name!r} is not a time zone: write one such as Europe/Berlin") from error
    return name


def read_days(text: str) -> tuple[int, ...]:
    """Weekday numbers (Monday is 0) of `monday`, `mon` or `monday-friday`. Raises ValueError."""
    ends = [_weekday(part) for part in re.split(r"\s*(?:-|–|\bto\b)\s*", text.strip().lower())]
    if len(ends) == 1:
        return (ends[0],)
    if len(ends) != 2:
        raise ValueError(f"{text!r} is not a range of days: write monday-friday")
    return tuple((ends[0] + step) % 7 for step in range((ends[1] - ends[0]) % 7 + 1))


def _weekday(text: str) -> int:
    found = [at for at, day in enumerate(WEEKDAYS) if len(text) >= 3 and day.startswith(text)]
    if not found:
        raise ValueError(f"{text!r} is not a day: write monday, tuesday, ... or monday-friday")
    return found[0]


def read_shifts(hours: object) -> tuple[Shift, ...]:
    """The shifts of a day from `9:00-17:00`, a list of such, or `closed`. Raises ValueError."""
    if hours in (None, "closed", False) or hours == []:
        return ()
    texts = hours if isinstance(hours, list | tuple) else str(hours).split(",")
    shifts = sorted(_shift(str(text)) for text in texts)
    for before, after in pairwise(shifts):
        if after.opens < before.closes:
            raise ValueError("the day's openings overlap: give each time once")
    return tuple(shifts)


def _shift(text: str) -> Shift:
    found = _RANGE.fullmatch(text.strip())
    if not found:
        raise ValueError(f"{text!r} is not an opening: write '9:00-17:00' or closed")
    opens, closes = (int(found[at]) * 60 + int(found[at + 1]) for at in (1, 3))
    if int(found[2]) > 59 or int(found[4]) > 59 or closes > MIDNIGHT:
        raise ValueError(f"{text!r} has a time that no clock shows: write '9:00-17:00'")
    if opens >= closes:
        raise ValueError(f"{text!r} closes before it opens: split a night shift at 24:00")
    return Shift(opens=opens, closes=closes)
