"""Customers who change their address at the same time: each change is applied once.

A thousand of them: `python -m benchmarks.run changes`.
"""

from pathlib import Path

import pytest

from tests.support.many_changes import many_change
from tests.support.processes import Zygote
from tests.support.stores import postgres_url


@pytest.mark.parametrize("store", ["sqlite", "postgresql"])
async def test_changes_at_the_same_time_are_each_applied_once(
    tmp_path: Path, zygote: Zygote, store: str
) -> None:
    url = postgres_url(tmp_path / "bank.db") if store == "postgresql" else None

    told = await many_change(tmp_path / "data", zygote, flows=20, limit=240, url=url)

    assert told.wrong == []
    assert (told.lost, told.doubled, told.stuck) == (0, 0, 0)
