from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.town import Town, open_town


@pytest.fixture
async def town(tmp_path: Path) -> AsyncIterator[Town]:
    town = open_town(tmp_path / "town.db")
    yield town
    await town.service.database.close()
