"""`answerable train SERVICE --examples F --out M`: a model from labelled examples."""

from collections.abc import Sequence
from pathlib import Path

from answerable.cli.options import out, parser, say, service_file, settings
from answerable.playbooks.library import installed_actions
from answerable.processes.encoders import encoder_of
from answerable.processes.models import examples_of, languages_of
from answerable.processes.wiring import load_services
from answerable.understanding.examples import Example
from answerable.understanding.recipe import PRECISION
from answerable.understanding.train_model import train_files


def run(arguments: Sequence[str]) -> int:
    options = parser("train", 'Trains on JSON lines {"text","intents":[…]}; [] is out of scope.')
    options.add_argument("service", metavar="SERVICE", help="a definition, or - for none")
    options.add_argument("--examples", metavar="F", type=Path, required=True, action="append")
    options.add_argument("--out", metavar="M", type=Path, required=True)
    options.add_argument("--precision", metavar="P", type=float, default=PRECISION)
    options.add_argument("--json", action="store_true", help="the model's manifest, with metrics")
    given = options.parse_args(arguments)
    service = service_file(given.service)
    examples: list[Example] = []
    languages: list[str] = []
    if service is not None:
        ((_, definition),) = load_services([service], installed_actions())
        examples = examples_of(definition)
        languages = languages_of(definition)
    manifest = train_files(
        given.examples,
        given.out,
        examples=examples,
        languages=languages,
        precision=given.precision,
        encoder=encoder_of(settings(None)),
    )
    if given.json:
        out(manifest)
    say(f"trained {manifest['name']} into {given.out}")
    return 0
