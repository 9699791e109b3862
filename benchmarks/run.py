"""Measures everything that has a target, and writes the tables: `make bench`.

    python -m benchmarks.run [NAME …] [--quick] [--store sqlite|postgresql]

Writes docs/reference/benchmarks.md, the sizing table in docs/operations/sizing.md, and
reports/bench.json. What is not measured in a run keeps the numbers of the run before, also where
another checkout had measured it.
"""

import argparse
import asyncio
import json
import os
import sys
import time
import traceback
from pathlib import Path
from typing import Any

import sqlalchemy as sa

from answerable.kit.telemetry import configure_logging
from benchmarks import machine, places, sizing
from benchmarks.measure import Measure, Run, Store
from benchmarks.rows import MEASURES

ROOT = Path(__file__).resolve().parents[1]
TABLE = ROOT / "docs" / "reference" / "benchmarks.md"
NUMBERS = ROOT / "reports" / "bench.json"
HEAD = """# Benchmarks

Written by `make bench`. Each number is the median of several rounds, and stands beside its
yardstick, measured in the same run and in turn with it. Server and yardstick run on one core, the
load on the other, where a section does not say otherwise; P and G name the promise.
"""


async def main() -> int:
    parser = argparse.ArgumentParser(prog="bench", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(MEASURES))
    parser.add_argument("--quick", action="store_true", help="fewer rounds, smaller sizes")
    parser.add_argument("--store", choices=[one.value for one in Store], help="default: both")
    given = parser.parse_args()
    unknown = set(given.names) - set(MEASURES)
    if unknown:
        parser.error(f"not measured here: {', '.join(sorted(unknown))}")
    configure_logging(level="error")
    stores = [Store(given.store)] if given.store else reachable()
    NUMBERS.parent.mkdir(exist_ok=True)
    began, failed = time.monotonic(), []
    for name in given.names or MEASURES:
        for store in stores:
            if store in MEASURES[name].stores and not await measured(name, Run(store, given.quick)):
                failed.append(f"{name} on {store}")
    print(f"took {(time.monotonic() - began) / 60:.1f} minutes", flush=True)
    if failed:
        print(f"could not be measured: {', '.join(failed)}", file=sys.stderr)
    return 1 if failed else 0


def reachable() -> list[Store]:
    """Both, if a PostgreSQL server answers where databases may be made."""
    try:
        places.version()
    except sa.exc.OperationalError:
        print(f"no PostgreSQL answers ({places.SERVER} names one): SQLite only", file=sys.stderr)
        return [Store.SQLITE]
    return list(Store)


async def measured(name: str, run: Run) -> bool:
    """Measure one row on one store, and write it down. False if that could not be done."""
    began, cores = time.monotonic(), os.sched_getaffinity(0)
    described = machine.describe()
    if run.store is Store.POSTGRESQL:
        described["PostgreSQL"] = places.version()
    try:
        figures = await MEASURES[name].measure(run)
    except Exception:
        traceback.print_exc()
        return False
    finally:
        os.sched_setaffinity(0, cores)  # some measures keep the load on one core
    held, seconds = MEASURES[name].held(figures), time.monotonic() - began
    verdict = "held" if held else "MISSED"
    print(f"{name}, {run.store}: {verdict} ({seconds:.0f} s) {figures}", flush=True)
    results: dict[str, Any] = json.loads(NUMBERS.read_text()) if NUMBERS.exists() else {}
    result = {"figures": figures, "held": held, "machine": described, "quick": run.quick}
    results.setdefault(name, {})[run.store.value] = result
    NUMBERS.write_text(json.dumps(results, indent=2) + "\n", encoding="utf-8")
    TABLE.write_text(table(results), encoding="utf-8")
    sizing.write(results)
    return True


def table(results: dict[str, Any]) -> str:
    before = sections_before()
    parts = [HEAD]
    for name, measure in MEASURES.items():
        for store in measure.stores:
            if (result := results.get(name, {}).get(store.value)) is not None:
                parts.append(section(measure, store, result))
            elif (kept := before.get(heading(measure, store))) is not None:
                parts.append(kept)
    return "\n".join(parts)


def sections_before() -> dict[str, str]:
    """What the table says already, by heading."""
    text = TABLE.read_text(encoding="utf-8") if TABLE.exists() else ""
    parts = [f"## {part.strip()}\n" for part in text.split("\n## ")[1:]]
    return {part.partition("\n")[0]: part for part in parts}


def heading(measure: Measure, store: Store) -> str:
    promise = f"{measure.promise}: " if measure.promise else ""
    on = f" ({'PostgreSQL' if store is Store.POSTGRESQL else 'SQLite'})"
    return f"## {promise}{measure.title}{on}"


def section(measure: Measure, store: Store, result: dict[str, Any]) -> str:
    about = ", ".join(f"{what} {value}" for what, value in result["machine"].items())
    verdict = "held" if result["held"] else "**missed**"
    rows = "\n".join(f"| {what} | {value} |" for what, value in flat(result["figures"]))
    quick = " A quick run: few rounds, small sizes." if result["quick"] else ""
    return (
        f"{heading(measure, store)}\n\nTarget: {measure.target}: {verdict}.{quick}\n\n"
        f"| what | measured |\n|---|---|\n{rows}\n\nMachine: {about}.\n"
    )


def flat(figures: dict[str, Any], prefix: str = "") -> list[tuple[str, str]]:
    rows: list[tuple[str, str]] = []
    for what, value in figures.items():
        if isinstance(value, dict):
            rows += flat(value, f"{prefix}{what}: ")
        else:
            shown = ", ".join(map(str, value)) if isinstance(value, list) else str(value)
            rows.append((f"{prefix}{what}", shown))
    return rows


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
