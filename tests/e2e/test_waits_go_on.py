"""Waits are rows: a start takes them all up, as many as there are."""

from pathlib import Path

from tests.support.processes import Zygote
from tests.support.waiting import waits_pending


async def test_two_thousand_waits_go_on_after_a_restart(tmp_path: Path, zygote: Zygote) -> None:
    told = await waits_pending(tmp_path, zygote, conversations=2000, limit=200)

    assert told.wrong == []
