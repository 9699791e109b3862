"""Nobody makes us pay for text messages without end."""

from datetime import timedelta

import pytest

from answerable.contacts.send_caps import cap_reached, prefix_of, rates_of, windows_of
from answerable.definition.build_limits import read_rate
from answerable.definition.schema import TextLimits

HOUR, DAY = timedelta(hours=1), timedelta(days=1)
LIMITS = TextLimits(
    per_number=(read_rate("2 per 1h"), read_rate("3 per 24h")),
    per_prefix=(read_rate("4 per 1h"), read_rate("6 per 1 day")),
    per_tenant=(read_rate("9 per 24h"), read_rate("8 per 60m")),
)
NOTHING = {HOUR: 0, DAY: 0}


@pytest.mark.parametrize(
    ("sent", "reached"),
    [
        ({}, None),
        ({"number": {HOUR: 1, DAY: 2}}, None),
        ({"number": {HOUR: 2, DAY: 2}}, "number"),
        ({"number": {HOUR: 0, DAY: 3}}, "number"),
        ({"prefix": {HOUR: 4, DAY: 4}}, "prefix"),
        ({"prefix": {HOUR: 1, DAY: 6}}, "prefix"),
        ({"tenant": {HOUR: 8, DAY: 8}}, "tenant"),
        ({"tenant": {HOUR: 1, DAY: 9}}, "tenant"),
    ],
)
def test_each_limit_holds_for_the_hour_and_for_the_day(
    sent: dict[str, dict[timedelta, int]], reached: str | None
) -> None:
    every = dict.fromkeys(("number", "prefix", "tenant"), NOTHING)
    assert cap_reached({**every, **sent}, LIMITS) == reached


def test_no_further_back_than_needed_is_counted() -> None:
    assert [windows_of(rates) for rates in rates_of(LIMITS).values()] == [[HOUR, DAY]] * 3


def test_numbers_that_begin_alike_are_counted_together() -> None:
    assert prefix_of("+4915550100") == prefix_of("+4915559999") == "49155"
