"""Which model understands for a definition: trained from its examples when first needed."""

from collections.abc import Callable

from answerable.definition.schema import ServiceDefinition
from answerable.kit.telemetry import get_logger
from answerable.processes.settings import Settings
from answerable.understanding.definition_examples import definition_examples
from answerable.understanding.examples import Example
from answerable.understanding.model import Model
from answerable.understanding.train_model import model_for

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


def model_of(settings: Settings) -> Callable[[ServiceDefinition], Model]:
    """A function from a definition to its model, kept under the settings' directory."""

    def load(definition: ServiceDefinition) -> Model:
        model = model_for(
            definition.hash,
            examples_of(definition),
            settings.models / definition.tenant,
            languages=languages_of(definition),
        )
        log.info("model_ready", tenant=definition.tenant, model=model.name)
        return model

    return load
