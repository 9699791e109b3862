"""The compose file keeps the promises of the operations guide, and its commands start."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from joserfc.jwk import RSAKey

from answerable.ledger.checkpoint import SigningKey
from answerable.privacy.keys import MasterKey
from answerable.processes.doctor_services import Source, check_service
from answerable.processes.settings import read_settings
from tests.support.compose import ComposeService, read_compose
from tests.support.needs import REPOSITORY

COMPOSE = REPOSITORY / "deploy" / "compose"
SERVICES, DOCUMENT = read_compose(COMPOSE / "compose.yaml")
OURS = [name for name, service in SERVICES.items() if service.is_ours]
ROLES = ["gateway", "worker", "scheduler", "connector"]
ONCE = ["migrate", "models"]


@pytest.fixture(params=SERVICES)
def service(request: pytest.FixtureRequest) -> ComposeService:
    return SERVICES[request.param]


def test_it_is_a_compose_file() -> None:
    check = [str(Path(sys.executable).with_name("check-jsonschema"))]
    done = subprocess.run(
        [*check, "--builtin-schema", "vendor.compose-spec", str(COMPOSE / "compose.yaml")],
        capture_output=True, text=True, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stdout + done.stderr


def test_nothing_has_rights_that_it_does_not_need(service: ComposeService) -> None:
    assert service.about["cap_drop"] == ["ALL"]
    assert service.about["security_opt"] == ["no-new-privileges:true"]
    assert service.about["read_only"] is (service.name != "rabbitmq")
    assert not service.about.get("privileged")
    assert "mem_limit" in service.about


def test_what_serves_is_watched_and_started_again(service: ComposeService) -> None:
    if service.name in ONCE:
        assert service.about["restart"] == "on-failure"
        return
    assert service.about["restart"] == "unless-stopped"
    # Ours brings its own check in the image.
    assert service.is_ours or service.about["healthcheck"]["test"]


def test_each_role_runs_as_often_as_it_must() -> None:
    replicas = {role: SERVICES[role].about.get("deploy", {}).get("replicas", 1) for role in ROLES}

    assert replicas == {"gateway": 2, "worker": 3, "scheduler": 2, "connector": 1}
    for role in ROLES:
        assert SERVICES[role].command[:4] == ["run", "/etc/answerable/service.yaml", "--role", role]


def test_nothing_starts_before_what_it_stands_on() -> None:
    for role in ROLES:
        conditions = {
            name: how["condition"] for name, how in SERVICES[role].about["depends_on"].items()
        }
        assert conditions == {
            "migrate": "service_completed_successfully",
            "models": "service_completed_successfully",
            "rabbitmq": "service_healthy",
            "redis": "service_healthy",
        }
    assert SERVICES["migrate"].about["depends_on"] == {"postgres": {"condition": "service_healthy"}}


def test_only_the_proxy_is_reachable() -> None:
    listening = {name for name, one in SERVICES.items() if one.about.get("ports")}

    assert listening == {"proxy", "sandbox"}
    assert SERVICES["sandbox"].about["profiles"] == ["demo"]
    assert DOCUMENT["networks"]["front"] == {"internal": True}
    assert DOCUMENT["networks"]["back"] == {"internal": True}
    for name in ("gateway", "postgres", "rabbitmq", "redis", "migrate"):
        assert "outside" not in SERVICES[name].about["networks"], name


def test_secrets_are_files_and_each_is_where_it_is_needed() -> None:
    for name in OURS:
        service = SERVICES[name]
        files = {
            value.removeprefix("/run/secrets/")
            for setting, value in service.environment.items()
            if setting.endswith("_FILE") and value.startswith("/run/secrets/")
        }
        assert files == set(service.secrets), name
    readers = {
        secret: {name for name in OURS if secret in SERVICES[name].secrets}
        for secret in DOCUMENT["secrets"]
        if any(secret in SERVICES[name].secrets for name in OURS)
    }
    shared = {"database_url", "broker_url", "redis_url", "master_key", "metrics_token"}
    assert all(readers.pop(secret) == {*ROLES, "migrate"} for secret in shared)
    assert readers == {
        "signing_key": {"scheduler"},
        "smtp_url": {"worker"},
        "core_banking_key": {"connector"},
        "crm_key": {"connector"},
        "sms_key": {"connector"},
        "crm_hook_secret": {"gateway", "sandbox"},
        "sms_hook_secret": {"gateway"},
        "crm_public_key": {"sandbox"},
        "chat_secret": {"gateway", "sandbox"},
        "first_admin_password": {"gateway"},
    }


@pytest.fixture(scope="module")
def secrets(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """What make-secrets makes in an empty place."""
    place = tmp_path_factory.mktemp("compose")
    shutil.copy2(COMPOSE / "make-secrets", place)
    subprocess.run(["sh", str(place / "make-secrets")], check=True, capture_output=True)
    return place / "secrets"


def test_every_secret_is_made_and_none_is_made_again(secrets: Path) -> None:
    made = {path.name: path.read_text() for path in secrets.iterdir()}
    subprocess.run(["sh", str(secrets.parent / "make-secrets")], check=True, capture_output=True)

    assert {path.name: path.read_text() for path in secrets.iterdir()} == made
    assert {Path(secret["file"]).name for secret in DOCUMENT["secrets"].values()} <= set(made)
    assert secrets.stat().st_mode & 0o777 == 0o700
    assert made["answerable_password"].strip() in made["database_url"]
    assert made["broker_password"].strip() in made["rabbitmq.conf"]
    assert made["redis_password"].strip() in made["redis.conf"]
    assert {len(made[name].strip()) for name in made if name.endswith("_password")} == {40}


@pytest.mark.parametrize("name", [*ROLES, "migrate"])
def test_all_settings_are_known_and_make_sense(name: str, secrets: Path) -> None:
    """What is not known stops the start, on a day when nobody has time."""
    environment = {
        setting: value.replace("/run/secrets", str(secrets))
        for setting, value in SERVICES[name].environment.items()
    }

    read = read_settings(environment)

    assert (read.get("DATABASE") or "").startswith("postgresql://answerable:")
    assert MasterKey.from_settings({"ANSWERABLE_MASTER_KEY": str(read.get("MASTER_KEY"))})
    if name == "scheduler":
        assert SigningKey.load_or_create(read.signing_key_file)


def test_each_role_has_what_the_demo_bank_s_integrations_need(secrets: Path) -> None:
    """As `answerable doctor --role` looks at it, in each container."""
    demo = REPOSITORY / "examples" / "northwind-bank" / "service.yaml"
    for role in ROLES:
        environment = {
            setting: value.replace("/run/secrets", str(secrets))
            for setting, value in SERVICES[role].environment.items()
        }
        settings = read_settings(environment, ROLE=role)
        found = list(check_service(Source(name=str(demo)), settings))
        lacking = [
            (one.text, one.mend)
            for one in found
            if one.level != "ok" and one.check in ("secrets", "connectors", "hooks", "pages")
        ]
        # The sandbox speaks no TLS, in the containers' own network.
        assert all("cross the network unencrypted" in text for text, _ in lacking), (role, lacking)


def test_the_demo_s_crm_believes_the_key_that_was_made(secrets: Path) -> None:
    ours = RSAKey.import_key((secrets / "crm_key").read_text())
    theirs = RSAKey.import_key((secrets / "crm_public_key").read_text())

    assert ours.is_private
    assert not theirs.is_private
    assert ours.as_dict(private=False)["n"] == theirs.as_dict()["n"]
    told = SERVICES["sandbox"].command
    assert told[told.index("--crm-hook") + 1].endswith("/v1/hooks/northwind-bank/crm/cases")


def test_without_openssl_no_half_of_a_key_is_left(tmp_path: Path) -> None:
    shutil.copy2(COMPOSE / "make-secrets", tmp_path)
    tools = tmp_path / "tools"
    tools.mkdir()
    for tool in ("dd", "tr", "cut", "base64", "cat", "mkdir", "chmod", "dirname"):
        (tools / tool).symlink_to(str(shutil.which(tool)))
    done = subprocess.run(
        [str(shutil.which("sh")), str(tmp_path / "make-secrets")],
        capture_output=True, text=True, check=False, env={"PATH": str(tools)},
    )  # fmt: skip

    assert (done.returncode, "openssl is missing" in done.stderr) == (1, True)
    assert not (tmp_path / "secrets" / "crm_key").exists()


def test_the_proxy_keeps_operators_pages_from_the_world() -> None:
    said = (COMPOSE / "haproxy.cfg").read_text()

    assert "deny deny_status 404 if { path /metrics }" in said
    assert "http-request del-header X-Forwarded-For" in said
    assert "option httpchk GET /readyz" in said


def test_the_database_is_made_for_a_role_that_stands_before_the_wall() -> None:
    """A superuser does not see the wall between tenants."""
    said = (COMPOSE / "postgres-role.sh").read_text()

    assert "NOSUPERUSER" in said
    assert "NOBYPASSRLS" in said
    assert "POSTGRES_USER" not in SERVICES["postgres"].environment
    assert os.access(COMPOSE / "make-secrets", os.X_OK)
