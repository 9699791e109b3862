"""The source as the architecture tests read it: parsed, not imported."""

import ast
import subprocess
from collections.abc import Iterator
from dataclasses import dataclass
from functools import cache
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
SOURCE = ROOT / "src"
SHIPPED = {"_models", "_web", "_examples"}


@dataclass(frozen=True, kw_only=True)
class Module:
    """A Python file. name: its path below src, such as "answerable/kit/clock.py"."""

    name: str
    path: Path
    text: str
    tree: ast.Module

    @property
    def room(self) -> str:
        return self.name.split("/")[1]


@cache
def modules() -> tuple[Module, ...]:
    """All Python files of both packages."""
    return tuple(
        Module(
            name=path.relative_to(SOURCE).as_posix(),
            path=path,
            text=(text := path.read_text(encoding="utf-8")),
            tree=ast.parse(text),
        )
        for path in sorted(SOURCE.rglob("*.py"))
        if not SHIPPED & set(path.parts)
    )


def calls(module: Module) -> Iterator[tuple[str, ast.Call]]:
    """Every call, with the name that is called as it is written."""
    for node in ast.walk(module.tree):
        if isinstance(node, ast.Call):
            yield ast.unparse(node.func), node


@cache
def tracked_files() -> tuple[str, ...]:
    """What git keeps, or nothing where this is no checkout (a source archive)."""
    listed = subprocess.run(
        ["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    return tuple(name for name in listed.stdout.split("\0") if name)
