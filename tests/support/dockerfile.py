"""A Dockerfile read as far as our tests ask: stages, instructions, what a container starts with."""

import json
import re
import shlex
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

VARIABLE = re.compile(r"\$\{?(\w+)\}?")


@dataclass(frozen=True, kw_only=True)
class Instruction:
    """One instruction: its word in capitals, and what follows on one line."""

    word: str
    value: str

    @property
    def listed(self) -> list[str]:
        """The exec form, `["a", "b"]`. Raises ValueError for the shell form."""
        value: list[str] = json.loads(self.value)
        return value


@dataclass(frozen=True, kw_only=True)
class Stage:
    """From one FROM to the next. name: empty for the last, which nobody refers to."""

    base: str
    name: str
    instructions: Sequence[Instruction]

    def all(self, word: str) -> list[Instruction]:
        return [instruction for instruction in self.instructions if instruction.word == word]

    def last(self, word: str) -> Instruction:
        return self.all(word)[-1]

    @property
    def environment(self) -> Mapping[str, str]:
        pairs = [part for one in self.all("ENV") for part in shlex.split(one.value)]
        return dict(pair.split("=", 1) for pair in pairs)

    @property
    def health_check(self) -> list[str]:
        """The command in HEALTHCHECK … CMD […]."""
        found: list[str] = json.loads(self.last("HEALTHCHECK").value.split("CMD", 1)[1])
        return found


def read_dockerfile(path: Path) -> list[Stage]:
    """The stages in their order, with ARGs from before the first FROM filled in."""
    arguments: dict[str, str] = {}
    stages: list[Stage] = []
    for instruction in _instructions(path.read_text(encoding="utf-8")):
        if instruction.word == "FROM":
            base, _, name = instruction.value.partition(" AS ")
            filled = VARIABLE.sub(lambda found: arguments[found[1]], base.strip())
            stages.append(Stage(base=filled, name=name.strip(), instructions=[]))
        elif stages:
            last = stages[-1]
            stages[-1] = Stage(
                base=last.base, name=last.name, instructions=[*last.instructions, instruction]
            )
        elif instruction.word == "ARG":
            name, _, default = instruction.value.partition("=")
            arguments[name] = default
    return stages


def _instructions(text: str) -> list[Instruction]:
    lines = [line for line in text.splitlines() if not line.lstrip().startswith("#")]
    joined = "\n".join(lines).replace("\\\n", " ")
    found = []
    for line in filter(None, map(str.strip, joined.splitlines())):
        word, _, value = line.partition(" ")
        found.append(Instruction(word=word.upper(), value=value.strip()))
    return found
