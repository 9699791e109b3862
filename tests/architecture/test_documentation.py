"""What the documentation must name, it names; what it names, there is."""

import ast
import re
import subprocess
import sys
from pathlib import Path

import pytest

from answerable.cli.main import COMMANDS
from answerable.flow.events import ADMINISTRATION_EVENTS, CONVERSATION_EVENTS
from answerable.processes.settings import PATTERNS, PREFIX, SETTINGS
from tests.architecture.source import ROOT, calls, modules, tracked_files

REFERENCE = ROOT / "docs" / "reference"
LINK = re.compile(r"(?<!!)\[[^]]*\]\(([^)#\s]+)(?:#[^)]*)?\)|!\[[^]]*\]\(([^)\s]+)\)")
ADVICE = "run `make docs`, then write what is missing"


@pytest.mark.parametrize("script", ["write-reference", "write-notices"])
def test_generated_pages_say_what_the_source_says(script: str) -> None:
    done = subprocess.run(
        [sys.executable, f"scripts/{script}", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr


def test_every_setting_is_documented() -> None:
    page = (REFERENCE / "settings.md").read_text()
    assert [s for s in [*SETTINGS, *PATTERNS] if f"`{PREFIX}{s}`" not in page] == [], ADVICE


def test_every_event_is_documented() -> None:
    page = (REFERENCE / "events.md").read_text()
    known = [*CONVERSATION_EVENTS, *ADMINISTRATION_EVENTS]
    assert [event for event in known if f"`{event}`" not in page] == [], ADVICE


@pytest.mark.parametrize("command", COMMANDS)
def test_every_command_is_documented_and_there(command: str) -> None:
    assert f"answerable {command}" in (REFERENCE / "commands.md").read_text(), ADVICE
    assert (ROOT / "src" / "answerable" / "cli" / f"{command}_command.py").is_file()


def test_every_event_that_is_written_is_in_the_catalogue() -> None:
    written = {
        (module.name, keyword.value.value)
        for module in modules()
        for name, call in calls(module)
        if name.rpartition(".")[2] == "NewEvent"
        for keyword in call.keywords
        if keyword.arg == "kind" and isinstance(keyword.value, ast.Constant)
    }
    known = {*CONVERSATION_EVENTS, *ADMINISTRATION_EVENTS}

    assert {(name, kind) for name, kind in written if kind not in known} == set()


def pages() -> list[Path]:
    named = [ROOT / name for name in tracked_files() if name.endswith(".md")]
    return [page for page in named if page.exists()]


def test_every_link_within_the_repository_leads_somewhere() -> None:
    broken = [
        (page.relative_to(ROOT).as_posix(), target)
        for page in pages()
        for one, other in LINK.findall(page.read_text(encoding="utf-8"))
        if not re.match(r"[a-z]+:|/", target := one or other)
        if not (page.parent / target).exists()
    ]
    assert broken == []


def test_every_finding_of_the_verifier_is_documented() -> None:
    verifier = next(m for m in modules() if m.name == "answerable/ledger/verify.py")
    codes = {
        call.args[0].value
        for name, call in calls(verifier)
        if name == "self._found" and isinstance(call.args[0], ast.Constant)
    }
    page = (REFERENCE / "ledger-export.md").read_text()

    assert len(codes) > 10
    assert [code for code in codes if f"`{code}`" not in page] == []
