"""The journal: what really happened in the outside world, for people and for tests."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass
from datetime import datetime
from typing import Any, Literal, get_args

from answerable_sandbox.settings import Clock

System = Literal["core", "crm", "sms", "mail"]
SYSTEMS: tuple[System, ...] = get_args(System)
Kind = Literal["change", "read", "fault", "report"]

# Enough for a long demo or a test of 10,000 effects; the oldest entries are forgotten first.
JOURNAL_ENTRIES = 20_000


@dataclass(frozen=True, kw_only=True)
class Entry:
    """One line of the journal.

    kind: `change` took effect, `read` answered a question, `fault` met a fault that was asked for,
    `report` was told to others by the system itself.
    operation: what it was, in the outside system's words, e.g. `card blocked`.
    """

    number: int
    at: datetime
    system: System
    kind: Kind
    operation: str
    idempotency_key: str | None
    payload: Any

    def as_json(self) -> dict[str, Any]:
        """The entry as the JSON interface shows it."""
        return {**vars(self), "at": self.at.isoformat()}


class Journal:
    """Every call that took effect, in order, bounded to `JOURNAL_ENTRIES`.

    A call answered from an earlier result (same idempotency key) took no effect and is not in here.
    """

    def __init__(self, clock: Clock) -> None:
        self._clock = clock
        self._entries: deque[Entry] = deque(maxlen=JOURNAL_ENTRIES)
        self._numbered = 0

    def record(
        self,
        system: System,
        operation: str,
        payload: Any,
        *,
        idempotency_key: str | None = None,
        kind: Kind = "change",
    ) -> None:
        """Append one entry, at the clock's time."""
        self._numbered += 1
        self._entries.append(
            Entry(
                number=self._numbered,
                at=self._clock(),
                system=system,
                kind=kind,
                operation=operation,
                idempotency_key=idempotency_key,
                payload=payload,
            )
        )

    def entries(self, *, system: str | None = None, kind: str | None = None) -> list[Entry]:
        """The entries of one system and kind (None: all), oldest first."""
        return [
            entry
            for entry in self._entries
            if system in (None, entry.system) and kind in (None, entry.kind)
        ]

    def clear(self) -> None:
        """Forget all entries; the numbering goes on."""
        self._entries.clear()
