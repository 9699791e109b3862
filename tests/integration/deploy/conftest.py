"""What the tests of the deployment share: the files, and an image as far as it can be had."""

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from fnmatch import fnmatch
from pathlib import Path

import pytest

from scripts import shipped
from tests.support.container import make_environment
from tests.support.dockerfile import Stage, read_dockerfile
from tests.support.needs import REPOSITORY

DEPLOY = REPOSITORY / "deploy"


@pytest.fixture(scope="session")
def stages() -> list[Stage]:
    return read_dockerfile(DEPLOY / "Dockerfile")


@pytest.fixture(scope="session")
def image(stages: list[Stage]) -> Stage:
    """The last stage: what runs."""
    return stages[-1]


@pytest.fixture(scope="session")
def open_folder() -> Iterator[Path]:
    """A directory that other users may look into, as pytest's own is not."""
    with tempfile.TemporaryDirectory(prefix="image-") as name:
        Path(name).chmod(0o755)
        yield Path(name)


@pytest.fixture(scope="session")
def context(open_folder: Path) -> Path:
    """What the build would be sent: the tracked files that .dockerignore lets through."""
    target = open_folder / "context"
    said = subprocess.run(
        ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"],
        cwd=REPOSITORY, capture_output=True, text=True, check=True,
    ).stdout  # fmt: skip
    rules = (REPOSITORY / ".dockerignore").read_text().splitlines()
    for name in filter(None, said.split("\0")):
        if is_sent(name, rules) and (REPOSITORY / name).is_file():
            (target / name).parent.mkdir(parents=True, exist_ok=True)
            shutil.copy2(REPOSITORY / name, target / name)
    return target


def is_sent(name: str, rules: list[str]) -> bool:
    """Docker's rules as far as ours use them: the last one that matches decides."""
    parts = name.split("/")
    places = ["/".join(parts[:count]) for count in range(1, len(parts) + 1)]
    sent = True
    for rule in rules:
        if not rule or rule.startswith("#"):
            continue
        pattern = rule.removeprefix("!").removesuffix("/")
        anywhere = pattern.removeprefix("**/")
        candidates = parts if anywhere != pattern else places
        if any(fnmatch(candidate, anywhere) for candidate in candidates):
            sent = rule.startswith("!")
    return sent


@pytest.fixture(scope="session")
def environment(context: Path, open_folder: Path) -> Path:
    """/opt/answerable of the image, with a wheel built from nothing but what the build is sent.

    The front end and the encoder, which take a network to make, are the checkout's, brought up to
    date as `make setup` would; the build hook compares, and finds nothing to do.
    """
    if not shipped.web_is_built(REPOSITORY):
        shipped.build_web(REPOSITORY)
    if not shipped.models_are_built(REPOSITORY):
        shipped.build_models(REPOSITORY, sys.executable)
    made = ["src/answerable/_models", "web/.built", "web/console/dist", "web/widget/dist"]
    for name in made:
        source, target = REPOSITORY / name, context / name
        if source.is_dir():
            shutil.copytree(source, target, ignore=shutil.ignore_patterns("__pycache__"))
        else:
            shutil.copy2(source, target)
    wheels = open_folder / "wheels"
    built = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(wheels)],
        cwd=context, check=False, capture_output=True, text=True,
        env={**os.environ, "PATH": "/nowhere"},
    )  # fmt: skip
    assert built.returncode == 0, built.stdout + built.stderr
    place = open_folder / "environment"
    make_environment(place, next(wheels.glob("*.whl")))
    return place
