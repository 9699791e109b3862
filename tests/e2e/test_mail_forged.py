"""B04, S08: robots like ourselves, and strangers who pretend to be a customer."""

from pathlib import Path

import pytest

from tests.support.mail_chaos import facing_each_other, forged_threads
from tests.support.processes import Zygote


@pytest.mark.parametrize("forgets", [False, True], ids=["as sent", "without the robots' headers"])
async def test_two_installations_that_face_each_other_fall_silent(
    tmp_path: Path, zygote: Zygote, forgets: bool
) -> None:
    told = await facing_each_other(tmp_path, zygote, forgets=forgets, quiet=6)

    assert told.wrong == []


async def test_a_forged_mail_never_joins_anothers_conversation(
    tmp_path: Path, zygote: Zygote
) -> None:
    told = await forged_threads(tmp_path / "data", zygote)

    assert told.wrong == []
