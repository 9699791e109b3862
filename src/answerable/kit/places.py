"""A bounded number of places, so that no one can take them all."""


class Places:
    """At most `most` are taken at a time, and at most `most_each` of them by one."""

    def __init__(self, *, most: int, most_each: int) -> None:
        self._most = most
        self._most_each = most_each
        self._taken: dict[str, int] = {}
        self._total = 0

    def take(self, who: str) -> bool:
        """False if there is none, for anybody or for this one."""
        of_one = self._taken.get(who, 0)
        if self._total >= self._most or of_one >= self._most_each:
            return False
        self._taken[who] = of_one + 1
        self._total += 1
        return True

    def leave(self, who: str) -> None:
        """Give back a place that was taken."""
        left = self._taken.pop(who) - 1
        if left:
            self._taken[who] = left
        self._total -= 1
