"""Failpoints: where a test has the process die, to show that nothing is lost. Never for service.

ANSWERABLE_FAILPOINT=before:NAME:N ends the process, as a power cut would, when for the Nth time a
transaction that holds a unit called NAME is about to be committed; `after:` just after the commit,
before anybody is told. NAME is the beginning of the function's qualified name, such as
`Intake.accept_many`, or * for every unit. With @FILE instead, what to die at is read from that
file as soon as it is there, so that a running process can be armed.
"""

import os
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal, get_args

from answerable.kit.errors import InvalidInput

SETTING = "ANSWERABLE_FAILPOINT"
EXIT_CODE = 86  # what a process that died at a failpoint ends with

Moment = Literal["before", "after"]


class Failpoint:
    """One place to die at. end: what is called there; it does not return."""

    def __init__(self, text: str, *, end: Callable[[int], Any] = os._exit) -> None:
        """Raises InvalidInput if `text`, the value of the setting, makes no sense."""
        self._end = end
        self._file = Path(text[1:]) if text.startswith("@") else None
        self._armed = None if self._file else _parsed(text)
        self._left = self._armed.count if self._armed else 0

    @classmethod
    def parse(cls, text: str | None) -> "Failpoint | None":
        """From the setting; None if there is none."""
        return cls(text) if text else None

    def reached(self, moment: Moment, units: Iterable[Callable[..., Any]]) -> None:
        """Called by the database around each commit, with the units of the transaction."""
        if self._armed is None and self._file is not None and self._file.exists():
            self._armed = _parsed(self._file.read_text(encoding="utf-8").strip())
            self._left = self._armed.count
        if self._armed is None or not self._armed.meets(moment, units):
            return
        self._left -= 1
        if self._left == 0:
            self._end(EXIT_CODE)


@dataclass(frozen=True)
class _Place:
    moment: Moment
    unit: str
    count: int

    def meets(self, moment: Moment, units: Iterable[Callable[..., Any]]) -> bool:
        if moment != self.moment:
            return False
        names = [getattr(unit, "__qualname__", "") for unit in units]
        return self.unit == "*" or any(name.startswith(self.unit) for name in names)


def _parsed(text: str) -> _Place:
    moment, _, rest = text.partition(":")
    unit, _, count = rest.rpartition(":")
    if moment not in get_args(Moment) or not unit or not count.isdigit() or int(count) < 1:
        raise InvalidInput("bad_failpoint", f"{SETTING} must be before|after:NAME:N or @FILE")
    return _Place("before" if moment == "before" else "after", unit, int(count))
