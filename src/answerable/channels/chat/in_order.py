"""What a customer says stays in its order, also when a part of it is refused for now.

Several messages may be under way at once. Were the second stored while the first is to come again,
the conversation would read the wrong way round.
"""

from datetime import timedelta

KEPT = 16  # messages that others wait for; of more, the earliest are given up
GIVEN_UP_AFTER = 10.0  # seconds after it was to come again: whoever sent it may have thought better


class InOrder:
    """The messages of one connection that are not stored yet, in the order in which they came."""

    def __init__(self) -> None:
        self._open: dict[str, float | None] = {}  # until when it is waited for; None: under way

    def before(self, client_id: str, now: float) -> str | None:
        """The message that must be stored before this one, which is under way from now on."""
        self._open = {
            one: until for one, until in self._open.items() if until is None or now < until
        }
        if client_id in self._open:
            earlier = list(self._open)
            place = earlier.index(client_id)
            former = earlier[place - 1] if place else None
        else:
            former = next(reversed(self._open), None)
        self._open[client_id] = None
        while len(self._open) > KEPT:
            del self._open[next(iter(self._open))]
        return former

    def refused_for_now(self, client_id: str, now: float, wait: timedelta) -> None:
        """It is to come again after `wait`."""
        if client_id in self._open:
            self._open[client_id] = now + wait.total_seconds() + GIVEN_UP_AFTER

    def settled(self, client_id: str) -> None:
        """It is stored, or never will be."""
        self._open.pop(client_id, None)
