from collections.abc import AsyncIterator, Iterator

import pytest
from playwright.sync_api import Browser

from tests.support.browser import DemoBank, Windows, open_bank, open_chromium
from tests.support.processes import Zygote


@pytest.fixture
async def zygote() -> AsyncIterator[Zygote]:
    async with Zygote() as one:
        yield one


# Once per module: while Playwright lives its event loop runs, and no other test's may.
@pytest.fixture(scope="module")
def chromium() -> Iterator[Browser]:
    with open_chromium() as browser:
        yield browser


@pytest.fixture(scope="module")
def bank(chromium: Browser, tmp_path_factory: pytest.TempPathFactory) -> Iterator[DemoBank]:
    with open_bank(tmp_path_factory.mktemp("bank")) as running:
        yield running


@pytest.fixture
def windows(bank: DemoBank, chromium: Browser) -> Iterator[Windows]:
    """Windows of this test; at its end nothing may have gone wrong in any of them."""
    windows = Windows(bank, chromium)
    yield windows
    windows.close()
    assert windows.wrong == []
