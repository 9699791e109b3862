from collections.abc import AsyncIterator
from functools import partial
from pathlib import Path

import pytest

from answerable.kit.testing import SettableClock
from answerable.processes.schema import upgrade
from tests.support.town import DEFINITION, Town, open_town, shop_definition


@pytest.fixture
def server() -> bool:
    """Whether the data is on a PostgreSQL server; a module may ask for both."""
    return False


@pytest.fixture
def data(tmp_path: Path, server: bool) -> Path:
    """A data directory, with an empty database of this version if there is no server."""
    folder = tmp_path / "data"
    folder.mkdir(mode=0o700)
    if not server:
        upgrade(folder / "answerable.db")
    return folder


@pytest.fixture
def service_file(tmp_path: Path) -> Path:
    path = tmp_path / "shop.yaml"
    path.write_bytes(DEFINITION)
    return path


@pytest.fixture
async def town(data: Path, server: bool) -> AsyncIterator[Town]:
    town = open_town(data / "answerable.db", postgres=server)
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
