"""What training showed is told by the processes that have the model, and read by all."""

from datetime import timedelta
from pathlib import Path

import pytest

from answerable.definition.schema import ServiceDefinition
from answerable.kit.errors import InvalidInput
from answerable.processes.live_versions import LiveVersions
from answerable.processes.model_reports import ModelReports
from answerable.processes.models import examples_of, languages_of
from answerable.processes.settings import Settings
from answerable.understanding.evaluation_file import EVALUATION
from answerable.understanding.examples import data_hash
from answerable.understanding.model_cache import model_folder
from answerable.understanding.report_store import read_report
from answerable.understanding.train_model import model_for
from tests.support.town import TENANT, Town, shop_definition

pytestmark = pytest.mark.parametrize("server", [False, True], ids=["file", "server"])


def trained(data: Path, definition: ServiceDefinition) -> Path:
    """Its own model is there, as after the first start; returns the model's folder."""
    examples, place = examples_of(definition), data / "models" / definition.tenant
    model_for(data_hash(examples), examples, place, languages=languages_of(definition))
    return model_folder(place, data_hash(examples))


@pytest.fixture
def reports(town: Town, data: Path) -> ModelReports:
    settings = Settings(values={"DATA": str(data)})
    database = town.service.database
    live = LiveVersions(settings, database, town.clock)
    return ModelReports(settings, database, town.service.definitions, live, town.clock)


async def shown(town: Town) -> tuple[str, set[str]] | None:
    found = await town.service.database.read(lambda tx: read_report(tx, TENANT), tenant=TENANT)
    return None if found is None else (found[0], {one["name"] for one in found[1]["intents"]})


async def test_the_live_models_report_is_there_for_all(
    town: Town, reports: ModelReports, data: Path
) -> None:
    definition = shop_definition()
    await reports.tell(definition)
    assert await shown(town) is None  # nothing is trained yet

    trained(data, definition)
    await reports.tell(definition)

    told = await shown(town)
    assert told is not None
    assert told[0].startswith("m")
    assert told[1] == set(definition.intents)


async def test_another_definition_in_force_brings_its_models_report(
    town: Town, reports: ModelReports, data: Path
) -> None:
    trained(data, shop_definition())
    await reports.tell(shop_definition())
    before = await shown(town)
    fewer = shop_definition()
    fewer = fewer.model_copy(
        update={
            "hash": "0" * 64,
            "intents": {name: one for name, one in fewer.intents.items() if name != "later"},
        }
    )
    trained(data, fewer)
    town.clock.advance(timedelta(seconds=10))

    await reports.tell(fewer)

    after = await shown(town)
    assert before is not None
    assert after is not None
    assert before[1] - after[1] == {"later"}


async def test_it_names_what_the_definition_taught_when_the_model_was_trained(
    town: Town, reports: ModelReports, data: Path
) -> None:
    definition = shop_definition()
    trained(data, definition)

    await reports.tell(definition)

    found = await town.service.database.read(lambda tx: read_report(tx, TENANT), tenant=TENANT)
    assert found is not None
    assert found[1]["definition"] == data_hash(examples_of(definition))


async def test_a_damaged_evaluation_is_said_and_shows_nothing(
    town: Town, reports: ModelReports, data: Path
) -> None:
    (trained(data, shop_definition()) / EVALUATION).write_text("{}")

    with pytest.raises(InvalidInput, match="train again"):
        await reports.tell(shop_definition())

    assert await shown(town) is None


async def test_the_next_start_finds_the_report_and_writes_nothing(
    town: Town, reports: ModelReports, data: Path
) -> None:
    folder = trained(data, shop_definition())
    await reports.tell(shop_definition())
    before = await shown(town)
    (folder / EVALUATION).write_text("{}")  # so that reading it again would be refused
    settings, database = Settings(values={"DATA": str(data)}), town.service.database
    live = LiveVersions(settings, database, town.clock)

    next_life = ModelReports(settings, database, town.service.definitions, live, town.clock)
    await next_life.tell(shop_definition())

    assert await shown(town) == before
