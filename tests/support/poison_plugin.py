"""A third party's connector that some contacts are fatal to; see `poison.py`.

Its address is a file, in which it notes whom it was asked about.
"""

import os
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from answerable.connectors.registry import Secrets
from answerable.definition.schema import Integration
from answerable.flow.ports import Finding, Question

KILLS, RAISES = "kills", "raises"  # how the addresses of such contacts begin


class PoisonedSystem:
    def __init__(self, notes: Path) -> None:
        self._notes = notes

    async def contact_facts(self, subject: tuple[str, str]) -> Mapping[str, Any]:
        name = subject[1]
        self._note(name)
        if name.startswith(KILLS):
            os._exit(137)
        if name.startswith(RAISES):
            raise RuntimeError("this contact spoils whatever reads it")
        return {"known": True, "tier": "", "language": ""}

    async def read(self, question: Question) -> Finding:
        return Finding(facts={"found": False}, values={})

    def _note(self, name: str) -> None:
        # One write to a file opened for appending: several processes do not mix their lines.
        file = os.open(self._notes, os.O_WRONLY | os.O_CREAT | os.O_APPEND)
        os.write(file, f"{name}\n".encode())
        os.close(file)


def create(_integration: Integration, address: str, _secrets: Secrets) -> PoisonedSystem:
    return PoisonedSystem(Path(address))
