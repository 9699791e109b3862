"""The image: what the Dockerfile promises, and its start command run as it stands."""

import os
import shutil
from pathlib import Path

import pytest

from tests.support.container import Container, needs_namespaces
from tests.support.dockerfile import Stage
from tests.support.needs import REPOSITORY
from tests.support.processes import MODELS

BANK = REPOSITORY / "examples" / "northwind-bank" / "service.yaml"
VOLUME = "/var/lib/answerable"
START_WITHIN = 180.0


def test_it_runs_as_a_numbered_user_without_a_shell_in_between(image: Stage) -> None:
    user = image.last("USER").value

    assert user.replace(":", "").isdigit()
    assert not user.startswith("0")
    assert image.last("ENTRYPOINT").listed == ["answerable"]
    assert image.last("CMD").listed[0] == "run"
    assert image.last("STOPSIGNAL").value == "SIGTERM"
    # All that comes after USER, and nothing before it, is done without rights.
    words = [instruction.word for instruction in image.instructions]
    assert "RUN" not in words[words.index("USER") :]
    assert "COPY" not in words[words.index("USER") :]


def test_all_that_is_installed_is_checked_against_a_hash(stages: list[Stage]) -> None:
    installs = [
        command
        for stage in stages
        for instruction in stage.all("RUN")
        for command in instruction.value.split("&&")
        if "pip install" in command
    ]

    assert len(installs) == 3
    for command in installs:
        locked = "--require-hashes" in command and "--only-binary :all:" in command
        own = "--no-index --no-deps" in command and "/wheels/" in command
        assert locked or own, command


def test_nothing_else_is_fetched(stages: list[Stage]) -> None:
    text = "\n".join(one.value for stage in stages for one in stage.instructions)

    assert [
        word for word in ("curl", "wget", "apt-get", "git clone", "http://deb") if word in text
    ] == []
    assert [one for stage in stages for one in stage.all("ADD")] == []


def test_no_secret_is_in_it(stages: list[Stage]) -> None:
    named = " ".join(
        one.value for stage in stages for one in stage.instructions if one.word in ("ENV", "ARG")
    )

    assert [word for word in ("KEY", "TOKEN", "PASSWORD", "SECRET", "_URL") if word in named] == []


def test_the_build_is_sent_the_source_and_nothing_private(context: Path) -> None:
    sent = {path.relative_to(context).as_posix() for path in context.rglob("*") if path.is_file()}

    assert {
        "pyproject.toml",
        "requirements.lock",
        "web/package-lock.json",
        "hatch_build.py",
    } <= sent
    assert "src/answerable/cli/main.py" in sent
    private = (
        ".git/",
        "tests/",
        "benchmarks/",
        "data/",
        "reports/",
        "deploy/",
        ".env",
        ".key",
        ".log",
    )
    assert [name for name in sent if name.startswith(private) or name.endswith(private)] == []


@pytest.fixture
def container(
    image: Stage, environment: Path, open_folder: Path, request: pytest.FixtureRequest
) -> Container:
    """The image as it stands, with one definition, one volume, and nothing else to write to."""
    needs_namespaces()
    place = open_folder / request.node.name
    (place / "root").mkdir(parents=True)
    volume = place / "volume"
    volume.mkdir()
    if MODELS.is_dir():
        shutil.copytree(MODELS, volume / "models")
    for path in (volume, *volume.rglob("*")):
        os.chown(path, 10001, 10001)
    service = place / "service.yaml"
    shutil.copy2(BANK, service)
    service.chmod(0o644)
    return Container(
        stage=image,
        environment=environment,
        root=place / "root",
        volumes={VOLUME: volume},
        read_only={"/etc/answerable/service.yaml": service},
    )


def test_its_start_command_serves_as_another_user_on_a_read_only_system_without_network(
    container: Container, tmp_path: Path
) -> None:
    log = tmp_path / "log"
    with container.started(container.stage.last("CMD").listed, log):
        assert container.wait_until_healthy(START_WITHIN), log.read_text()

        page = "import urllib.request as r; print(r.urlopen('http://127.0.0.1:8080{}').status)"
        for path in ("/console/", "/widget/answerable.js"):
            assert container.run(["python", "-c", page.format(path)]).stdout == "200\n", path
        refused = container.run(["touch", "/etc/answerable/note"])
        assert "Read-only file system" in refused.stderr
        assert container.run(["id", "-u"]).stdout == "10001\n"

        container.stop()
        assert container.wait(within_seconds=10) == 0, log.read_text()


@pytest.mark.parametrize("command", ["migrate", "doctor", "--version"])
def test_the_same_image_has_the_other_commands(
    container: Container, tmp_path: Path, command: str
) -> None:
    log = tmp_path / "log"
    with container.started([command], log):
        code = container.wait(within_seconds=60)

    assert code == 0 or (command == "doctor" and code == 1), log.read_text()
    assert "Traceback" not in log.read_text()


def test_a_build_from_what_is_sent_needs_nothing_of_the_workshop(environment: Path) -> None:
    packages = next(environment.glob("lib/python3.*/site-packages"))

    assert (packages / "answerable" / "_web" / "console" / "index.html").is_file()
    assert (packages / "answerable" / "_models" / "encoder" / "encoder.onnx").is_file()
    names = {path.name for path in packages.iterdir()}
    assert [name for name in ("pytest", "playwright", "hypothesis", "onnx") if name in names] == []
