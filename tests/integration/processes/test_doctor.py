"""The doctor finds what was done to an installation, and a sound one gets no problem."""

import asyncio
import json
import sqlite3
import threading
from collections.abc import Callable
from contextlib import closing
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path

import pytest

from answerable.cli.main import run
from answerable.kit.clock import Clock
from answerable.ledger.checkpoint import CheckpointFile, SigningKey, read_checkpoints, seal
from answerable.processes.backup import back_up
from answerable.processes.doctor import Visit, examine
from answerable.processes.incremental import back_up_since
from answerable.processes.settings import Settings
from answerable.processes.tracking import start_tracking
from tests.support.town import DEFINITION, TENANT, Town

KEY = "a2tra2tra2tra2tra2tra2tra2tra2tra2tra2tra2s="  # 32 times k, as the town's


def found(
    data: Path, clock: Clock, *, services: tuple[Path, ...] = (), connect: bool = False,
    **environment: str,
) -> dict[str, list[tuple[str, str]]]:  # fmt: skip
    """By check, (level, text) of each finding."""
    given = {"ANSWERABLE_MASTER_KEY": KEY, **environment}
    visit = Visit(
        environment=given, data=str(data), services=services, connect=connect, clock=clock
    )
    findings: dict[str, list[tuple[str, str]]] = {}
    for finding in examine(visit):
        assert bool(finding.mend) == (finding.level != "ok")
        findings.setdefault(finding.check, []).append((finding.level, finding.text))
    return findings


def level(findings: dict[str, list[tuple[str, str]]], check: str) -> str:
    levels = [level for level, _ in findings.get(check, [])]
    return next((one for one in ("problem", "warning", "ok") if one in levels), "nothing")


async def sealed(town: Town, data: Path) -> None:
    key = SigningKey.load_or_create(data / "keys" / "signing.key")
    at = town.clock.now()
    await town.service.database.write(lambda tx: seal(tx, TENANT, key, at=at))
    kept = await town.service.database.read(lambda tx: read_checkpoints(tx, TENANT))
    CheckpointFile(data / "checkpoints.jsonl").append(kept)


async def sound(town: Town, data: Path) -> None:
    await town.says("Where is my parcel P-1234?")
    await town.mails("refund")
    await sealed(town, data)


async def test_a_sound_installation_has_no_problem(
    town: Town, data: Path, service_file: Path
) -> None:
    await sound(town, data)

    findings = found(data, town.clock, services=(service_file,))

    levels = {check: level(findings, check) for check in findings}
    assert "problem" not in levels.values(), findings
    for check in ("settings", "data", "vault", "integrity", "schema", "clock", "checkpoints",
                  "conversations", "effects", "mail", "definition"):  # fmt: skip
        assert levels[check] in ("ok", "warning"), check


async def test_changes_that_nobody_copies_are_told(town: Town, data: Path, tmp_path: Path) -> None:
    settings = Settings(values={"DATA": str(data)})
    await sound(town, data)
    assert level(found(data, town.clock), "increments") == "nothing"

    start_tracking(data / "answerable.db")
    assert level(found(data, town.clock), "increments") == "warning"
    back_up(settings, tmp_path / "whole", town.clock, track=True)
    await town.says("hours")
    [(told, text)] = found(data, town.clock)["increments"]
    assert (told, text.startswith("0 ")) == ("ok", False)
    town.clock.advance(timedelta(days=3))
    assert level(found(data, town.clock), "increments") == "warning"
    back_up_since(settings, tmp_path / "next", tmp_path / "whole", town.clock)
    [(told, text)] = found(data, town.clock)["increments"]
    assert (told, text.startswith("0 ")) == ("ok", True)


def write(data: Path, statement: str) -> None:
    with closing(sqlite3.connect(data / "answerable.db")) as database, database:
        database.execute(statement)


def rewrite_checkpoint(data: Path) -> None:
    write(data, "UPDATE checkpoint SET hash = 'forged'")


def cut_checkpoints(data: Path) -> None:
    write(data, "DELETE FROM checkpoint")


def lose_file(data: Path) -> None:
    (data / "checkpoints.jsonl").unlink()


@pytest.mark.parametrize(
    ("check", "expected", "done"),
    [
        ("schema", "problem", lambda d: write(d, "UPDATE alembic_version SET version_num = 'x'")),
        ("checkpoints", "problem", rewrite_checkpoint),
        ("checkpoints", "problem", cut_checkpoints),
        ("checkpoints", "warning", lose_file),
        ("data", "warning", lambda d: d.chmod(0o755)),
        ("signing key", "problem", lambda d: (d / "keys" / "signing.key").chmod(0o644)),
        ("conversations", "warning", lambda d: write(d, "UPDATE stream SET advanced_seq = 1")),
        (
            "conversations", "problem",
            lambda d: write(d, "UPDATE stream SET advanced_seq = 1, failures = 3"),
        ),
        (
            "effects", "warning",
            lambda d: write(d, "UPDATE effect SET due_at = 0, failures = 4, last_error = 'why'"),
        ),
        ("effects", "warning", lambda d: write(d, "UPDATE effect SET unanswered_since = 0")),
    ],
)  # fmt: skip
async def test_what_was_done_is_found(
    town: Town, data: Path, check: str, expected: str, done: Callable[[Path], object]
) -> None:
    await sound(town, data)
    await town.service.database.close()
    assert level(found(data, town.clock), check) == "ok"

    done(data)

    assert level(found(data, town.clock), check) == expected


async def test_a_damaged_file_is_found_and_does_not_stop_the_rest(
    town: Town, data: Path, service_file: Path
) -> None:
    await sound(town, data)
    await town.service.database.close()
    content = bytearray((data / "answerable.db").read_bytes())
    content[4096 * 3 : 4096 * 6] = b"\xff" * 4096 * 3
    (data / "answerable.db").write_bytes(content)

    findings = found(data, town.clock, services=(service_file,))

    assert "problem" in (level(findings, "integrity"), level(findings, "database"))
    assert "definition" in findings


async def test_times_that_cannot_be_are_found(town: Town, data: Path) -> None:
    await sound(town, data)
    await town.says("and another thing", by="late")
    town.clock.advance(timedelta(minutes=10))
    assert level(found(data, town.clock), "checkpoints") == "warning"

    town.clock.advance(timedelta(days=-1))
    assert level(found(data, town.clock), "clock") == "problem"


async def test_the_wrong_master_key_or_none_is_found(town: Town, data: Path) -> None:
    await sound(town, data)

    wrong = KEY.replace("a2tr", "a2ts", 1)
    assert level(found(data, town.clock, ANSWERABLE_MASTER_KEY=wrong), "vault") == "problem"
    assert level(found(data, town.clock, ANSWERABLE_MASTER_KEY=""), "vault") == "problem"
    assert not (data / "keys" / "master.key").exists()


def test_a_name_that_is_no_setting_is_found_and_the_rest_goes_on(
    tmp_path: Path, town_clock: Clock
) -> None:
    findings = found(tmp_path, town_clock, ANSWERABLE_MODLES="/x", ANSWERABLE_SMTP_URLS="y")

    assert [one for one, _ in findings["settings"]] == ["problem"] * 2
    assert "did you mean ANSWERABLE_MODELS" in findings["settings"][0][1]
    assert "disk" in findings


def test_definitions_and_their_secrets_are_looked_at(tmp_path: Path, town_clock: Clock) -> None:
    broken, good = tmp_path / "broken.yaml", tmp_path / "good.yaml"
    broken.write_text("service: [")
    good.write_bytes(
        DEFINITION.replace(
            b"key: wk_corner_shop,",
            b"key: wk_corner_shop, signIn: {method: hmac, secret: SHOP_SECRET},",
        )
    )

    assert level(found(tmp_path, town_clock, services=(broken,)), "definition") == "problem"
    for secret, expected in (("", "warning"), ("short", "problem"), ("x" * 32, "ok")):
        findings = found(tmp_path, town_clock, services=(good,), SHOP_SECRET=secret)
        assert level(findings, "secrets") == expected
    assert level(findings, "mail out") == "warning"


class Answering(BaseHTTPRequestHandler):
    def do_GET(self) -> None:
        self.send_response(404)
        self.end_headers()

    def log_message(self, format: str, *args: object) -> None:
        pass


def test_connectors_and_mail_servers_are_knocked_at(tmp_path: Path, town_clock: Clock) -> None:
    file = tmp_path / "shop.yaml"
    file.write_bytes(DEFINITION.replace(b"type: warehouse", b"type: core-banking"))
    server = HTTPServer(("127.0.0.1", 0), Answering)
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    url = f"http://127.0.0.1:{server.server_port}"
    here = {"ANSWERABLE_CONNECTOR_WAREHOUSE_URL": url}
    try:
        findings = found(tmp_path, town_clock, services=(file,), connect=True, **here)
        assert findings["reachable"] == [("ok", "warehouse: answers (status 404)")]
    finally:
        server.shutdown()
        thread.join()
        server.server_close()
    secret = f"smtp://u:hunter2@127.0.0.1:{server.server_port}"
    findings = found(
        tmp_path, town_clock, services=(file,), connect=True, ANSWERABLE_SMTP_URL=secret, **here
    )
    assert [one for one, _ in findings["reachable"]] == ["problem"] * 2
    assert "hunter2" not in str(findings)


async def test_the_command_says_it_in_lines(
    town: Town, data: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    await sound(town, data)
    monkeypatch.setenv("ANSWERABLE_MASTER_KEY", KEY)
    capsys.readouterr()

    code = await asyncio.to_thread(run, ["doctor", "--data", str(data), "--json"])

    lines = [json.loads(line) for line in capsys.readouterr().out.splitlines()]
    assert {"level", "check", "text", "mend"} == set(lines[0])
    assert code == int(any(line["level"] == "problem" for line in lines))
    monkeypatch.setenv("ANSWERABLE_NONSENSE", "x")
    assert await asyncio.to_thread(run, ["doctor", "--data", str(data)]) == 1
    assert "problem  settings" in capsys.readouterr().out
