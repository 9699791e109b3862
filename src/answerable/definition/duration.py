"""Lengths of time as definitions write them: elapsed, or working time of a calendar."""

import re
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal

from pydantic import PlainValidator

FORMS = "15m, 1h, '30 days', 7-years, 4h-business-hours or 10-business-days"

_UNITS: dict[str, timedelta] = {
    "s": timedelta(seconds=1),
    "m": timedelta(minutes=1),
    "h": timedelta(hours=1),
    "d": timedelta(days=1),
    "w": timedelta(weeks=1),
}
_MONTHS = {"months": 1, "month": 1, "y": 12, "years": 12, "year": 12}
_WORDS = {
    "sec": "s", "secs": "s", "second": "s", "seconds": "s",
    "min": "m", "mins": "m", "minute": "m", "minutes": "m",
    "hr": "h", "hrs": "h", "hour": "h", "hours": "h",
    "day": "d", "days": "d", "week": "w", "weeks": "w",
}  # fmt: skip
_ELAPSED = re.compile(r"(?P<number>\d+(?:\.\d+)?)[\s-]*(?P<unit>[a-z]+)")
_BUSINESS = re.compile(
    r"(?P<number>\d+(?:\.\d+)?)(?:\s*(?P<short>h|d))?[\s-]*"
    r"(?:business|working)[\s-]*(?P<unit>hours?|days?)"
)
_BOUND = re.compile(r"\s*(?:<=?|within|at most|up to)\s*")
# The one sentence of the reference definitions that wraps a duration in words.
_SENTENCE = re.compile(r"(?:[a-z]+-)+within-(?P<rest>\d.*)")
LONGEST_TEXT = 100
LONGEST = timedelta(days=36_500)


@dataclass(frozen=True, kw_only=True)
class Duration:
    """Elapsed time: `length`, plus whole calendar `months` (a year is twelve)."""

    length: timedelta = timedelta()
    months: int = 0

    def after(self, start: datetime) -> datetime:
        """The moment this long after `start`; a month later than 31 January is 28 or 29 February.

        start: aware; the result has the same time zone. Fixed lengths count in real time (UTC).
        """
        moved = _add_months(start, self.months) if self.months else start
        if moved.tzinfo is None or not self.length:
            return moved
        offset = moved.utcoffset() or timedelta()
        exact = moved.replace(tzinfo=None) - offset + self.length
        return exact.replace(tzinfo=UTC).astimezone(moved.tzinfo)

    @property
    def approximate(self) -> timedelta:
        """One length to compare by: a month counts as 365/12 days."""
        return self.length + self.months * timedelta(days=365) / 12


@dataclass(frozen=True, kw_only=True)
class BusinessDuration:
    """Working time of a business calendar: `amount` of opening hours, or of opening days."""

    amount: float
    unit: Literal["hours", "days"]


AnyDuration = Duration | BusinessDuration


def parse_duration(text: object) -> AnyDuration:
    """The duration that `text` names; a leading `<` or `within` means "at most" and is dropped.

    Raises ValueError with what to write instead.
    """
    if isinstance(text, Duration | BusinessDuration):
        return text
    if not isinstance(text, str):
        raise ValueError(f"a duration needs a unit: write {FORMS}")
    if len(text) > LONGEST_TEXT:
        raise ValueError(f"this is not a duration: write {FORMS}")
    plain = text.strip().lower()
    sentence = _SENTENCE.fullmatch(plain)
    plain = sentence["rest"] if sentence else _BOUND.sub("", plain, count=1).strip()
    if found := _BUSINESS.fullmatch(plain):
        return _business(found)
    return _elapsed(plain, text)


def parse_elapsed(text: object) -> Duration:
    """As `parse_duration`, where only elapsed time makes sense. Raises ValueError."""
    found = parse_duration(text)
    if isinstance(found, BusinessDuration):
        raise ValueError(
            f"{text!r} is working time, but elapsed time is needed here: write 15m, 4h or 2d"
        )
    return found


def _business(found: re.Match[str]) -> BusinessDuration:
    unit: Literal["hours", "days"] = "hours" if found["unit"].startswith("hour") else "days"
    if found["short"] and found["short"] != unit[0]:
        raise ValueError(
            f"{found[0]!r} names two units: write 4h-business-hours or 10-business-days"
        )
    amount = float(found["number"])
    if unit == "days" and not amount.is_integer():
        raise ValueError("business days are whole: write business hours for parts of a day")
    if amount > LONGEST.days:
        raise ValueError("a duration may last at most a hundred years")
    return BusinessDuration(amount=amount, unit=unit)


def _elapsed(plain: str, text: str) -> Duration:
    months, length, at = 0, timedelta(), 0
    while at < len(plain):
        found = _ELAPSED.match(plain, at)
        if not found:
            raise ValueError(f"{text!r} is not a duration: write {FORMS}")
        number, unit = float(found["number"]), _WORDS.get(found["unit"], found["unit"])
        if number > LONGEST.total_seconds():
            raise ValueError("a duration may last at most a hundred years")
        if unit in _MONTHS and number.is_integer():
            months += int(number) * _MONTHS[unit]
        elif unit in _UNITS:
            length += number * _UNITS[unit]
        else:
            raise ValueError(f"{text!r} is not a duration: write {FORMS}")
        at = found.end()
        while at < len(plain) and plain[at] in " -,":
            at += 1
    if not plain:
        raise ValueError(f"an empty text is not a duration: write {FORMS}")
    result = Duration(length=length, months=months)
    if result.approximate > LONGEST:
        raise ValueError("a duration may last at most a hundred years")
    return result


def _add_months(start: datetime, months: int) -> datetime:
    year, month = divmod(start.year * 12 + start.month - 1 + months, 12)
    for day in (start.day, 30, 29, 28):
        try:
            return start.replace(year=year, month=month + 1, day=min(day, start.day))
        except ValueError:
            continue
    raise ValueError(f"{start} plus {months} months is out of range")


DurationField = Annotated[AnyDuration, PlainValidator(parse_duration)]
ElapsedField = Annotated[Duration, PlainValidator(parse_elapsed)]
