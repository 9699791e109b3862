"""Whoever writes a text behind a command that reads them from standard input is told so."""

from types import ModuleType

import pytest

from answerable.cli import redact_command, understand_command


@pytest.mark.parametrize(("command", "before"), [(redact_command, []), (understand_command, ["-"])])
def test_a_text_on_the_command_line_is_answered_with_the_line_to_send(
    command: ModuleType, before: list[str], capsys: pytest.CaptureFixture[str]
) -> None:
    with pytest.raises(SystemExit) as ended:
        command.run([*before, 'Karte "weg", was nun?'])

    assert ended.value.code == 2
    told = capsys.readouterr().err
    assert '{"id": "1", "text": "Karte \\"weg\\", was nun?"}' in told
    assert "standard input" in told


def test_an_unknown_option_is_named(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        redact_command.run(["--fast"])

    assert "unrecognized arguments: --fast" in capsys.readouterr().err
