"""The sizing table of docs/operations/sizing.md, from the numbers of the last runs.

It stands between `<!-- generated: sizing -->` and `<!-- end -->`. What was not measured stays as it
is there.
"""

from collections.abc import Callable
from pathlib import Path
from typing import Any

from benchmarks.durable import MEMORY, PROCESSOR
from benchmarks.growth import DISK
from benchmarks.measure import Store

PAGE = Path(__file__).resolve().parents[1] / "docs" / "operations" / "sizing.md"
BEGIN, END = "<!-- generated: sizing -->", "<!-- end -->"
Figures = dict[str, Any]
Cell = Callable[[Figures], str]


def _per_core(figures: Figures) -> str:
    return f"{1000 / figures[PROCESSOR]:,.0f}"


def _chats(figures: Figures) -> str:
    return f"{2**20 / figures['idle authenticated chat, KiB']:,.0f}"


def _read(figures: Figures) -> str:
    return f"{1000 / figures['processor of the workers, ms a message']:,.0f}"


def _figure(name: str, unit: str = "") -> Cell:
    return lambda figures: f"{figures[name]:,}{unit}"


# What it is, the row it comes from, and how the figures say it.
ROWS: tuple[tuple[str, str, Cell], ...] = (
    ("messages a second, 50 customers over WebSockets", "sockets", _figure("median of ours")),
    ("messages a second for each core of our processes", "sockets", _per_core),
    ("of these, the processor of our process for one", "sockets", _figure(PROCESSOR, " ms")),
    ("acknowledged within, at half of that (p99)", "waits", _figure("acknowledged p99, ms", " ms")),
    ("messages a second that a worker reads and decides, for each core", "workers", _read),
    (
        "PostgreSQL's processor for one of these",
        "workers",
        _figure("processor of PostgreSQL, ms a message", " ms"),
    ),
    ("what two workers carry, times one", "workers", _figure("ratio")),
    ("mails a second, stored and understood", "mail-in", _figure("median of ours")),
    ("mails a second, sent", "mail-out", _figure("median of ours")),
    ("memory of a process that has models", "sockets", _figure(MEMORY, " MB")),
    ("memory of an idle chat", "idle", _figure("idle authenticated chat, KiB", " KiB")),
    ("idle chats in a GiB, besides the process itself", "idle", _chats),
    ("pages of the inbox a second", "inbox", _figure("median of ours")),
    ("an event to all agents", "agents", _figure("median of ours", " ms")),
    ("disk for a message", "length", _figure(DISK, " bytes")),
    ("a backlog's jobs a second", "jobs", _figure("median of ours")),
)


def table(results: dict[str, Any], before: str = "") -> str:
    """One line a question, one column a store. before: the table as it was."""
    lines = ["| question | SQLite | PostgreSQL |", "|---|---|---|"]
    said = {cells[0]: cells[1:] for cells in map(_cells, before.splitlines()) if len(cells) == 3}
    for question, name, cell in ROWS:
        former = said.get(question, ["", ""])
        cells = [
            _cell(results, name, store, cell, former=former[column])
            for column, store in enumerate(Store)
        ]
        lines.append(f"| {question} | {cells[0]} | {cells[1]} |")
    return "\n".join(lines)


def _cells(line: str) -> list[str]:
    return [cell.strip() for cell in line.strip("|").split("|")]


def _cell(results: dict[str, Any], name: str, store: Store, cell: Cell, *, former: str) -> str:
    result = results.get(name, {}).get(store.value)
    try:
        return former if result is None else cell(result["figures"])
    except KeyError:
        return former  # measured by an earlier version, which did not count this


def write(results: dict[str, Any]) -> None:
    """Into the page, where its marks are."""
    page = PAGE.read_text(encoding="utf-8") if PAGE.exists() else ""
    if BEGIN not in page:
        return
    before, rest = page.split(BEGIN, 1)
    former, after = rest.split(END, 1)
    PAGE.write_text(f"{before}{BEGIN}\n{table(results, former)}\n{END}{after}", encoding="utf-8")
