"""`answerable evaluate SERVICE --model M --examples F`: how good a model is."""

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from answerable.cli.options import out, parser, service_file
from answerable.playbooks.library import installed_actions
from answerable.processes.wiring import load_services
from answerable.understanding.model import Model
from answerable.understanding.service import evaluate_file


def run(arguments: Sequence[str]) -> int:
    options = parser("evaluate", "Measures a model on labelled examples it has not learnt.")
    options.add_argument("service", metavar="SERVICE", help="a definition, or - for none")
    options.add_argument("--model", metavar="M", type=Path, required=True)
    options.add_argument("--examples", metavar="F", type=Path, required=True)
    options.add_argument("--precision", metavar="P", type=float)
    options.add_argument("--json", action="store_true")
    given = options.parse_args(arguments)
    service = service_file(given.service)
    if service is not None:
        load_services([service], installed_actions())
    figures = evaluate_file(Model.load(given.model), given.examples, given.precision)
    if given.json:
        out(figures)
    else:
        sys.stdout.write("".join(f"{name:<28} {_shown(v)}\n" for name, v in figures.items()))
    return 0


def _shown(value: Any) -> str:
    if isinstance(value, float):
        return f"{value:.4f}"
    return str(value) if not isinstance(value, list | dict) else f"({len(value)} entries)"
