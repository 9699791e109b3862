"""A house over ASGI, without a network."""

from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from answerable.api.context import ApiSettings
from tests.support.service import SECRET, House, open_house


@pytest.fixture
async def house(tmp_path: Path) -> AsyncIterator[House]:
    settings = ApiSettings(
        secrets={"SHOP_SECRET": SECRET}, metrics_token="metrics", session_check_seconds=0.2
    )
    house = await open_house(tmp_path / "house.db", settings=settings)
    yield house
    await house.close()
