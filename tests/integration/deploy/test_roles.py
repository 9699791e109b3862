"""The compose file's own containers, one of each kind, on real servers: they start and serve."""

import os
import secrets
import shutil
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from pathlib import Path
from urllib.parse import urlsplit

import pytest

from tests.support.compose import read_compose
from tests.support.container import Container, needs_namespaces
from tests.support.dockerfile import Stage
from tests.support.needs import REPOSITORY, needs_postgres, needs_rabbitmq, needs_redis

COMPOSE = REPOSITORY / "deploy" / "compose"
SERVICE = REPOSITORY / "deploy" / "kubernetes" / "overlays" / "example" / "service.yaml"
SERVICES, _ = read_compose(COMPOSE / "compose.yaml")
ROLES = ("gateway", "worker", "scheduler", "connector")
READY_WITHIN = 120.0
STOP_WITHIN = 15.0
HOSTS = "127.0.0.1 localhost postgres rabbitmq redis sandbox\n"
Make = Callable[[str], Container]


@pytest.fixture
def servers(open_folder: Path) -> Iterator[dict[str, str]]:
    """A database, a virtual host and a Redis; addresses by secret, as containers say them."""
    postgres, _, redis = needs_postgres(), needs_rabbitmq(), needs_redis()
    name, password = f"roles_{os.getpid()}", secrets.token_hex(12)
    rabbitmqctl = [shutil.which("rabbitmqctl") or "rabbitmqctl", "--quiet"]

    def sql(*statements: str) -> None:
        commands = [part for one in statements for part in ("--command", one)]
        subprocess.run(["psql", postgres, "--quiet", *commands], check=True)

    sql(f"CREATE ROLE {name} LOGIN PASSWORD '{password}'", f"CREATE DATABASE {name} OWNER {name}")
    for order in (
        ["add_vhost", name],
        ["add_user", name, password],
        ["set_permissions", "--vhost", name, name, ".*", ".*", ".*"],
    ):
        subprocess.run([*rabbitmqctl, *order], check=True, capture_output=True)
    try:
        yield {
            "database_url": f"postgresql://{name}:{password}@postgres/{name}",
            "broker_url": f"amqp://{name}:{password}@rabbitmq:5672/{name}",
            "redis_url": f"redis://redis:6379/{urlsplit(redis).path.strip('/') or 0}",
        }
    finally:
        sql(f"DROP DATABASE {name} WITH (FORCE)", f"DROP ROLE {name}")
        for what in ("delete_vhost", "delete_user"):
            subprocess.run([*rabbitmqctl, what, name], check=False, capture_output=True)


@contextmanager
def ways_out(place: Path) -> Iterator[dict[int, Path]]:
    """Socket files that lead to this machine's servers, by the port that containers know."""
    script = REPOSITORY / "tests" / "support" / "relay.py"
    named = {5432: needs_postgres(), 5672: needs_rabbitmq(), 6379: needs_redis()}
    files = {port: place / f"{port}.sock" for port in named}
    relays = [
        subprocess.Popen(
            [sys.executable, str(script), f"unix:{files[port]}",
             f"tcp:{urlsplit(url).hostname}:{urlsplit(url).port or port}"]
        )
        for port, url in named.items()
    ]  # fmt: skip
    try:
        yield files
    finally:
        for relay in relays:
            relay.kill()
            relay.wait()


@pytest.fixture
def make(
    image: Stage, environment: Path, open_folder: Path, servers: dict[str, str]
) -> Iterator[Make]:
    """A container of a service of the compose file: its settings, secrets and volume."""
    needs_namespaces()
    place = open_folder / "roles"
    (place / "models").mkdir(parents=True)
    shutil.copy2(COMPOSE / "make-secrets", place)
    subprocess.run(["sh", str(place / "make-secrets")], check=True, capture_output=True)
    kept = place / "secrets"
    for name, address in servers.items():
        (kept / name).chmod(0o644)
        (kept / name).write_text(address)
    shutil.copy2(SERVICE, place / "service.yaml")
    (place / "hosts").write_text(HOSTS)
    (place / "nsswitch.conf").write_text("hosts: files\n")
    with ways_out(place) as relays:

        def made(name: str) -> Container:
            told = SERVICES[name]
            volume = place / name
            (volume / "models").mkdir(parents=True)
            for path in (volume, volume / "models", place / "models"):
                os.chown(path, 10001, 10001)
            (place / f"{name}-root").mkdir()
            return Container(
                stage=image,
                environment=environment,
                root=place / f"{name}-root",
                volumes={
                    "/var/lib/answerable": volume,
                    "/var/lib/answerable/models": place / "models",
                },
                read_only={
                    "/etc/answerable/service.yaml": place / "service.yaml",
                    "/etc/hosts": place / "hosts",
                    "/etc/nsswitch.conf": place / "nsswitch.conf",
                    **{f"/run/secrets/{secret}": kept / secret for secret in told.secrets},
                },
                settings=told.environment,
                relays=relays,
            )

        yield made


def test_every_role_starts_as_the_compose_file_says_and_stops_when_told(
    make: Make, tmp_path: Path
) -> None:
    for name in ("migrate", "models"):
        log = tmp_path / name
        with make(name).started(SERVICES[name].command, log) as before:
            assert before.wait(120) == 0, log.read_text()

    with ExitStack() as running:
        containers = {
            role: running.enter_context(make(role).started(SERVICES[role].command, tmp_path / role))
            for role in ROLES
        }
        for role, container in containers.items():
            healthy = container.wait_until_healthy(READY_WITHIN)
            assert healthy, f"{role}: {(tmp_path / role).read_text()}"
        for role, container in containers.items():
            container.stop()
            assert container.wait(STOP_WITHIN) == 0, f"{role}: {(tmp_path / role).read_text()}"
            assert "Traceback" not in (tmp_path / role).read_text(), role
    # Trained once, for all of them.
    assert [role for role in ROLES if "model_training" in (tmp_path / role).read_text()] == []
