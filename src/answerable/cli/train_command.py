"""`answerable train SERVICE --examples F --out M`: a model from labelled examples."""

from argparse import ArgumentParser
from collections.abc import Sequence
from pathlib import Path

from answerable.cli.options import out, parser, say, service_file, settings
from answerable.kit.errors import InvalidInput
from answerable.playbooks.library import installed_actions
from answerable.processes.encoders import encoder_of
from answerable.processes.models import examples_of, languages_of, precision_of
from answerable.processes.wiring import load_services
from answerable.understanding.encoder import load_encoder
from answerable.understanding.examples import Example, read_examples
from answerable.understanding.ports import Encoder
from answerable.understanding.recipe import PRECISION
from answerable.understanding.train_model import train_files


def _options() -> ArgumentParser:
    options = parser("train", 'Trains on JSON lines {"text","intents":[…]}; [] is out of scope.')
    options.add_argument("service", metavar="SERVICE", help="a definition, or - for none")
    options.add_argument("--examples", metavar="F", type=Path, required=True, action="append")
    options.add_argument("--out", metavar="M", type=Path, required=True)
    options.add_argument("--precision", metavar="P", type=float)
    options.add_argument(
        "--tune-encoder",
        metavar="E",
        type=Path,
        help="tune the encoder first, into this directory, and train the model on it",
    )
    options.add_argument("--json", action="store_true", help="the model's manifest, with metrics")
    return options


def run(arguments: Sequence[str]) -> int:
    given = _options().parse_args(arguments)
    service = service_file(given.service)
    examples: list[Example] = []
    languages: list[str] = []
    asked = PRECISION
    if service is not None:
        ((_, definition),) = load_services([service], installed_actions())
        examples = examples_of(definition)
        languages, asked = languages_of(definition), precision_of(definition)
    encoder = encoder_of(settings(None))
    if given.tune_encoder is not None:
        rows = [*examples, *(row for file in given.examples for row in read_examples(file))]
        encoder = _tuned(rows, given.tune_encoder)
    manifest = train_files(
        given.examples,
        given.out,
        examples=examples,
        languages=languages,
        precision=asked if given.precision is None else given.precision,
        encoder=encoder,
    )
    if given.json:
        out(manifest)
    say(f"trained {manifest['name']} into {given.out}")
    if given.tune_encoder is not None:
        metrics = manifest["metrics"]
        share = f"{100 * metrics.get('coverage', 0):.1f} %"
        say(f"automatic: {share} of {metrics['messages']} messages that the encoder has not learnt")
    return 0


def _tuned(examples: Sequence[Example], out: Path) -> Encoder:
    try:
        from answerable.understanding.dictionary import load_dictionary
        from answerable.understanding.torch_encoder import TorchEncoder
        from answerable.understanding.tune_encoder import published_weights, tune_encoder
    except ModuleNotFoundError as error:
        if error.name not in ("torch", "onnx"):
            raise
        raise InvalidInput(
            "tuning_not_installed",
            f"tuning an encoder needs {error.name}: pip install answerable[tune]",
        ) from error
    published = published_weights()

    def start() -> TorchEncoder:
        return TorchEncoder(published, as_read=load_dictionary().in_english)

    tuned = tune_encoder(examples, out, published=published, start=start, say=say)
    say(f"wrote the encoder {tuned.name} into {out}: set ANSWERABLE_ENCODER={out}")
    return load_encoder(out)
