"""What must survive, in full size: `make chaos` writes reports/chaos.html and reports/chaos.txt.

The same scenes stand in tests/e2e in a small size. Ends with 1 if anything was lost, doubled,
reordered or stuck.
"""

import argparse
import asyncio
import html
import random
import sys
import tempfile
import traceback
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path

from benchmarks.chaos_cluster import CLUSTER_SCENES, MINUTES
from tests.support.change_chaos import killed_at_every_write
from tests.support.chaos import Told, cut_off, killed_under_load, told_to_stop
from tests.support.mail_chaos import (
    answers_lost,
    facing_each_other,
    forged_threads,
    killed_at_every_step,
)
from tests.support.outages import bank_down
from tests.support.processes import Zygote
from tests.support.waiting import waits_pending

REPORTS = Path(__file__).resolve().parents[1] / "reports"
Scene = Callable[[Path, Zygote, int], Awaitable[Told]]

SCENES: dict[str, tuple[str, Scene]] = {
    "R01": (
        "100 kills at random times while 50 customers send 20,000 messages",
        lambda folder, zygote, seed: killed_under_load(
            folder / "data", zygote, kills=100, customers=50, messages=20_000, seed=seed, limit=3000
        ),
    ),
    "R04": (
        "Killed before and after every durable step of a mail's way, three times each",
        lambda folder, zygote, _seed: killed_at_every_step(
            folder / "data", zygote, moments=["before", "after"], rounds=3, limit=3000
        ),
    ),
    "R04a": (
        "Killed before and after every durable step of a change of address, three times each",
        lambda folder, zygote, _seed: killed_at_every_write(
            folder / "data", zygote, moments=["before", "after"], rounds=3, limit=6000
        ),
    ),
    "R05": (
        "The answer lost after the effect, 500 times, with restarts between",
        lambda folder, zygote, _seed: answers_lost(folder / "data", zygote, mails=500, restarts=10),
    ),
    "R08": (
        "2,000 connections cut, also within a frame and half-open",
        lambda folder, zygote, seed: cut_off(
            folder / "data", zygote, cuts=2000, customers=20, seed=seed, limit=3000
        ),
    ),
    "R12": (
        "The bank's system hangs for ten minutes while 500 mails and 200 chat messages come",
        lambda folder, zygote, _seed: bank_down(
            folder / "data", zygote, mode="hang", seconds=600, mails=500, limit=2400
        ),
    ),
    "R12b": (
        "The same, answering 500",
        lambda folder, zygote, _seed: bank_down(
            folder / "data", zygote, mode="fail", seconds=600, mails=500, limit=2400
        ),
    ),
    "R12c": (
        "The same, answering 429 with Retry-After: 60",
        lambda folder, zygote, _seed: bank_down(
            folder / "data",
            zygote,
            mode="rate-limit",
            seconds=600,
            mails=500,
            retry_after=60,
            limit=2400,
        ),
    ),
    "R17": (
        "SIGTERM under load with 200 connections",
        lambda folder, zygote, seed: told_to_stop(
            folder / "data", zygote, customers=200, seed=seed
        ),
    ),
    "B04": (
        "Two installations facing each other",
        lambda folder, zygote, _seed: facing_each_other(folder, zygote, forgets=False, quiet=30),
    ),
    "B04b": (
        "The same, without the headers by which robots know each other",
        lambda folder, zygote, _seed: facing_each_other(folder, zygote, forgets=True, quiet=30),
    ),
    "S08": (
        "Forged From, In-Reply-To and reply tokens over SMTP",
        lambda folder, zygote, _seed: forged_threads(folder / "data", zygote),
    ),
    "waits": (
        "2,000 conversations that wait, taken up by the next start",
        lambda folder, zygote, _seed: waits_pending(folder, zygote, conversations=2000, limit=600),
    ),
    **CLUSTER_SCENES,
}


async def play(name: str, seed: int, minutes: float) -> Told:
    """One scene in a folder of its own. What it raises is what is wrong with it."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            async with Zygote() as zygote:
                scene = SCENES[name][1]
                if name in CLUSTER_SCENES:
                    scene = partial(CLUSTER_SCENES[name][1], minutes=minutes)
                return await scene(Path(scratch), zygote, seed)
        except Exception:
            told = Told(wrong=[traceback.format_exc()])
            if name in CLUSTER_SCENES:
                told.store = "PostgreSQL"
            return told


def counts(told: Told) -> dict[str, int]:
    """What must be zero."""
    return {
        "lost": told.lost,
        "doubled": told.doubled,
        "reordered": told.reordered,
        "stuck": told.stuck,
    }


def figures(told: Told) -> str:
    """Of the load, the faults and how long each of them was felt."""
    found: dict[str, float | int | str] = {"store": told.store, "messages": told.messages}
    found |= told.faults | told.figures
    if told.recovery:
        seconds = sorted(told.recovery)
        found["seconds to recover, median"] = seconds[len(seconds) // 2]
        found["at most"] = seconds[-1]
    return ", ".join(f"{what} {value}" for what, value in found.items())


def row(name: str, told: Told) -> str:
    verdict = "FAILED" if told.wrong else "held"
    zeros = ", ".join(f"{what} {value}" for what, value in counts(told).items())
    lines = [f"{name:<8} {verdict:<7} {SCENES[name][0]}: {zeros}; {figures(told)}"]
    return "\n".join(lines + [f"       {line}" for line in told.wrong[:20]])


COLUMNS = (
    "Promise",
    "What was done",
    "Verdict",
    "Lost",
    "Doubled",
    "Reordered",
    "Stuck",
    "Figures",
)
# On a phone each scene is a block, and each cell a line that says what it is.
STYLE = """
body{font:16px/1.5 system-ui;margin:2rem;max-width:75rem}
table{border-collapse:collapse;width:100%}
td,th{padding:.4rem .8rem;text-align:left;vertical-align:top}
tr{border-bottom:1px solid #ccc}
tr:has(+ .why){border:0}
.bad td:nth-child(3){color:#a00;font-weight:bold}
.good td:nth-child(3){color:#060}
pre{white-space:pre-wrap;overflow-wrap:anywhere;margin:0}
@media (max-width:50rem){
  body{margin:1rem}
  thead{display:none}
  tr,td{display:block}
  td{padding:.1rem 0}
  td[data-name]::before{content:attr(data-name) ": ";font-weight:bold;color:#000}
  tr{padding:.8rem 0}
}
"""


def page(about: str, results: dict[str, Told]) -> str:
    head = "".join(f"<th>{name}" for name in COLUMNS)
    rows = "".join(_rows(name, told) for name, told in results.items())
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Chaos</title>"
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<style>{STYLE}</style><h1>Chaos</h1><p>{html.escape(about)}"
        f"<table><thead><tr>{head}</thead><tbody>{rows}</tbody></table></html>"
    )


def _rows(name: str, told: Told) -> str:
    """A scene, and below it what was wrong, if anything was."""
    verdict = "FAILED" if told.wrong else "held"
    cells = (name, SCENES[name][0], verdict, *counts(told).values(), figures(told))
    shown = "".join(
        f'<td data-name="{column}">{html.escape(str(cell))}'
        for column, cell in zip(COLUMNS, cells, strict=True)
    )
    row = f"<tr class={'bad' if told.wrong else 'good'}>{shown}"
    if not told.wrong:
        return row
    why = html.escape("\n".join(told.wrong[:20]))
    return f"{row}<tr class=why><td colspan={len(COLUMNS)}><pre>{why}</pre>"


async def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=", ".join(SCENES))
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    parser.add_argument(
        "--minutes", type=float, default=MINUTES,
        help=f"the size of the cluster's scenes, in proportion: {MINUTES:.0f} is the full one",
    )  # fmt: skip
    given = parser.parse_args()
    about = f"seed {given.seed}"
    if given.minutes != MINUTES:
        about += f", the cluster's scenes in {given.minutes / MINUTES:.0%} of their size"
    REPORTS.mkdir(exist_ok=True)
    results: dict[str, Told] = {}
    print(about, flush=True)
    for name in given.scenes or SCENES:
        results[name] = await play(name, given.seed, given.minutes)
        print(row(name, results[name]), flush=True)
        text = "\n".join(row(one, told) for one, told in results.items())
        (REPORTS / "chaos.txt").write_text(f"{about}\n{text}\n", encoding="utf-8")
        (REPORTS / "chaos.html").write_text(page(about, results), encoding="utf-8")
    return 1 if any(told.wrong for told in results.values()) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
