"""Faults on demand: how the outside world misbehaves, and for how long."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal, get_args

from answerable_sandbox.journal import System
from answerable_sandbox.problems import Problem

Mode = Literal[
    "slow", "fail", "refuse", "hang", "apply-then-lose", "garbage", "rate-limit", "greylist"
]
MODES: tuple[Mode, ...] = get_args(Mode)
DEFAULT_SECONDS: dict[Mode, float] = {"slow": 2, "hang": 60, "rate-limit": 1}


@dataclass(frozen=True, kw_only=True)
class Fault:
    """One misbehaviour of one system.

    times: how many more calls it strikes; None: until removed.
    seconds: slow and hang: how long; rate-limit: Retry-After; greylist: wait before acceptance.
    path: strikes only paths with this prefix, with or without the leading `/<system>`.
    recipient: mail only: strikes only mails to this address.
    status: the HTTP or SMTP status of `refuse` (default 422 and 550) and `fail` (500 and 451).
    fired: how many calls it has struck.
    """

    id: int
    system: System
    mode: Mode
    times: int | None = 1
    seconds: float = 0
    path: str | None = None
    recipient: str | None = None
    status: int | None = None
    fired: int = 0

    def as_json(self) -> dict[str, Any]:
        """The fault as the JSON interface shows it."""
        return asdict(self)

    def strikes(self, path: str | None, recipient: str | None) -> bool:
        """Whether a call with this path or recipient meets the fault."""
        if self.recipient and (recipient or "").lower() != self.recipient.lower():
            return False
        if not self.path:
            return True
        return (path or "").startswith((self.path, f"/{self.system}{self.path}"))


class Faults:
    """The faults in force; the oldest that matches strikes first."""

    def __init__(self) -> None:
        self._faults: list[Fault] = []
        self._numbered = 0

    def add(
        self,
        system: System,
        mode: Mode,
        *,
        times: int | None = 1,
        seconds: float | None = None,
        path: str | None = None,
        recipient: str | None = None,
        status: int | None = None,
    ) -> Fault:
        """Put a fault in force. Raises Problem 422 if it makes no sense for the system."""
        if system != "mail" and (mode == "greylist" or recipient):
            raise Problem(422, "fault_invalid", "Only mail knows recipients and greylisting.")
        if system == "mail" and (path or mode == "garbage"):
            raise Problem(
                422, "fault_invalid", "Mail has recipients, and neither paths nor garbage."
            )
        if times is not None and times < 1:
            raise Problem(422, "fault_invalid", "`times` is at least 1, or null for always.")
        self._numbered += 1
        fault = Fault(
            id=self._numbered,
            system=system,
            mode=mode,
            times=times,
            seconds=DEFAULT_SECONDS.get(mode, 0) if seconds is None else seconds,
            path=path,
            recipient=recipient,
            status=status,
        )
        self._faults.append(fault)
        return fault

    def find(
        self,
        system: System,
        *,
        path: str | None = None,
        recipient: str | None = None,
        modes: Collection[Mode] = MODES,
    ) -> Fault | None:
        """The fault that a call would meet, without using it up."""
        for fault in self._faults:
            if fault.system == system and fault.mode in modes and fault.strikes(path, recipient):
                return fault
        return None

    def take(
        self,
        system: System,
        *,
        path: str | None = None,
        recipient: str | None = None,
        modes: Collection[Mode] = MODES,
    ) -> Fault | None:
        """The fault that a call meets; counts as one of its `times`."""
        fault = self.find(system, path=path, recipient=recipient, modes=modes)
        if fault is not None:
            self._use_up(fault)
        return fault

    def _use_up(self, fault: Fault) -> None:
        left = None if fault.times is None else fault.times - 1
        position = self._faults.index(fault)
        if left == 0:
            del self._faults[position]
        else:
            self._faults[position] = replace(fault, times=left, fired=fault.fired + 1)

    def in_force(self) -> list[Fault]:
        """The faults that may still strike, oldest first."""
        return list(self._faults)

    def clear(self, system: str | None = None) -> None:
        """Remove the faults of one system, or all."""
        self._faults = [fault for fault in self._faults if system not in (None, fault.system)]
