"""`answerable test SERVICE SCENARIOS…`: conversations as tests."""

import asyncio
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

from answerable.cli.options import add_data, out, parser, say, settings
from answerable.processes.scenarios import Result, read_scenarios, run_scenarios
from answerable.processes.settings import Settings


def run(arguments: Sequence[str]) -> int:
    options = parser("test", "Plays conversations written in YAML; nothing real is touched.")
    options.add_argument("service", metavar="SERVICE", type=Path)
    options.add_argument("scenarios", metavar="SCENARIOS", nargs="+", type=Path)
    options.add_argument("--only", metavar="TEXT", help="scenarios whose name contains it")
    options.add_argument("--json", action="store_true")
    add_data(options)
    given = options.parse_args(arguments)
    scenarios = [s for path in given.scenarios for s in read_scenarios(path)]
    if given.only:
        scenarios = [s for s in scenarios if given.only.lower() in s.name.lower()]
    if not scenarios:
        say("no scenario to play")
        return 2
    read = settings(given.data, LOG_LEVEL="error")
    with tempfile.TemporaryDirectory() as stage:
        # Trained models are kept where data lives; everything else of a scenario is forgotten.
        models = str(read.models) if read.data.exists() else f"{stage}/models"
        passing = Settings(values={"DATA": stage, "MODELS": models})
        results = asyncio.run(run_scenarios(given.service, scenarios, passing))
    for result in results:
        _show(result, as_json=given.json)
    failed = sum(1 for result in results if result.differences)
    say(f"{len(results) - failed} passed, {failed} failed")
    return 1 if failed else 0


def _show(result: Result, *, as_json: bool) -> None:
    if as_json:
        out({"scenario": result.scenario.name, "differences": list(result.differences)})
        return
    sys.stdout.write(f"{'FAIL' if result.differences else 'ok  '}  {result.scenario.name}\n")
    for difference in result.differences:
        sys.stdout.write(f"      {difference}\n")
