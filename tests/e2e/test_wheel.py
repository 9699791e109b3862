"""What a person gets who installs the wheel, on a machine without our checkout."""

import os
import subprocess
import sys
import tarfile
import zipfile
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
EXPECTED = (
    "answerable/_web/console/index.html",
    "answerable/_web/widget/answerable.js",
    "answerable/_models/encoder/encoder.onnx",
    "answerable/_models/dictionary/dictionary.json",
    "answerable/_models/dictionary/hashes.npy",
    "answerable/_models/tagger/tagger.json",
    "answerable/_models/tagger/weights.bin",
    "answerable/_models/encoder/encoder.json",
    "answerable/_models/encoder/vocab.txt",
    "answerable/_examples/northwind-bank/service.yaml",
    "answerable/kit/migrations/env.py",
    "answerable/kit/migrations/versions/0001_first.py",
    "answerable/py.typed",
    "answerable_sandbox/templates/bank.html",
    "answerable_sandbox/static/bank.js",
    "answerable-0.1.0.dist-info/licenses/LICENSE",
    "answerable-0.1.0.dist-info/licenses/THIRD_PARTY_NOTICES.md",
)
ASK_FOR_RESOURCES = """
from answerable.kit import resources
assert resources.CHECKOUT is None, resources.CHECKOUT
print(resources.web_path("console"), resources.web_path("widget"))
print(resources.model_path("encoder"), resources.example_path("northwind-bank"))
from answerable.processes import schema
schema.upgrade("fresh.db")
assert schema.is_current("fresh.db")
"""


@pytest.fixture(scope="module")
def wheel(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("wheel")
    run([sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(folder)], cwd=ROOT)
    (built,) = folder.glob("*.whl")
    return built


@pytest.fixture(scope="module")
def installed(wheel: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The wheel in a folder of its own; what it depends on is this environment's."""
    folder = tmp_path_factory.mktemp("installed")
    pip = [sys.executable, "-m", "pip", "install", "--quiet", "--no-deps", "--no-compile"]
    run([*pip, "--target", str(folder), str(wheel)], cwd=folder)
    return folder


def run(command: list[str], *, cwd: Path, **environment: str) -> str:
    done = subprocess.run(
        command,
        cwd=cwd,
        env={**os.environ, **environment},
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def test_the_wheel_holds_all_that_the_command_needs(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = set(archive.namelist())

    assert [name for name in EXPECTED if name not in names] == []


def test_the_wheel_holds_nothing_of_the_workshop(wheel: Path) -> None:
    with zipfile.ZipFile(wheel) as archive:
        names = archive.namelist()

    strange = ("node_modules", "tests/", "__pycache__", ".map", "/.built", "/dictionaries/")
    assert [name for name in names if any(part in name for part in strange)] == []


def test_a_wheel_can_be_made_from_the_source_archive_without_npm(tmp_path: Path) -> None:
    run([sys.executable, "-m", "hatchling", "build", "-t", "sdist", "-d", str(tmp_path)], cwd=ROOT)
    (archive,) = tmp_path.glob("*.tar.gz")
    with tarfile.open(archive) as packed:
        packed.extractall(tmp_path, filter="data")
    no_npm = tmp_path / "no-npm"
    no_npm.mkdir()

    run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=tmp_path / "answerable-0.1.0",
        PATH=str(no_npm),
    )

    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as wheel:
        assert set(EXPECTED) <= set(wheel.namelist())


def test_the_installed_command_runs_and_finds_its_files(installed: Path, tmp_path: Path) -> None:
    # First in the path: this environment's own answerable is the checkout.
    own = {"PYTHONPATH": str(installed)}
    command = str(installed / "bin" / "answerable")

    assert "usage: answerable" in run([sys.executable, command, "--help"], cwd=tmp_path, **own)
    assert "0.1.0" in run([sys.executable, command, "--version"], cwd=tmp_path, **own)
    told = run([sys.executable, "-c", ASK_FOR_RESOURCES], cwd=tmp_path, **own)
    assert all(path.startswith(str(installed)) for path in told.split())


def test_a_build_without_the_front_end_warns_loudly(tmp_path: Path) -> None:
    done = subprocess.run(
        [sys.executable, "-m", "hatchling", "build", "-t", "wheel", "-d", str(tmp_path)],
        cwd=ROOT,
        env={**os.environ, "ANSWERABLE_SKIP_WEB": "1"},
        capture_output=True,
        text=True,
        check=False,
    )

    assert done.returncode == 0
    assert "NO console and NO chat widget" in done.stderr
    with zipfile.ZipFile(next(tmp_path.glob("*.whl"))) as archive:
        assert not any(name.startswith("answerable/_web/") for name in archive.namelist())
