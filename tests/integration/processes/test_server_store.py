"""An installation on a PostgreSQL server: started, looked at, audited, replayed, never betrayed."""

import asyncio
import base64
import json
import os
import subprocess
import sys
from collections.abc import Callable
from datetime import UTC, datetime, timedelta
from pathlib import Path

import pytest
import sqlalchemy as sa

from answerable.cli.main import run
from answerable.kit.clock import SystemClock
from answerable.kit.errors import Conflict, InvalidInput
from answerable.kit.ids import TenantId
from answerable.kit.postgres_connection import postgres_engine
from answerable.kit.testing import SettableClock
from answerable.ledger.checkpoint import SigningKey
from answerable.processes.doctor import Visit, examine
from answerable.processes.doctor_report import Finding
from answerable.processes.settings import Settings, read_settings
from answerable.processes.wiring import open_platform
from tests.support.needs import needs_postgres, needs_redis
from tests.support.stores import empty_postgres_url, postgres_url
from tests.support.town import Town

SHOP = TenantId("corner-shop")
KEY = base64.b64encode(b"k" * 32).decode()  # as the town's
PASSWORD = "correct-horse-9"
UNSAFE = "synchronous_commit = off"


@pytest.fixture
def server() -> bool:
    return True


@pytest.fixture
def url(data: Path) -> str:
    return postgres_url(data / "answerable.db")


@pytest.fixture
def keys(data: Path, monkeypatch: pytest.MonkeyPatch) -> dict[str, str]:
    """Both keys, as settings in the environment."""
    SigningKey.load_or_create(data / "signing.key")
    given = {"MASTER_KEY": KEY, "SIGNING_KEY_FILE": str(data / "signing.key")}
    for name, value in given.items():
        monkeypatch.setenv(f"ANSWERABLE_{name}", value)
    return given


def settings(data: Path, url: str, **values: str) -> Settings:
    given = {"DATA": str(data), "DATABASE": url, "CONNECTOR_WAREHOUSE_URL": "http://x", **values}
    return Settings(values=given)


async def command(*arguments: object) -> int:
    return await asyncio.to_thread(run, [str(one) for one in arguments])


async def test_a_start_asks_for_the_keys_and_makes_none(
    data: Path, url: str, service_file: Path, keys: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput, match=r"share the master key.*MASTER_KEY_FILE"):
        await open_platform(settings(data, url), [service_file])
    with pytest.raises(InvalidInput, match=r"share the signing key.*SIGNING_KEY_FILE"):
        await open_platform(settings(data, url, MASTER_KEY=KEY), [service_file])
    assert not (data / "keys").exists()


async def test_a_start_says_migrate_and_does_not(
    data: Path, service_file: Path, keys: dict[str, str]
) -> None:
    url = empty_postgres_url(data)
    with pytest.raises(Conflict, match="answerable migrate"):
        await open_platform(settings(data, url, **keys), [service_file])

    assert await command("migrate", "--data", data, "--database", url) == 0

    platform = await open_platform(settings(data, url, **keys), [service_file])
    await platform.close()


async def test_several_processes_start_on_one_database_at_once(
    data: Path, url: str, service_file: Path, keys: dict[str, str]
) -> None:
    given = settings(data, url, **keys)
    platforms = await asyncio.gather(*(open_platform(given, [service_file]) for _ in range(4)))

    rows = await platforms[0].service.database.read(
        lambda tx: tx.execute(sa.text("SELECT kind FROM event")).scalars().all()
    )
    for platform in platforms:
        await platform.close()
    assert rows == ["definition_activated"]
    assert not (data / "in-use.lock").exists()


async def test_the_ledger_is_exported_verified_and_replayed(
    town: Town, data: Path, url: str, service_file: Path, keys: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    await town.mails("parcel P-1234")
    place = ["--data", data, "--database", url]

    assert await command("audit", "export", *place, "--out", data / "out.jsonl") == 0
    assert await command("audit", "verify", data / "out.jsonl") == 0
    assert await command("replay", service_file, *place, "--json") == 0
    assert '"differences": 0' in capsys.readouterr().out


async def test_mail_from_files_is_kept_where_nobody_is_at_work(
    town: Town, data: Path, url: str, service_file: Path, keys: dict[str, str],
    capsys: pytest.CaptureFixture[str],
) -> None:  # fmt: skip
    mail = data / "one.eml"
    mail.write_bytes(
        b"From: Anna <anna@example.com>\r\nTo: help@shop.example\r\nSubject: Parcel\r\n"
        b"Message-ID: <1@example.com>\r\n\r\nWhere is my parcel P-1234?\r\n"
    )
    order = ["intake", service_file, "--eml", mail, "--data", data, "--database", url]
    await town.says("hello")

    assert await command(*order) == 1
    assert "another answerable process" in capsys.readouterr().err
    await town.service.database.close()
    assert await command(*order) == 0
    assert json.loads(capsys.readouterr().out)["message_id"] == "<1@example.com>"
    assert await command(*order) == 0
    assert json.loads(capsys.readouterr().out)["duplicate"] is True


def told_by(arguments: list[str], data: Path, service: Path, database: str) -> str:
    """All that a command of its own process says when it cannot work."""
    answerable = str(Path(sys.executable).with_name("answerable"))
    named = [str(service) if one == "SERVICE" else one for one in arguments]
    done = subprocess.run(
        [answerable, *named, "--data", str(data)],
        env={**os.environ, "ANSWERABLE_DATABASE": database, "ANSWERABLE_LOG_LEVEL": "debug"},
        capture_output=True, text=True, check=False, timeout=60, cwd=data,
    )  # fmt: skip
    told = done.stdout + done.stderr
    assert done.returncode in (1, 2), told
    assert "Traceback" not in told
    return told


@pytest.mark.parametrize(
    "arguments",
    [
        ["migrate"],
        ["audit", "export"],
        ["backup", "--out", "copy"],
        ["doctor"],
        ["replay", "SERVICE"],
        ["run", "SERVICE", "--port", "0"],
    ],
    ids=lambda arguments: arguments[0],
)
def test_a_url_that_makes_no_sense_is_not_repeated(
    arguments: list[str], data: Path, service_file: Path
) -> None:
    told = told_by(arguments, data, service_file, f"mysql://kim:{PASSWORD}@127.0.0.1/shop")

    assert PASSWORD not in told
    assert "ANSWERABLE_DATABASE" in told


@pytest.mark.parametrize("arguments", [["doctor"], ["run", "SERVICE", "--port", "0"]])
def test_a_server_that_does_not_answer_is_named_without_the_password(
    arguments: list[str], data: Path, service_file: Path, keys: dict[str, str]
) -> None:
    told = told_by(arguments, data, service_file, f"postgresql://kim:{PASSWORD}@127.0.0.1:1/shop")

    assert PASSWORD not in told
    assert "postgresql://127.0.0.1:1/shop" in told
    assert "refused" in told


def test_settings_take_a_database_from_a_file_and_show_none(tmp_path: Path) -> None:
    file = tmp_path / "database"
    file.write_text(f"postgres://kim:{PASSWORD}@db/shop\n")

    read = read_settings({"ANSWERABLE_DATABASE_FILE": str(file)})

    assert read.database == f"postgresql://kim:{PASSWORD}@db/shop"
    assert PASSWORD not in repr(read)
    assert read_settings({"ANSWERABLE_DATABASE": "postgresql://db/x"}, DATABASE="").database is None


# The doctor


def found(data: Path, url: str, **environment: str) -> dict[str, Finding]:
    """The worst finding of each check."""
    given = {"ANSWERABLE_MASTER_KEY": KEY, "ANSWERABLE_SIGNING_KEY_FILE": str(data / "signing.key")}
    visit = Visit(
        environment={**given, **environment}, data=str(data), database=url, services=(),
        connect=False, clock=SystemClock(),
    )  # fmt: skip
    worst: dict[str, Finding] = {}
    order = ["ok", "warning", "problem"]
    for finding in examine(visit):
        assert bool(finding.mend) == (finding.level != "ok")
        before = worst.get(finding.check)
        if before is None or order.index(finding.level) > order.index(before.level):
            worst[finding.check] = finding
    return worst


def as_owner(url: str, *statements: str) -> None:
    """As somebody who may change anything on the server."""
    address = sa.make_url(url).set(username=sa.make_url(needs_postgres()).username)
    engine = postgres_engine(address.render_as_string(hide_password=False), connections=1)
    with engine.connect() as connection:
        plain = connection.execution_options(isolation_level="AUTOCOMMIT")
        for statement in statements:
            plain.exec_driver_sql(statement)
    engine.dispose()


def name_of(url: str) -> str:
    return str(sa.make_url(url).database)


async def test_a_sound_server_has_no_problem(
    town: Town, data: Path, url: str, keys: dict[str, str]
) -> None:
    await town.says("Where is my parcel P-1234?")

    findings = found(data, url)

    # The town's clock is not this machine's.
    assert [f.check for f in findings.values() if f.level == "problem"] in ([], ["clock"])
    for check in ("server", "primary", "role", "wall", "durability", "encoding", "upkeep", "schema",
                  "server clock", "connections", "vault", "conversations"):  # fmt: skip
        assert findings[check].level in ("ok", "warning"), check


@pytest.mark.parametrize(
    ("check", "done"),
    [
        ("wall", lambda u: as_owner(u, "ALTER TABLE contact NO FORCE ROW LEVEL SECURITY")),
        ("wall", lambda u: as_owner(u, "DROP POLICY tenant_wall ON event")),
        ("durability", lambda u: as_owner(u, f"ALTER DATABASE {name_of(u)} SET {UNSAFE}")),
        ("schema", lambda u: as_owner(u, "UPDATE alembic_version SET version_num = 'x'")),
    ],
)  # fmt: skip
def test_what_was_done_is_found(
    data: Path, url: str, keys: dict[str, str], check: str, done: Callable[[str], None]
) -> None:
    assert found(data, url)[check].level == "ok"

    done(url)

    assert found(data, url)[check].level == "problem"


@pytest.mark.parametrize(
    ("log", "level"),
    [
        ({"log_min_duration_statement": "'1s'"}, "warning"),
        ({"log_statement": "'all'"}, "warning"),
        ({"log_statement": "'all'", "log_parameter_max_length": "0"}, "ok"),
        ({"log_parameter_max_length_on_error": "100"}, "warning"),
    ],
)
def test_that_the_servers_log_has_parameters_of_statements_is_found(
    data: Path, url: str, keys: dict[str, str], log: dict[str, str], level: str
) -> None:
    assert found(data, url)["statement log"].level == "ok"

    for name, value in log.items():
        as_owner(url, f"ALTER DATABASE {name_of(url)} SET {name} = {value}")

    assert found(data, url)["statement log"].level == level


def test_a_role_that_passes_the_wall_is_found(data: Path, url: str, keys: dict[str, str]) -> None:
    superuser = sa.make_url(url).set(username=sa.make_url(needs_postgres()).username)

    finding = found(data, superuser.render_as_string(hide_password=False))["role"]

    assert finding.level == "problem"
    assert "SUPERUSER" in finding.text


def test_missing_keys_and_an_unreachable_server_are_found(data: Path) -> None:
    nowhere = f"postgresql://kim:{PASSWORD}@127.0.0.1:1/shop"
    findings = found(
        data, nowhere, ANSWERABLE_MASTER_KEY="", ANSWERABLE_SIGNING_KEY_FILE=str(data / "none")
    )

    for check in ("master key", "database"):
        assert findings[check].level == "problem"
    assert findings["signing key"].level == "warning"  # not every process seals
    assert PASSWORD not in str(findings)


async def test_a_clock_that_differs_from_the_servers_is_found(
    town: Town, data: Path, url: str
) -> None:
    wrong = SettableClock(datetime.now(UTC) + timedelta(minutes=3))
    visit = Visit(
        environment={}, data=str(data), database=url, services=(), connect=False, clock=wrong
    )

    findings = {finding.check: finding for finding in examine(visit)}

    assert findings["server clock"].level == "problem"


@pytest.fixture
def keeps_nothing(service_file: Path) -> Path:
    crm = b"integrations:\n  crm: {type: their-crm}\n"
    source = service_file.read_bytes().replace(b"integrations:\n", crm)
    service_file.write_bytes(source + b"privacy: {store: none}\n")
    return service_file


async def test_texts_that_are_kept_nowhere_are_shared_in_redis_or_it_does_not_start(
    data: Path, url: str, keeps_nothing: Path, keys: dict[str, str]
) -> None:
    with pytest.raises(InvalidInput, match="set ANSWERABLE_REDIS"):
        await open_platform(settings(data, url, **keys), [keeps_nothing])

    given = settings(data, url, **keys, REDIS=needs_redis())
    platform = await open_platform(given, [keeps_nothing])
    try:
        assert not platform.service.vault.keeps(SHOP)
        assert type(platform.volatile).__name__ == "RedisVolatile"
        with pytest.raises(InvalidInput, match="no CRM that is told what was said"):
            await platform.start()
    finally:
        await platform.close()
