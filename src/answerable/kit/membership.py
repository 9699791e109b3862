"""This process among those that serve the same store: who is alive, and who leads.

Alone on an embedded store, one leads, and all others are gone. `kit.postgres_membership` is for
several processes on PostgreSQL.
"""

from collections.abc import Iterable
from typing import Protocol

from sqlalchemy import Connection

from answerable.kit.ids import new_id


class Membership(Protocol):
    """id: of this process, as its leases name it."""

    id: str

    @property
    def is_alone(self) -> bool:
        """Whether there are never others on this store."""
        ...

    def gone(self, tx: Connection, holders: Iterable[str]) -> list[str]:
        """Which of these processes have ended."""
        ...

    def leads(self, duty: str) -> bool:
        """Whether this process, and no other, has this duty now."""
        ...

    async def lead(self, duty: str) -> bool:
        """Have this duty from now on, unless another has it; whether this process has it."""
        ...

    async def others(self) -> int:
        """How many other processes that do the same work are alive."""
        ...

    async def join(self) -> None:
        """Become alive to the others. Raises StoreUnavailable if the store is away."""
        ...

    async def leave(self) -> None:
        """Be gone to the others, at once."""
        ...


class Alone:
    """The only process of its store: all others are gone."""

    def __init__(self) -> None:
        self.id = new_id("prc")

    def gone(self, tx: Connection, holders: Iterable[str]) -> list[str]:
        return [holder for holder in holders if holder != self.id]

    @property
    def is_alone(self) -> bool:
        return True

    def leads(self, duty: str) -> bool:
        return True

    async def lead(self, duty: str) -> bool:
        return True

    async def others(self) -> int:
        return 0

    async def join(self) -> None:
        pass

    async def leave(self) -> None:
        pass
