"""A compose file read as the tests ask: with its defaults filled in, and one service at a time."""

import re
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import yaml

VARIABLE = re.compile(r"\$\{(\w+):-([^}]*)\}")


@dataclass(frozen=True, kw_only=True)
class ComposeService:
    name: str
    about: Mapping[str, Any]

    @property
    def is_ours(self) -> bool:
        return str(self.about["image"]).startswith("answerable")

    @property
    def command(self) -> list[str]:
        return [str(part) for part in self.about["command"]]

    @property
    def environment(self) -> dict[str, str]:
        return {name: str(value) for name, value in self.about.get("environment", {}).items()}

    @property
    def secrets(self) -> list[str]:
        named = self.about.get("secrets", [])
        return [one if isinstance(one, str) else one["source"] for one in named]


def read_compose(path: Path) -> tuple[dict[str, ComposeService], dict[str, Any]]:
    """The services by name, and the whole document."""
    text = VARIABLE.sub(lambda found: found[2], path.read_text(encoding="utf-8"))
    document: dict[str, Any] = yaml.safe_load(text)
    services = {
        name: ComposeService(name=name, about=about) for name, about in document["services"].items()
    }
    return services, document
