"""Failpoints: where a test has the process die, to show that nothing is lost. Never for service.

ANSWERABLE_FAILPOINT=before:NAME:N ends the process, as a power cut would, when for the Nth time a
transaction that holds a unit called NAME is about to be committed; `after:` just after the commit,
before anybody is told. NAME is the beginning of the function's qualified name, such as
`Intake.accept_many`, or * for every unit.
"""

import os
from collections.abc import Callable, Iterable
from typing import Any, Literal, get_args

from answerable.kit.errors import InvalidInput

SETTING = "ANSWERABLE_FAILPOINT"
EXIT_CODE = 86  # what a process that died at a failpoint ends with

Moment = Literal["before", "after"]


class Failpoint:
    """One place to die at. end: what is called there; it does not return."""

    def __init__(
        self,
        moment: Moment,
        unit: str,
        count: int,
        *,
        end: Callable[[int], Any] = os._exit,
    ) -> None:
        self._moment = moment
        self._unit = unit
        self._left = count
        self._end = end

    @classmethod
    def parse(cls, text: str | None) -> "Failpoint | None":
        """From the setting; None if there is none. Raises InvalidInput if it makes no sense."""
        if not text:
            return None
        moment, _, rest = text.partition(":")
        unit, _, count = rest.rpartition(":")
        if moment not in get_args(Moment) or not unit or not count.isdigit() or int(count) < 1:
            raise InvalidInput("bad_failpoint", f"{SETTING} must be before|after:NAME:N")
        return cls("before" if moment == "before" else "after", unit, int(count))

    def reached(self, moment: Moment, units: Iterable[Callable[..., Any]]) -> None:
        """Called by the database around each commit, with the units of the transaction."""
        if moment != self._moment:
            return
        names = [getattr(unit, "__qualname__", "") for unit in units]
        if self._unit != "*" and not any(name.startswith(self._unit) for name in names):
            return
        self._left -= 1
        if self._left == 0:
            self._end(EXIT_CODE)
