"""R04, R05: a mail is answered exactly once, wherever the process ends and whatever is lost."""

from pathlib import Path

from tests.support.mail_chaos import answers_lost, killed_at_every_step
from tests.support.processes import Zygote


async def test_a_mail_is_answered_once_wherever_the_process_dies(
    tmp_path: Path, zygote: Zygote
) -> None:
    told = await killed_at_every_step(
        tmp_path / "data", zygote, moments=["after"], rounds=1, limit=300
    )

    assert told.wrong == []


async def test_an_answer_that_was_lost_is_no_second_answer(tmp_path: Path, zygote: Zygote) -> None:
    told = await answers_lost(tmp_path / "data", zygote, mails=4, restarts=1)

    assert told.wrong == []
