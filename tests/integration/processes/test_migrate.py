"""`answerable migrate` on the command line."""

import json
from pathlib import Path

import pytest

from answerable.cli.main import run
from answerable.processes.schema import newest_revision


def test_migrate_says_from_where_to_where_and_is_safe_twice(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    command = ["migrate", "--data", str(tmp_path / "data"), "--json"]

    assert run(command) == 0
    assert json.loads(capsys.readouterr().out) == {"from": None, "to": newest_revision()}
    assert run(command) == 0
    here = newest_revision()
    assert json.loads(capsys.readouterr().out) == {"from": here, "to": here}
    assert run(command[:-1]) == 0
    assert "nothing to do" in capsys.readouterr().out
