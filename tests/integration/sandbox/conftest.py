"""The sandbox on real, free ports."""

from collections.abc import AsyncIterator

import httpx
import pytest

from answerable.kit.testing import SettableClock
from answerable_sandbox.runner import Sandbox
from answerable_sandbox.world import build_world


@pytest.fixture
def clock() -> SettableClock:
    return SettableClock()


@pytest.fixture
async def sandbox(clock: SettableClock) -> AsyncIterator[Sandbox]:
    async with Sandbox(build_world(clock=clock.now)) as running:
        yield running


@pytest.fixture
async def http(sandbox: Sandbox) -> AsyncIterator[httpx.AsyncClient]:
    """Speaks to the sandbox with the core system's key."""
    headers = {"X-Api-Key": "sandbox"}
    async with httpx.AsyncClient(base_url=sandbox.url, headers=headers, timeout=5) as client:
        yield client
