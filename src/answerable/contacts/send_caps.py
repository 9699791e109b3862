"""How many text messages and mails with codes may leave.

Text messages, so that nobody makes us pay for traffic to numbers of theirs. Mails, so that nobody
fills a customer's mailbox with codes, nor spoils what mail servers think of us.

Pumping (paid traffic to ranges that a swindler owns) shows in the first digits of the numbers, so
these are counted beside the number itself and the tenant's sum. How many of each, the definition
says.
"""

from collections.abc import Mapping
from datetime import timedelta

from answerable.definition.schema import MailLimits, Rate, TextLimits

PREFIX_DIGITS = 5  # of the number in E.164, after the plus: country and the beginning of a range

Sent = Mapping[timedelta, int]
"""How many left lately, by how far back is counted."""


def rates_of(limits: TextLimits | MailLimits) -> Mapping[str, tuple[Rate, ...]]:
    """By what is counted: "number", "prefix" or "tenant"; of mails "address" or "tenant"."""
    if isinstance(limits, MailLimits):
        return {"address": limits.per_address, "tenant": limits.per_tenant}
    return {
        "number": limits.per_number,
        "prefix": limits.per_prefix,
        "tenant": limits.per_tenant,
    }


def windows_of(rates: tuple[Rate, ...]) -> list[timedelta]:
    """How far back must be counted, shortest first."""
    return sorted({rate.per.approximate for rate in rates})


def cap_reached(sent: Mapping[str, Sent], limits: TextLimits | MailLimits) -> str | None:
    """Which limit forbids one more, by the names of `rates_of`; None if none does.

    sent: by the same names, for every window of its rates.
    """
    for name, rates in rates_of(limits).items():
        if any(sent[name][rate.per.approximate] >= rate.count for rate in rates):
            return name
    return None


def prefix_of(number: str) -> str:
    """The beginning of a number in E.164 that is counted together."""
    return number.removeprefix("+")[:PREFIX_DIGITS]
