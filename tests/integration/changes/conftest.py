from collections.abc import AsyncIterator
from pathlib import Path

import pytest

from tests.support.bank import Bank, open_bank


@pytest.fixture
async def bank(tmp_path: Path) -> AsyncIterator[Bank]:
    async with open_bank(tmp_path / "bank.db") as bank:
        yield bank
