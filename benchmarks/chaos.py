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
from pathlib import Path

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
}


async def play(name: str, seed: int) -> Told:
    """One scene in a folder of its own. What it raises is what is wrong with it."""
    with tempfile.TemporaryDirectory() as scratch:
        try:
            async with Zygote() as zygote:
                return await SCENES[name][1](Path(scratch), zygote, seed)
        except Exception:
            return Told(wrong=[traceback.format_exc()])


def row(name: str, told: Told) -> str:
    verdict = "FAILED" if told.wrong else "held"
    figures = ", ".join(f"{what} {value}" for what, value in told.figures.items())
    lines = [f"{name:<6} {verdict:<7} {SCENES[name][0]}: {figures}"]
    return "\n".join(lines + [f"       {line}" for line in told.wrong[:20]])


def page(seed: int, results: dict[str, Told]) -> str:
    rows = "".join(
        f"<tr class={'bad' if told.wrong else 'good'}><td>{name}<td>{html.escape(SCENES[name][0])}"
        f"<td>{'FAILED' if told.wrong else 'held'}"
        f"<td>{html.escape(', '.join(f'{k}: {v}' for k, v in told.figures.items()))}"
        f"<td><pre>{html.escape(chr(10).join(told.wrong[:20]))}</pre>"
        for name, told in results.items()
    )
    return (
        "<!doctype html><html lang=en><meta charset=utf-8><title>Chaos</title>"
        "<style>body{font:16px/1.5 system-ui;margin:2rem;max-width:75rem}table{border-collapse:"
        "collapse}td,th{padding:.4rem .8rem;text-align:left;vertical-align:top;border-bottom:1px "
        "solid #ccc}.bad td:nth-child(3){color:#a00;font-weight:bold}.good td:nth-child(3){color:"
        f"#060}}pre{{white-space:pre-wrap;margin:0}}</style><h1>Chaos</h1><p>Seed {seed}.<table>"
        "<tr><th>Promise<th>What was done<th>Verdict<th>Figures<th>What was wrong"
        f"{rows}</table></html>"
    )


async def main() -> int:
    parser = argparse.ArgumentParser(prog="chaos", description=(__doc__ or "").split("\n\n")[0])
    parser.add_argument("scenes", nargs="*", metavar="SCENE", help=", ".join(SCENES))
    parser.add_argument("--seed", type=int, default=random.randrange(2**31))
    given = parser.parse_args()
    REPORTS.mkdir(exist_ok=True)
    results: dict[str, Told] = {}
    print(f"seed {given.seed}", flush=True)
    for name in given.scenes or SCENES:
        results[name] = await play(name, given.seed)
        print(row(name, results[name]), flush=True)
        text = "\n".join(row(one, told) for one, told in results.items())
        (REPORTS / "chaos.txt").write_text(f"seed {given.seed}\n{text}\n", encoding="utf-8")
        (REPORTS / "chaos.html").write_text(page(given.seed, results), encoding="utf-8")
    return 1 if any(told.wrong for told in results.values()) else 0


if __name__ == "__main__":
    sys.exit(asyncio.run(main()))
