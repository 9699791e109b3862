from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
import structlog

from answerable.kit.testing import SettableClock
from answerable.processes.schema import upgrade
from tests.support.town import DEFINITION, Town, open_town, shop_definition


@pytest.fixture(autouse=True)
def own_logging() -> Iterator[None]:
    """Commands set logging up for their process; the next test has another standard error."""
    yield
    structlog.reset_defaults()


@pytest.fixture
def data(tmp_path: Path) -> Path:
    """A data directory with an empty database of this version."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    upgrade(folder / "answerable.db")
    return folder


@pytest.fixture
def service_file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_bytes(DEFINITION)
    return path


@pytest.fixture
async def town(data: Path) -> AsyncIterator[Town]:
    town = open_town(data / "answerable.db")
    activate = partial(
        town.service.definitions.activate,
        definition=shop_definition(),
        name="shop.yaml",
        source=DEFINITION,
        at=town.clock.now(),
    )
    await town.service.database.write(activate)
    yield town
    await town.service.database.close()


@pytest.fixture
def town_clock() -> SettableClock:
    return SettableClock()
