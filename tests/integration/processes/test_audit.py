"""Export and verification as an auditor meets them: on the command line."""

import asyncio
import json
import stat
from pathlib import Path

import pytest

from answerable.cli.main import run
from answerable.ledger.checkpoint import SigningKey
from tests.support.town import TENANT, Town


async def exported(town: Town, data: Path, tmp_path: Path) -> Path:
    await town.says("Where is my parcel P-1234?")
    await town.mails("This is fraud!")
    out = tmp_path / "ledger.jsonl"
    assert await run_command("audit", "export", "--data", str(data), "--out", str(out)) == 0
    return out


async def run_command(*arguments: str) -> int:
    """As from a shell: outside the event loop of the test."""
    return await asyncio.to_thread(run, arguments)


async def test_an_export_is_accepted_and_tells_of_itself(
    town: Town, data: Path, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    out = await exported(town, data, tmp_path)

    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert '"kind":"export_downloaded"' in out.read_text()
    capsys.readouterr()
    key = SigningKey.load_or_create(data / "keys" / "signing.key").public
    checkpoints = str(data / "checkpoints.jsonl")
    pinned = ("--public-key", key, "--checkpoints", checkpoints)
    assert await run_command("audit", "verify", str(out), *pinned) == 0
    assert "accepted" in capsys.readouterr().out
    assert await run_command("audit", "verify", str(out), "--json") == 0
    assert json.loads(capsys.readouterr().out)["accepted"] is True


@pytest.mark.parametrize("how", ["byte", "event", "tail", "older"])
async def test_what_was_done_to_an_export_is_found(
    town: Town, data: Path, tmp_path: Path, how: str
) -> None:
    out = await exported(town, data, tmp_path)
    lines = out.read_bytes().splitlines(keepends=True)
    fraud = next(i for i, line in enumerate(lines) if b'"handed_off"' in line)
    match how:
        case "byte":
            lines[fraud] = lines[fraud].replace(b"security", b"securitz", 1)
        case "event":
            del lines[fraud]
        case "tail":
            lines = lines[:-3]
        case "older":
            assert (
                await run_command("audit", "export", "--data", str(data), "--out", f"{out}2") == 0
            )
    out.write_bytes(b"".join(lines))

    arguments = ["audit", "verify", str(out), "--checkpoints", str(data / "checkpoints.jsonl")]
    assert await run_command(*arguments) == 1


async def test_a_tenant_must_be_named_if_it_is_not_clear(
    town: Town, data: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    await town.says("hours?")

    assert await run_command("audit", "export", "--data", str(data), "--tenant", "nobody") == 1
    assert f"there are: {TENANT}" in capsys.readouterr().err


def test_wrong_usage_is_said(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert run(["audit"]) == 2
    (tmp_path / "x").write_text("")
    assert run(["audit", "verify", str(tmp_path / "x"), "--public-key", "short"]) == 2
    assert run(["audit", "verify", str(tmp_path / "absent")]) == 2
    assert run(["audit", "verify", str(tmp_path / "x")]) == 1
