"""R12: the bank's own system is down; mails wait for it and chats do not."""

from pathlib import Path

import pytest

from answerable_sandbox.faults import Mode
from tests.support.outages import bank_down
from tests.support.processes import Zygote


@pytest.mark.parametrize(
    ("mode", "retry_after"), [("hang", None), ("fail", None), ("rate-limit", 4.0)]
)
async def test_mails_wait_for_the_bank_and_are_answered(
    tmp_path: Path, zygote: Zygote, mode: Mode, retry_after: float | None
) -> None:
    told = await bank_down(
        tmp_path / "data", zygote, mode=mode, seconds=9, mails=5, retry_after=retry_after, limit=240
    )

    assert told.wrong == []
