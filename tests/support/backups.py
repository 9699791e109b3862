"""Where the stories of backups take place."""

import asyncio
from collections.abc import AsyncIterator, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from pathlib import Path

from answerable.kit.testing import SettableClock
from answerable.processes.backup import back_up
from answerable.processes.restore import Restored, restore
from answerable.processes.settings import Settings
from tests.support.stores import empty_postgres_url, postgres_url
from tests.support.town import Town, open_town


@dataclass(frozen=True, kw_only=True)
class Place:
    """Where the data of these stories is: a directory, or a directory and a server."""

    server: bool

    def settings(self, data: Path) -> Settings:
        values = {"DATA": str(data)}
        if self.server:
            values["DATABASE"] = postgres_url(data / "answerable.db")
        return Settings(values=values)

    def options(self, data: Path) -> list[str]:
        """As `settings`, on the command line."""
        url = self.settings(data).database
        return ["--data", str(data), *(["--database", url] if url else [])]

    def restore(
        self,
        backup: Path,
        data: Path,
        clock: SettableClock,
        *,
        increments: Sequence[Path] = (),
        erasures: Path | None = None,
    ) -> Restored:
        database = empty_postgres_url(data / "answerable.db") if self.server else None
        return restore(
            backup, data, clock, increments=increments, database=database, erasures=erasures
        )

    def copied(self, town: Town, data: Path, tmp_path: Path) -> tuple[Path, Restored]:
        """The data, backed up and restored in another place."""
        back_up(self.settings(data), tmp_path / "copy", town.clock)
        return tmp_path / "new", self.restore(tmp_path / "copy", tmp_path / "new", town.clock)

    @asynccontextmanager
    async def opened(self, data: Path, clock: SettableClock) -> AsyncIterator[Town]:
        town = open_town(data / "answerable.db", clock=clock, postgres=self.server)
        try:
            yield town
        finally:
            await town.service.database.close()


async def keeps_talking(town: Town, stop: asyncio.Event) -> int:
    """Customers write until told to stop; how many messages it was."""
    said = 0
    while not stop.is_set():
        await asyncio.gather(
            *(town.says("parcel P-1234", by=f"c{said + i}", settle=False) for i in range(10))
        )
        await town.service.advance()
        said += 10
    return said
