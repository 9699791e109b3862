"""Every form in which definitions write a length of time."""

from datetime import UTC, datetime, timedelta
from zoneinfo import ZoneInfo

import pytest

from answerable.definition.duration import (
    AnyDuration,
    BusinessDuration,
    Duration,
    parse_duration,
    parse_elapsed,
)


def elapsed(**parts: float) -> Duration:
    return Duration(length=timedelta(**parts))


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("1h", elapsed(hours=1)),
        ("15m", elapsed(minutes=15)),
        ("90s", elapsed(seconds=90)),
        ("1h30m", elapsed(minutes=90)),
        ("1.5 hours", elapsed(minutes=90)),
        ("30 days", elapsed(days=30)),
        ("2w", elapsed(weeks=2)),
        ("< 1 hour", elapsed(hours=1)),
        ("< 5m", elapsed(minutes=5)),
        ("within 24 hours", elapsed(hours=24)),
        ("7-years", Duration(months=84)),
        ("6 months", Duration(months=6)),
        ("4h-business-hours", BusinessDuration(amount=4, unit="hours")),
        ("4 business hours", BusinessDuration(amount=4, unit="hours")),
        ("1 business hour", BusinessDuration(amount=1, unit="hours")),
        ("10-business-days", BusinessDuration(amount=10, unit="days")),
        ("3 working days", BusinessDuration(amount=3, unit="days")),
        (
            "provide-update-within-10-business-days",
            BusinessDuration(amount=10, unit="days"),
        ),
    ],
)
def test_each_form_is_read(text: str, expected: AnyDuration) -> None:
    assert parse_duration(text) == expected


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "an empty text"),
        ("soon", "is not a duration: write 15m"),
        ("15", "is not a duration"),
        ("15x", "is not a duration"),
        ("-1h", "is not a duration"),
        ("2h-business-days", "names two units"),
        ("1.5-business-days", "whole"),
        ("999-years", "hundred years"),
        ("9" * 90 + "h", "hundred years"),
        ("9" * 400 + "h", "is not a duration"),
        (15, "needs a unit"),
        (True, "needs a unit"),
    ],
)
def test_what_is_no_duration_is_explained(text: object, message: str) -> None:
    with pytest.raises(ValueError, match=message):
        parse_duration(text)


def test_working_time_is_refused_where_elapsed_time_is_needed() -> None:
    with pytest.raises(ValueError, match="working time"):
        parse_elapsed("2-business-days")


def test_a_day_of_elapsed_time_is_24_real_hours_when_clocks_change() -> None:
    start = datetime(2026, 3, 28, 12, tzinfo=ZoneInfo("Europe/Berlin"))

    assert elapsed(hours=24).after(start) - start.astimezone(UTC) == timedelta(hours=24)


@pytest.mark.parametrize(
    ("start", "months", "end"),
    [
        ("2026-01-31", 1, "2026-02-28"),
        ("2024-02-29", 84, "2031-02-28"),
        ("2026-11-15", 2, "2027-01-15"),
    ],
)
def test_months_end_on_the_last_day_there_is(start: str, months: int, end: str) -> None:
    at = datetime.fromisoformat(start).replace(tzinfo=UTC)

    assert Duration(months=months).after(at) == datetime.fromisoformat(end).replace(tzinfo=UTC)
