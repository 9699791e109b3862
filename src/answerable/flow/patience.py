"""How long an effect is put off, and when it is given up. Pure, but for the jitter."""

import random
from datetime import timedelta

from answerable.kit.errors import ConnectorUnavailable
from answerable.ledger.event import Effect

MOST_FAILURES = 5
FIRST_PAUSE = timedelta(seconds=2)
LONGEST_PAUSE = timedelta(minutes=10)
PATIENCE = timedelta(hours=4)  # for a system that does not answer; then a person has it
# A mail server may be down for a night; nothing is given up before that.
# Whoever asked for a code has long asked for another, or given up.
PATIENCE_OF = {
    "deliver": timedelta(hours=24),
    "send_code": timedelta(minutes=10),
    "address_code": timedelta(minutes=10),
}
# Somebody waits in the chat: the connector has tried twice, now a person is better than a pause.
IMPATIENT = {("look_up", "chat")}


def somebody_waits(effect: Effect) -> bool:
    """Whether a person is better than any pause."""
    return (effect.kind, effect.payload.get("channel")) in IMPATIENT


def has_waited_enough(effect: Effect, waited: timedelta) -> bool:
    """waited: for a system that has not answered in all that time."""
    return somebody_waits(effect) or waited >= PATIENCE_OF.get(effect.kind, PATIENCE)


def pause_after(failures: int) -> timedelta:
    """Doubling, with jitter so that many do not return together."""
    doubled: timedelta = min(FIRST_PAUSE * 2 ** min(failures - 1, 20), LONGEST_PAUSE)
    return doubled * random.uniform(0.8, 1.2)


def wait_for(waited: timedelta, error: ConnectorUnavailable) -> timedelta:
    """A quarter of what it has waited: back soon after the end of an outage, however long it was.

    With jitter, and never before the time that the other system or its ambassador has named.
    """
    wait = min(max(waited / 4, FIRST_PAUSE), LONGEST_PAUSE)
    return max(wait, error.retry_after or wait) * random.uniform(1.0, 1.2)
