"""Whether a contact's mood falls or rises over a conversation."""

from collections.abc import Sequence
from typing import Literal

Trend = Literal["falling", "steady", "rising"]
REMEMBERED_MOODS = 4  # of the latest messages: what was said long before tells little of now
CLEARLY = 0.3  # from neutral half the way to plainly unhappy; less may be noise


def trend(moods: Sequence[float]) -> Trend:
    """How the latest message's sentiment stands to the mean of up to three before it.

    moods: sentiments, -1 (bad) .. 1 (good), oldest first. Falling or rising from a difference of
    CLEARLY on; steady in between, and as long as there is nothing to compare with.
    """
    latest = moods[-REMEMBERED_MOODS:]
    if len(latest) < 2:
        return "steady"
    before = sum(latest[:-1]) / (len(latest) - 1)
    # Rounded as sentiments are, so that adding up in another order decides nothing.
    change = round(latest[-1] - before, 4)
    if change <= -CLEARLY:
        return "falling"
    return "rising" if change >= CLEARLY else "steady"
