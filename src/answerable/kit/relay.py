"""The relay: news told to all processes of an installation, soon, and perhaps never.

It carries only what may be lost, because it is found by other ways (hints) or told again later
(presence). `kit.redis_relay` joins processes; without it each is by itself.
"""

from collections.abc import Callable
from typing import Any, Protocol

# (the process that told, the key, the value).
Heard = Callable[[str, str, Any], None]


def nothing() -> None:
    """The value of news that has none."""


class Relay(Protocol):
    """Between this process and all others of the installation."""

    @property
    def is_up(self) -> bool:
        """Whether what is told now is likely to arrive."""
        ...

    def tell(self, subject: str, key: str, value: Callable[[], Any] = nothing) -> None:
        """Tell all other processes. Never fails, never waits, and may be lost.

        Of what is told about one key of a subject before it leaves only the last leaves.
        value: called when it leaves; what JSON can say.
        """
        ...

    def hear(self, subject: str, heard: Heard) -> None:
        """Call `heard` with what others tell from now on. It must not block.

        Another release may have told it: a value may have any shape.
        """
        ...

    def on_gap(self, look: Callable[[], None]) -> None:
        """Call `look` whenever news from others, or for others, may have been missed."""
        ...

    async def run(self) -> None:
        """Be joined to the others until cancelled."""
        ...
