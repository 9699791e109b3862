"""Which model understands for a definition: trained from its examples when first needed."""

from collections.abc import Callable
from concurrent.futures import ProcessPoolExecutor
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path

from answerable.definition.schema import ServiceDefinition
from answerable.kit.errors import InvalidInput
from answerable.kit.telemetry import get_logger
from answerable.processes.settings import Settings
from answerable.understanding.definition_examples import definition_examples
from answerable.understanding.examples import Example, data_hash
from answerable.understanding.model import Model
from answerable.understanding.model_cache import find_model, is_stored

log = get_logger("processes")


def languages_of(definition: ServiceDefinition) -> list[str]:
    """The languages a definition speaks: its own, its teams' and its templates'."""
    found = {definition.language.split("-")[0]: None}
    for team in definition.teams.values():
        found.update(dict.fromkeys(tag.split("-")[0] for tag in team.languages))
    for texts in definition.templates.values():
        found.update(dict.fromkeys(tag.split("-")[0] for tag in texts))
    return list(found)


def examples_of(definition: ServiceDefinition) -> list[Example]:
    """What a definition teaches: its intents' examples, and what is none of them."""
    outside = [Example(text=text, intents=()) for text in definition.out_of_scope]
    return [*definition_examples(definition.intents), *outside]


def has_model(settings: Settings, definition: ServiceDefinition) -> bool:
    """Whether its model is stored, and need not be trained."""
    examples = examples_of(definition)
    place = settings.models / definition.tenant
    return is_stored(data_hash(examples), examples, place, languages=languages_of(definition))


def model_of(settings: Settings) -> Callable[[ServiceDefinition], Model]:
    """A function from a definition to its model, kept under the settings' directory."""

    def load(definition: ServiceDefinition) -> Model:
        place = settings.models / definition.tenant
        examples, languages = examples_of(definition), languages_of(definition)
        # By what it learnt, not by the whole definition: another template needs no new model.
        name = data_hash(examples)
        model = find_model(name, examples, place, languages=languages)
        if model is None:
            _train(name, examples, place, languages)
            model = find_model(name, examples, place, languages=languages)
        if model is None:
            raise InvalidInput(
                "model_not_stored", f"the model of {definition.tenant} cannot be kept in {place}"
            )
        log.info("model_ready", tenant=definition.tenant, model=model.name)
        return model

    return load


def _train(name: str, examples: list[Example], place: Path, languages: list[str]) -> None:
    """Train in a process of its own: its memory goes with it, and nobody waits for its core."""
    log.info("model_training", examples=len(examples))
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as child:
        child.submit(_train_here, name, examples, place, languages).result()


def _train_here(name: str, examples: list[Example], place: Path, languages: list[str]) -> None:
    # SciPy, which only training needs, is imported in the child alone.
    train_model = import_module("answerable.understanding.train_model")
    train_model.model_for(name, examples, place, languages=languages)
