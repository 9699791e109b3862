"""The tutorial's service does what the tutorial says."""

from pathlib import Path

import pytest

from answerable.cli import test_command as play
from answerable.definition.load import load_definition
from answerable.playbooks.library import built_in_actions

CORNER_BANK = Path(__file__).resolve().parents[3] / "docs" / "tutorial" / "corner-bank"


def test_the_tutorials_definition_has_no_problem() -> None:
    loaded = load_definition(CORNER_BANK / "service.yaml", actions=built_in_actions().catalogue)

    assert [str(problem) for problem in loaded.problems] == []


def test_the_tutorials_scenarios_pass(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.chdir(tmp_path)

    exit_code = play.run([str(CORNER_BANK / "service.yaml"), str(CORNER_BANK / "scenarios.yaml")])

    assert exit_code == 0, capsys.readouterr().out
