"""Business calendars, against an oracle that looks at every minute."""

from datetime import UTC, date, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from answerable.definition.calendar import (
    BusinessCalendar,
    NeverOpen,
    Shift,
    read_calendar,
    read_days,
    read_shifts,
)
from answerable.definition.duration import BusinessDuration, Duration, parse_duration

MINUTE = timedelta(minutes=1)
WEEK = {"monday-friday": ["9:00-12:00", "13:00-17:00"], "saturday": "10:00-14:00"}
BERLIN = read_calendar("Europe/Berlin", WEEK, frozenset({date(2026, 12, 25)}))

# A week around each change of clocks; Lord Howe's is half an hour, Beirut's is at midnight.
CHANGES = [
    ("Europe/Berlin", datetime(2026, 3, 27, tzinfo=UTC)),
    ("Europe/Berlin", datetime(2026, 10, 23, tzinfo=UTC)),
    ("America/Los_Angeles", datetime(2026, 3, 6, tzinfo=UTC)),
    ("America/Los_Angeles", datetime(2026, 10, 30, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 4, 3, tzinfo=UTC)),
    ("Australia/Lord_Howe", datetime(2026, 10, 2, tzinfo=UTC)),
    ("Asia/Beirut", datetime(2026, 3, 27, tzinfo=UTC)),
    ("Asia/Kolkata", datetime(2026, 6, 1, tzinfo=UTC)),
]


def berlin(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZoneInfo("Europe/Berlin"))


def minutes_of(calendar: BusinessCalendar, start: datetime, days: int) -> dict[datetime, bool]:
    """Each minute and whether it is open, by a wall clock that never goes back."""
    zone = ZoneInfo(calendar.timezone)
    result: dict[datetime, bool] = {}
    latest: dict[date, int] = {}
    at = start
    while at < start + timedelta(days=days):
        local = at.astimezone(zone)
        shown = max(local.hour * 60 + local.minute, latest.get(local.date(), 0))
        latest[local.date()] = shown
        shifts = () if local.date() in calendar.holidays else calendar.week[local.weekday()]
        result[at] = any(shift.opens <= shown < shift.closes for shift in shifts)
        at += MINUTE
    return result


@st.composite
def shifts(draw: st.DrawFn) -> tuple[Shift, ...]:
    edges = sorted(draw(st.sets(st.integers(0, 96), max_size=6)))
    pairs = zip(edges[::2], edges[1::2], strict=False)
    return tuple(Shift(opens=first * 15, closes=last * 15) for first, last in pairs)


@settings(max_examples=25)
@given(st.data())
def test_opening_and_adding_agree_with_looking_at_every_minute(data: st.DataObject) -> None:
    zone, start = data.draw(st.sampled_from(CHANGES))
    holidays = frozenset(data.draw(st.sets(st.sampled_from([start.date() + timedelta(days=3)]))))
    week = tuple(data.draw(shifts()) for _ in range(7))
    calendar = BusinessCalendar(timezone=zone, week=week, holidays=holidays)
    # A day before, so that the oracle's clock has seen the local day begin.
    minutes = minutes_of(calendar, start - timedelta(days=1), 7)
    begin = start + data.draw(st.integers(0, 3 * 1440)) * MINUTE
    wanted = data.draw(st.integers(1, 600))

    assert calendar.is_open(begin) == minutes[begin]
    later = [at for at, is_open in minutes.items() if at >= begin and is_open]
    if later:
        assert calendar.next_opening(begin) == later[0]
    if len(later) >= wanted:
        spent = BusinessDuration(amount=wanted / 60, unit="hours")
        assert calendar.add(begin, spent) == later[wanted - 1] + MINUTE


@pytest.mark.parametrize(
    ("start", "duration", "due"),
    [
        ("2026-11-20 16:00", "2h-business-hours", "2026-11-21 11:00"),
        ("2026-11-20 11:30", "1h-business-hours", "2026-11-20 13:30"),
        ("2026-11-20 17:00", "1h-business-hours", "2026-11-21 11:00"),
        ("2026-11-22 03:00", "4h-business-hours", "2026-11-23 14:00"),
        ("2026-11-20 10:00", "1-business-days", "2026-11-21 10:00"),
        ("2026-11-20 16:00", "1-business-days", "2026-11-21 14:00"),
        ("2026-11-20 12:30", "3 business days", "2026-11-24 13:00"),
        ("2026-11-22 12:00", "1-business-days", "2026-11-24 09:00"),
        ("2026-12-24 10:00", "1-business-days", "2026-12-26 10:00"),
        ("2026-11-20 10:00", "10-business-days", "2026-12-02 10:00"),
        ("2026-03-28 13:00", "2h-business-hours", "2026-03-30 10:00"),
        ("2026-03-28 12:00", "24h", "2026-03-29 13:00"),
    ],
)
def test_promises_fall_due_in_working_time(start: str, duration: str, due: str) -> None:
    assert BERLIN.add(berlin(start), parse_duration(duration)) == berlin(due)


def test_results_are_in_utc() -> None:
    due = BERLIN.add(berlin("2026-11-20 10:00"), Duration(length=timedelta(hours=1)))

    assert due.tzinfo is UTC
    assert BERLIN.next_opening(berlin("2026-11-22 10:00")).tzinfo is UTC


def test_the_closing_minute_is_closed_and_the_opening_minute_open() -> None:
    assert BERLIN.is_open(berlin("2026-11-20 09:00"))
    assert BERLIN.is_open(berlin("2026-11-20 11:59"))
    assert not BERLIN.is_open(berlin("2026-11-20 12:00"))
    assert not BERLIN.is_open(berlin("2026-12-25 10:00"))


def test_a_calendar_without_openings_says_so() -> None:
    never = read_calendar("UTC", {})

    with pytest.raises(NeverOpen):
        never.next_opening(datetime(2026, 1, 1, tzinfo=UTC))
    with pytest.raises(NeverOpen):
        never.add(datetime(2026, 1, 1, tzinfo=UTC), BusinessDuration(amount=1, unit="hours"))
    with pytest.raises(NeverOpen):
        never.add(datetime(2026, 1, 1, tzinfo=UTC), BusinessDuration(amount=1, unit="days"))


def test_a_working_day_that_clocks_lengthen_is_longer() -> None:
    always = read_calendar("Europe/Berlin", {"monday-sunday": "0:00-24:00"})
    start = berlin("2026-10-25 00:00")

    assert always.add(start, BusinessDuration(amount=25, unit="hours")) == berlin(
        "2026-10-26 00:00"
    )


@pytest.mark.parametrize(
    ("text", "days"),
    [("monday-friday", (0, 1, 2, 3, 4)), ("saturday", (5,)), ("sat-mon", (5, 6, 0)), ("Sun", (6,))],
)
def test_days_and_ranges_of_days_are_read(text: str, days: tuple[int, ...]) -> None:
    assert read_days(text) == days


@pytest.mark.parametrize(
    ("hours", "expected"),
    [
        ("closed", ()),
        ("9:00-17:00", (Shift(opens=540, closes=1020),)),
        ("9:00-12:00, 13:00-17:30", (Shift(opens=540, closes=720), Shift(opens=780, closes=1050))),
        (["13:00-24:00", "0:00-1:00"], (Shift(opens=0, closes=60), Shift(opens=780, closes=1440))),
    ],
)
def test_shifts_are_read_and_ordered(hours: object, expected: tuple[Shift, ...]) -> None:
    assert read_shifts(hours) == expected


@pytest.mark.parametrize(
    ("hours", "message"),
    [
        ("9-17", "is not an opening"),
        ("17:00-9:00", "closes before it opens"),
        ("9:00-25:00", "no clock shows"),
        ("9:61-17:00", "no clock shows"),
        (["9:00-12:00", "11:00-13:00"], "overlap"),
        (3, "is not an opening"),
    ],
)
def test_a_schedule_that_cannot_be_is_explained(hours: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        read_shifts(hours)


def test_a_day_given_twice_is_refused() -> None:
    with pytest.raises(ValueError, match="friday is given twice"):
        read_calendar("UTC", {"monday-friday": "9:00-17:00", "friday": "9:00-15:00"})


def test_an_unknown_time_zone_is_refused() -> None:
    with pytest.raises(ValueError, match="is not a time zone"):
        read_calendar("Europe/Atlantis", {})
