"""`answerable evaluate SERVICE --model M --examples F`: how good a model is."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from answerable.cli.options import out, parser, say, service_file, settings
from answerable.cli.report_output import moment, show_report, write_page
from answerable.kit.clock import SystemClock
from answerable.playbooks.library import installed_actions
from answerable.processes.encoders import encoder_of
from answerable.processes.wiring import load_services
from answerable.understanding.evaluate import Evaluation
from answerable.understanding.evaluation_file import evaluation_if_any
from answerable.understanding.model import Model
from answerable.understanding.report_page import ReportAbout, manifest_facts, report_page
from answerable.understanding.service import evaluate_file


def run(arguments: Sequence[str]) -> int:
    options = parser("evaluate", "Measures a model on labelled examples it has not learnt.")
    options.add_argument("service", metavar="SERVICE", help="a definition, or - for none")
    options.add_argument("--model", metavar="M", type=Path, required=True)
    options.add_argument("--examples", metavar="F", type=Path, required=True)
    options.add_argument("--precision", metavar="P", type=float)
    options.add_argument("--json", action="store_true")
    options.add_argument(
        "--html", metavar="FILE", type=Path, help="write a page with charts and tables there too"
    )
    given = options.parse_args(arguments)
    service = service_file(given.service)
    if service is not None:
        load_services([service], installed_actions())
    model = Model.load(given.model, encoder_of(settings(None)))
    stored = evaluation_if_any(given.model)
    done = evaluate_file(
        model, given.examples, given.precision, stored.outcomes if stored else None
    )
    if given.html is not None:
        write_page(given.html, _page(model, given.examples, done))
        say(f"wrote {given.html}")
    if given.json:
        out(done.to_data())
        return 0
    figures = done.to_data()
    sys.stdout.write("".join(f"{name:<28} {_shown(v)}\n" for name, v in figures.items()))
    sys.stdout.write("\n")
    show_report(done.report)
    return 0


def _page(model: Model, examples: Path, done: Evaluation) -> str:
    about = ReportAbout(
        title=f"How good is {model.name}?",
        measured=f"Measured on the {done.examples:,} labelled messages of {examples.name}.",
        facts=[*manifest_facts(model.manifest), ("Measured", moment(SystemClock()))],
    )
    return report_page(about, done.report)


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return str(value) if not isinstance(value, list | dict) else f"({len(value)} entries)"
