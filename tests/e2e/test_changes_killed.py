"""R04: a change of address is applied exactly once, wherever the process ends.

The same scene in full size, also before each commit and three times: `make chaos`.
"""

from pathlib import Path

from tests.support.change_chaos import (
    CRM_STEPS,
    DESK_STEPS,
    PAGE_STEPS,
    killed_at_every_write,
)
from tests.support.processes import Zygote
from tests.support.stores import postgres_url


async def test_a_change_is_applied_once_wherever_the_process_dies(
    tmp_path: Path, zygote: Zygote
) -> None:
    """The mail's own steps: see test_mail_killed.py."""
    told = await killed_at_every_write(
        tmp_path / "data", zygote, steps=[*PAGE_STEPS, *DESK_STEPS, *CRM_STEPS[4:]],
        moments=["after"], rounds=1, limit=300,
    )  # fmt: skip

    assert told.wrong == []


async def test_a_change_is_applied_once_on_a_server_too(tmp_path: Path, zygote: Zygote) -> None:
    """Where the store is not the process's own: the claimed code, the accepted one, the consent."""
    told = await killed_at_every_write(
        tmp_path / "data", zygote, steps=[PAGE_STEPS[3], PAGE_STEPS[5], DESK_STEPS[2]],
        moments=["after"], rounds=1, limit=200, url=postgres_url(tmp_path / "bank.db"),
    )  # fmt: skip

    assert told.wrong == []
