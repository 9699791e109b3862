"""What is declared is used, what is used is declared, and what is pinned is what was asked for."""

import ast
import subprocess
import sys
import tomllib
from importlib.metadata import packages_distributions

from packaging.requirements import Requirement
from packaging.utils import canonicalize_name

from tests.architecture.source import ROOT, modules

# Needed though no line imports them, and why.
NOT_IMPORTED = {
    "python-multipart": "Starlette parses forms with it",
    "tzdata": "time zones where the system has none",
    "uvloop": "uvicorn's event loop",
    "websockets": "uvicorn's WebSocket protocol",
}
# Part of another package that is declared, and moving with it.
WITHIN_OTHERS = {"starlette": "FastAPI", "pydantic-core": "pydantic"}
BUILD_STEPS = {  # run with the development packages
    "answerable/understanding/build_encoder.py",
    "answerable/privacy/tagger/published.py",
}
# What only the extra `tune` needs, and where alone it is imported.
OF_THE_EXTRA = {"torch": "answerable/understanding/torch_encoder.py"}
OURS = {"answerable", "answerable_sandbox"}


def declared() -> set[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return {canonicalize_name(Requirement(text).name) for text in project["dependencies"]}


def extra() -> list[str]:
    project = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
    return list(project["optional-dependencies"]["tune"])


def imported_by(node: ast.AST) -> list[str]:
    """Names of modules outside the package."""
    if isinstance(node, ast.Import):
        return [alias.name for alias in node.names]
    return [node.module or ""] if isinstance(node, ast.ImportFrom) and node.level == 0 else []


def imported() -> set[str]:
    """Distributions that the source imports, by their canonical names."""
    tops = {
        name.split(".")[0]
        for module in modules()
        if module.name not in BUILD_STEPS
        for node in ast.walk(module.tree)
        for name in imported_by(node)
    }
    owners = packages_distributions()
    outside = tops - set(sys.stdlib_module_names) - OURS - set(OF_THE_EXTRA) - {""}
    return {canonicalize_name(owner) for top in outside for owner in owners[top][:1]}


def test_what_is_imported_is_declared() -> None:
    assert imported() - declared() - set(WITHIN_OTHERS) == set()


def test_what_is_declared_is_imported_or_excused() -> None:
    assert declared() - imported() - set(NOT_IMPORTED) == set()


def test_what_only_tuning_needs_is_an_extra_and_imported_in_one_place() -> None:
    tune = {Requirement(text).name for text in extra()}

    assert set(OF_THE_EXTRA) <= tune - declared()
    for package, place in OF_THE_EXTRA.items():
        importing = {
            module.name
            for module in modules()
            for node in ast.walk(module.tree)
            for name in imported_by(node)
            if name.split(".")[0] == package
        }
        assert importing == {place}


def test_the_extra_starts_from_the_weights_that_the_encoder_is_built_of() -> None:
    pinned = (ROOT / "requirements-model.lock").read_text().split()[0]

    assert pinned in extra()


def test_the_lock_files_are_in_step_with_the_project() -> None:
    done = subprocess.run(
        [sys.executable, "scripts/lock", "--check"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
