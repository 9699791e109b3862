"""Which model understands for a definition: trained from its examples when first needed."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from typing import TypedDict

from answerable.definition.schema import ServiceDefinition
from answerable.kit.canonical import sha256_hex
from answerable.kit.errors import InvalidInput
from answerable.kit.telemetry import get_logger
from answerable.processes.encoders import encoder_of
from answerable.processes.settings import Settings
from answerable.understanding.definition_examples import all_examples
from answerable.understanding.examples import Example, data_hash
from answerable.understanding.model import Model
from answerable.understanding.model_cache import find_model, is_stored, model_folder
from answerable.understanding.recipe import PRECISION

log = get_logger("processes")


def languages_of(definition: ServiceDefinition) -> list[str]:
    """The languages a definition speaks: its own, its teams' and its templates'."""
    found = {definition.language.split("-")[0]: None}
    for team in definition.teams.values():
        found.update(dict.fromkeys(tag.split("-")[0] for tag in team.languages))
    for texts in definition.templates.values():
        found.update(dict.fromkeys(tag.split("-")[0] for tag in texts))
    return list(found)


def precision_of(definition: ServiceDefinition) -> float:
    """Of automatic answers, as the definition asks for it."""
    return definition.thresholds.precision or PRECISION


def examples_of(definition: ServiceDefinition) -> list[Example]:
    """What a definition teaches: its intents' examples, and what is none of them."""
    return all_examples(definition.intents, definition.out_of_scope)


class _Wanted(TypedDict):
    """What `model_cache` is asked for: the model that a definition teaches."""

    name: str
    examples: list[Example]
    cache: Path
    languages: list[str]
    precision: float


def _wanted(settings: Settings, definition: ServiceDefinition) -> _Wanted:
    examples = examples_of(definition)
    return _Wanted(
        name=_name(settings, examples),
        examples=examples,
        cache=settings.models / definition.tenant,
        languages=languages_of(definition),
        precision=precision_of(definition),
    )


def has_model(settings: Settings, definition: ServiceDefinition) -> bool:
    """Whether its model is stored, and need not be trained."""
    return is_stored(**_wanted(settings, definition))


def model_of(settings: Settings) -> Callable[[ServiceDefinition], Model]:
    """A function from a definition to its model, kept under the settings' directory."""

    def load(definition: ServiceDefinition) -> Model:
        model = stored_model(settings, definition)
        if model is None:
            _train(settings, _wanted(settings, definition))
            model = stored_model(settings, definition)
        if model is None:
            place = settings.models / definition.tenant
            raise InvalidInput(
                "model_not_stored", f"the model of {definition.tenant} cannot be kept in {place}"
            )
        log.info("model_ready", tenant=definition.tenant, model=model.name)
        return model

    return load


def _name(settings: Settings, examples: list[Example]) -> str:
    """By what it learnt, not by the whole definition: another template needs no new model."""
    other = [settings.values[one] for one in ("ENCODER", "ENCODER_MODEL") if settings.get(one)]
    name = data_hash(examples)
    return sha256_hex(" ".join([name, *other]).encode()) if other else name


def own_model_folder(settings: Settings, definition: ServiceDefinition) -> Path:
    """Where the model of the definition itself is kept, if it is there already."""
    wanted = _wanted(settings, definition)
    return model_folder(wanted["cache"], wanted["name"])


def stored_model(settings: Settings, definition: ServiceDefinition) -> Model | None:
    """The definition's own model; None if it must be trained."""
    return find_model(**_wanted(settings, definition), encoder=encoder_of(settings))


def _train(settings: Settings, wanted: _Wanted) -> None:
    """Train in a process of its own: its memory goes with it, and nobody waits for its core."""
    log.info("model_training", examples=len(wanted["examples"]))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        child.submit(_train_here, settings, wanted).result()


def _train_here(settings: Settings, wanted: _Wanted) -> None:
    # SciPy, which only training needs, is imported in the child alone.
    train_model = import_module("answerable.understanding.train_model")
    train_model.model_for(**wanted, encoder=encoder_of(settings))
