"""R08, R17: connections that are cut and processes that are told to stop."""

from pathlib import Path

from tests.support.chaos import cut_off, told_to_stop
from tests.support.processes import Zygote


async def test_a_chat_that_is_cut_goes_on_without_gap_or_double(
    tmp_path: Path, zygote: Zygote
) -> None:
    told = await cut_off(tmp_path / "data", zygote, cuts=80, customers=8, seed=2, limit=200)

    assert told.wrong == []


async def test_stopping_under_load_says_goodbye_and_loses_nothing(
    tmp_path: Path, zygote: Zygote
) -> None:
    told = await told_to_stop(tmp_path / "data", zygote, customers=20, seed=3)

    assert told.wrong == []
