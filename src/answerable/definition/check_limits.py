"""Whether limits keep what they are there for: nobody pays for text messages without end."""

from collections.abc import Iterator
from datetime import timedelta
from itertools import combinations
from math import ceil

from answerable.definition.check_playbooks import warning
from answerable.definition.problem import Finding
from answerable.definition.schema import Rate, ServiceDefinition

DAY = timedelta(days=1)
MANY = 50  # a day and number: a contact who loses every second code needs fewer
FEW = 2  # a day and number: below it nobody can ask for a code once more
# From the narrowest to the widest: each is there for what the ones before it let through.
_KEYS = {
    "perNumber": ("per_number", "to one number"),
    "perPrefix": ("per_prefix", "to numbers that begin alike"),
    "perTenant": ("per_tenant", "in all"),
}


def check_limits(definition: ServiceDefinition) -> Iterator[Finding]:
    """All findings about how many text messages may leave. Pure."""
    limits = definition.limits.text_messages
    rates: dict[str, tuple[Rate, ...]] = {
        key: getattr(limits, name) for key, (name, _) in _KEYS.items()
    }
    if not all(rates.values()):
        return  # what could not be read is told already
    yield from _check_number(rates["perNumber"])
    for narrow, wide in combinations(_KEYS, 2):
        yield from _check_order(narrow, wide, rates)


def most_within(rates: tuple[Rate, ...], window: timedelta) -> int:
    """How many the rates let through in any `window`."""
    return min(rate.count * ceil(window / rate.per.approximate) for rate in rates)


def _check_number(rates: tuple[Rate, ...]) -> Iterator[Finding]:
    most = most_within(rates, DAY)
    place = ("limits", "textMessages", "perNumber")
    if most > MANY:
        told = f"one number may be sent {most} text messages a day: nobody needs more than {MANY}"
        yield warning(place, told)
    elif most < FEW:
        yield warning(place, "whose code is lost cannot have another that day: allow 2 or more")


def _check_order(narrow: str, wide: str, rates: dict[str, tuple[Rate, ...]]) -> Iterator[Finding]:
    for at, rate in enumerate(rates[wide]):
        if most_within(rates[narrow], rate.per.approximate) >= rate.count:
            yield warning(
                ("limits", "textMessages", f"{wide}|{narrow}", at),
                f"text messages {_KEYS[narrow][1]} may use up all {rate.count} that {wide} allows: "
                f"lower {narrow}, or raise {wide}",
            )
            return
