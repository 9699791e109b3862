"""Measures everything that has a target, and writes the table: `make bench`.

    python -m benchmarks.run [NAME …] [--quick]

Writes docs/reference/benchmarks.md and reports/bench.json. What is not measured in a run keeps the
numbers of the run before.
"""

import argparse
import asyncio
import json
import os
import sys
import time
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from benchmarks import answers, durable, growth, machine, starting

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "reference" / "benchmarks.md"
NUMBERS = ROOT / "reports" / "bench.json"


@dataclass(frozen=True)
class Measure:
    """target: in words. held: whether the figures meet it."""

    title: str
    target: str
    held: Callable[[dict[str, Any]], bool]
    measure: Callable[[bool], Awaitable[dict[str, Any]]]


async def _help(quick: bool) -> dict[str, Any]:
    return await asyncio.to_thread(starting.help_seconds, rounds=5 if quick else 15)


def _stays_small(figures: dict[str, Any]) -> bool:
    return all(times <= 1.2 for times in figures["times the smallest"].values())


def _starts(figures: dict[str, Any]) -> bool:
    full = figures["100,000 conversations"]
    in_time = full["start to ready, s"] < 3 and full["start / that"] <= 6
    return bool(in_time and full["memory, MB"] < 450)


MEASURES: dict[str, Measure] = {
    "help": Measure(
        "The command line: `answerable --help`",
        "under 0.3 s",
        lambda figures: figures["answerable --help, s"] < 0.3,
        _help,
    ),
    "answers": Measure(
        "A customer's message to the assistant's reply, 50 conversations, 25 messages/s",
        "p95 under 100 ms, memory under 450 MB",
        lambda figures: figures["p95 ms"] < 100 and figures["memory MB"] < 450,
        lambda quick: answers.answers(seconds=10 if quick else 40),
    ),
    "service": Measure(
        "Durable chat messages/s at the service, beside bare SQLite (WAL, FULL, a row a commit)",
        "ratio at least 0.3, aim 0.6",
        lambda figures: figures["ratio"] >= 0.3,
        lambda quick: durable.without_sockets(rounds=3 if quick else 7, seconds=2),
    ),
    "sockets": Measure(
        "The same over 50 WebSockets, acknowledged, and sent to an agent who follows",
        "ratio at least 0.3, aim 0.6",
        lambda figures: figures["ratio"] >= 0.3,
        lambda quick: durable.over_sockets(rounds=3 if quick else 7, seconds=2),
    ),
    "length": Measure(
        "Processor time of a message, by the length of its conversation (turns)",
        "at most 1.2 times",
        _stays_small,
        lambda quick: growth.by_length(rounds=11 if quick else 41),
    ),
    "number": Measure(
        "Processor time of a message, by the number of conversations stored, "
        "the same 500 customers writing",
        "at most 1.2 times",
        _stays_small,
        lambda quick: growth.by_number(rounds=11 if quick else 41),
    ),
    "start": Measure(
        "Start to ready, memory with the model loaded, and the console's pages (p50 / p95)",
        "with 100,000 conversations: ready under 3 s and within 6 times the import of the web "
        "framework (aim 3), under 450 MB",
        _starts,
        lambda quick: starting.start_and_pages(
            rounds=2 if quick else 5, requests=20 if quick else 100
        ),
    ),
}


async def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--quick", action="store_true", help="fewer rounds")
    given = parser.parse_args()
    unknown = set(given.names) - set(MEASURES)
    if unknown:
        parser.error(f"not measured here: {', '.join(sorted(unknown))}")
    (ROOT / "build").mkdir(exist_ok=True)
    NUMBERS.parent.mkdir(exist_ok=True)
    results: dict[str, Any] = json.loads(NUMBERS.read_text()) if NUMBERS.exists() else {}
    cores = os.sched_getaffinity(0)
    for name in given.names or MEASURES:
        began = time.monotonic()
        described = machine.describe()
        figures = await MEASURES[name].measure(given.quick)
        os.sched_setaffinity(0, cores)  # some measures keep the load on one core
        held = MEASURES[name].held(figures)
        results[name] = {"figures": figures, "held": held, "machine": described}
        seconds = time.monotonic() - began
        print(f"{name}: {'held' if held else 'MISSED'} ({seconds:.0f} s) {figures}", flush=True)
        NUMBERS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
        TABLE.write_text(table(results), encoding="utf-8")
    return 0


def table(results: dict[str, Any]) -> str:
    parts = [
        "# Benchmarks\n\nWritten by `make bench`. Each number is the median of several rounds, and"
        " stands beside its yardstick, measured in the same run and in turn with it.\n"
    ]
    for name, measure in MEASURES.items():
        if name not in results:
            continue
        result = results[name]
        about = ", ".join(f"{what} {value}" for what, value in result["machine"].items())
        verdict = "held" if result["held"] else "**missed**"
        rows = "\n".join(f"| {what} | {value} |" for what, value in _rows(result["figures"]))
        parts.append(
            f"## {measure.title}\n\nTarget: {measure.target}: {verdict}.\n\n"
            f"| what | measured |\n|---|---|\n{rows}\n\nMachine: {about}.\n"
        )
    return "\n".join(parts)


def _rows(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for what, value in figures.items():
        if isinstance(value, dict):
            rows += _rows(value, f"{prefix}{what}: ")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append((f"{prefix}{what}", shown))
    return rows


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
