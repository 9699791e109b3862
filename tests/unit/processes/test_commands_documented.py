"""The reference of commands: every option of every command, an exit code and an example each."""

import re
from pathlib import Path

import pytest

from answerable.cli.main import COMMANDS, run

PAGE = Path(__file__).parents[3] / "docs" / "reference" / "commands.md"
EXAMPLES = "## Examples and exit codes"
SUBCOMMANDS = {
    "audit": ("export", "verify"),
    "models": ("list", "show", "add", "shadow", "promote", "rollback", "labels"),
}


def section(command: str) -> str:
    """What the page says under the heading of `command`."""
    text = PAGE.read_text(encoding="utf-8")
    begin = text.index(f"## answerable {command}\n")
    end = text.find("\n## ", begin)
    return text[begin:end]


def options(capsys: pytest.CaptureFixture[str], *command: str) -> set[str]:
    assert run([*command, "--help"]) == 0
    return set(re.findall(r"(?<![\w-])--[a-z][a-z-]*", capsys.readouterr().out)) - {"--help"}


@pytest.mark.parametrize("command", COMMANDS)
def test_every_option_is_documented(command: str, capsys: pytest.CaptureFixture[str]) -> None:
    known = options(capsys, command)
    for name in SUBCOMMANDS.get(command, ()):
        known |= options(capsys, command, name)

    said = section(command)

    assert sorted(option for option in known if f"`{option}" not in said) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_no_option_is_documented_that_is_not_there(
    command: str, capsys: pytest.CaptureFixture[str]
) -> None:
    known = options(capsys, command)
    for name in SUBCOMMANDS.get(command, ()):
        known |= options(capsys, command, name)

    assert sorted(set(re.findall(r"\| `(--[a-z-]+)", section(command))) - known) == []


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_has_an_example_and_its_exit_codes(command: str) -> None:
    text = PAGE.read_text(encoding="utf-8")
    examples = text[text.index(EXAMPLES) :]
    rows = [line.split("|")[1] for line in examples.splitlines() if line.startswith("| `")]

    assert re.search(rf"^ {{4}}(.*\| )?answerable {command}\b", examples, re.MULTILINE)
    assert any(re.search(rf"`{command}\b", row) for row in rows)


def test_an_unknown_command_and_no_command_are_wrong_usage(
    capsys: pytest.CaptureFixture[str],
) -> None:
    assert run(["replai"]) == 2
    assert "did you mean 'replay'" in capsys.readouterr().err
    assert run([]) == 2
    assert run(["--help"]) == 0
