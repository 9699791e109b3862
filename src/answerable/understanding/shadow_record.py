"""What a version in shadow said differently: counted, with conversations but without texts."""

import json
from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from pathlib import Path
from typing import Any

from answerable.understanding.understanding import Understanding

NAME = "shadow.jsonl"
MOST_BYTES = 16 * 2**20  # about 80,000 differences; after that they are counted and not told
TOLD = 5  # conversations that are named of each pair

Pair = tuple[str | None, str | None]


@dataclass(frozen=True, kw_only=True)
class Reading:
    """What one model said of a message, as far as it matters. intent: None: out of scope."""

    intent: str | None
    automatic: bool

    @staticmethod
    def of(understanding: Understanding) -> "Reading":
        known = understanding.in_scope and bool(understanding.intents)
        return Reading(
            intent=understanding.intents[0].name if known else None,
            automatic=understanding.automatic,
        )


@dataclass(kw_only=True)
class ShadowRecord:
    """Lines to append to a file: differences, and counts of what was the same or left out."""

    path: Path
    same: int = 0
    left_out: int = 0
    _lines: list[dict[str, Any]] = field(default_factory=list)

    def add(self, conversation: str, live: Reading, shadow: Reading, at: datetime) -> None:
        if live == shadow:
            self.same += 1
            return
        self._lines.append(
            {
                "at": at.isoformat(),
                "conversation": conversation,
                "live": [live.intent, live.automatic],
                "shadow": [shadow.intent, shadow.automatic],
            }
        )

    def write(self) -> None:
        """Append what came since the last time, in one piece, so that processes can share it."""
        lines, counts = self._lines, {"same": self.same, "left_out": self.left_out}
        self._lines, self.same, self.left_out = [], 0, 0
        with self.path.open("a", encoding="utf-8") as file:
            if file.tell() > MOST_BYTES:
                counts["untold"], lines = len(lines), []
            rows = [*lines, counts] if any(counts.values()) else lines
            file.write("".join(json.dumps(row, ensure_ascii=False) + "\n" for row in rows))


@dataclass(frozen=True, kw_only=True)
class Difference:
    """A pair of what the live and the shadow model said, automatic or not, and how often."""

    live: Reading
    shadow: Reading
    messages: int
    conversations: tuple[str, ...]


@dataclass(frozen=True, kw_only=True)
class ShadowSummary:
    """same: messages read alike. left_out: not read, because there was no time. untold: read
    differently after the file was full."""

    same: int
    left_out: int
    untold: int
    differences: tuple[Difference, ...]

    @property
    def read(self) -> int:
        return self.same + self.untold + sum(one.messages for one in self.differences)


def shadow_summary(path: Path) -> ShadowSummary:
    """Of the file of one version; nothing was read if there is none. Broken lines are left out."""
    counts: Counter[str] = Counter()
    pairs: Counter[tuple[Reading, Reading]] = Counter()
    named: dict[tuple[Reading, Reading], list[str]] = {}
    for row in _rows(path):
        if "conversation" not in row:
            counts.update({name: int(row.get(name, 0)) for name in ("same", "left_out", "untold")})
            continue
        pair = (_reading(row["live"]), _reading(row["shadow"]))
        pairs[pair] += 1
        told = named.setdefault(pair, [])
        if len(told) < TOLD and row["conversation"] not in told:
            told.append(str(row["conversation"]))
    differences = tuple(
        Difference(
            live=live, shadow=shadow, messages=number, conversations=tuple(named[live, shadow])
        )
        for (live, shadow), number in sorted(pairs.items(), key=lambda one: (-one[1], repr(one[0])))
    )
    return ShadowSummary(
        same=counts["same"],
        left_out=counts["left_out"],
        untold=counts["untold"],
        differences=differences,
    )


def _rows(path: Path) -> Iterator[Mapping[str, Any]]:
    if not path.exists():
        return
    with path.open(encoding="utf-8", errors="replace") as file:
        for line in file:
            try:
                row = json.loads(line)
            except ValueError:  # the last line of a process that was killed
                continue
            if isinstance(row, dict):
                yield row


def _reading(said: tuple[str | None, bool]) -> Reading:
    return Reading(intent=said[0], automatic=bool(said[1]))
