"""`answerable understand SERVICE`: what texts mean."""

import tempfile
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from answerable.cli.options import (
    add_data,
    input_lines,
    out,
    parser,
    read_lines_with,
    service_file,
    settings,
)
from answerable.kit.errors import InvalidInput
from answerable.playbooks.library import installed_actions
from answerable.processes.encoders import encoder_of
from answerable.processes.models import model_of
from answerable.processes.settings import Settings
from answerable.processes.wiring import load_services
from answerable.understanding.model import IN_SCOPE, Model
from answerable.understanding.service import understand_lines


def run(arguments: Sequence[str]) -> int:
    options = parser("understand", 'Reads JSON lines {"id","text"} and says what the texts mean.')
    options.add_argument("service", metavar="SERVICE", help="a definition, or - for none")
    options.add_argument("--model", metavar="M", type=Path, help="a directory made by `train`")
    options.add_argument(
        "--precision", metavar="P", type=float, help="share of automatic answers to be right, 0..1"
    )
    add_data(options)
    given = read_lines_with(options, arguments)
    read = settings(given.data)
    model, scope = _model(read, service_file(given.service), given.model)
    for line in understand_lines(model, input_lines(), given.precision, scope=scope):
        out(line)
    return 0


def _model(read: Settings, service: Path | None, folder: Path | None) -> tuple[Model, float]:
    scope = IN_SCOPE
    definition = None
    if service is not None:
        ((_, definition),) = load_services([service], installed_actions())
        scope = definition.thresholds.scope
    if folder is not None:
        return Model.load(folder, encoder_of(read)), scope
    if definition is None:
        raise InvalidInput("no_model", "without a definition, name a model: --model DIR")
    if read.data.exists():
        return model_of(read)(definition), scope
    with tempfile.TemporaryDirectory() as passing:  # nothing is left behind where no data lives
        return model_of(replace(read, values={**read.values, "DATA": passing}))(definition), scope
