from collections.abc import AsyncIterator

import pytest

from tests.support.processes import Zygote


@pytest.fixture
async def zygote() -> AsyncIterator[Zygote]:
    async with Zygote() as one:
        yield one
