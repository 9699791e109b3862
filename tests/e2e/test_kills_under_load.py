"""R01: the process is killed again and again, and no customer loses a word."""

from pathlib import Path

from tests.support.chaos import killed_under_load
from tests.support.processes import Zygote


async def test_nothing_acknowledged_is_lost_or_doubled_by_kills(
    tmp_path: Path, zygote: Zygote
) -> None:
    told = await killed_under_load(
        tmp_path / "data", zygote, kills=6, customers=10, messages=600, seed=1, limit=240
    )

    assert told.wrong == []
