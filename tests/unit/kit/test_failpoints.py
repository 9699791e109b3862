"""A failpoint ends the process at the commit it names, and nowhere else."""

from pathlib import Path

import pytest
import sqlalchemy as sa

from answerable.kit.errors import InvalidInput
from answerable.kit.failpoints import EXIT_CODE, Failpoint, Moment
from answerable.kit.sqlite import SqliteDatabase


def deadly(moment: Moment, unit: str, count: int, died: list[int]) -> Failpoint:
    return Failpoint(f"{moment}:{unit}:{count}", end=died.append)


def make(tx: sa.Connection) -> None:
    tx.execute(sa.text("CREATE TABLE IF NOT EXISTS told (word TEXT)"))


def tell(tx: sa.Connection) -> None:
    tx.execute(sa.text("INSERT INTO told VALUES ('x')"))


@pytest.mark.parametrize("moment", ["before", "after"])
async def test_the_process_ends_at_the_commit_of_the_named_unit(
    tmp_path: Path, moment: Moment
) -> None:
    died: list[int] = []
    database = SqliteDatabase(tmp_path / "a.db", failpoint=deadly(moment, "tell", 2, died))
    await database.write(make)
    await database.write(tell)
    assert died == []

    await database.write(tell)
    assert died == [EXIT_CODE]

    await database.write(tell)
    await database.close()
    assert died == [EXIT_CODE]


async def test_a_star_counts_every_commit(tmp_path: Path) -> None:
    died: list[int] = []
    database = SqliteDatabase(tmp_path / "a.db", failpoint=deadly("after", "*", 3, died))
    for unit in (make, tell, tell):
        assert died == []
        await database.write(unit)
    await database.close()
    assert died == [EXIT_CODE]


async def test_a_running_process_can_be_armed(tmp_path: Path) -> None:
    died: list[int] = []
    file = tmp_path / "failpoint"
    database = SqliteDatabase(tmp_path / "a.db", failpoint=Failpoint(f"@{file}", end=died.append))
    await database.write(make)
    assert died == []

    file.write_text("after:make:1\n")
    await database.write(make)
    await database.close()

    assert died == [EXIT_CODE]


def test_without_the_setting_there_is_none() -> None:
    assert Failpoint.parse(None) is None
    assert Failpoint.parse("") is None
    assert Failpoint.parse("after:Intake.accept_many:1") is not None


@pytest.mark.parametrize(
    "text", ["x", "after:a", "during:a:1", "after::1", "after:a:0", "after:a:x"]
)
def test_nonsense_is_refused(text: str) -> None:
    with pytest.raises(InvalidInput):
        Failpoint.parse(text)
