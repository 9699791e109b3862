"""Seals the ledger at intervals: signed checkpoints, in the database and in a file outside it."""

import asyncio
from datetime import timedelta
from pathlib import Path

from answerable.flow.service import Service
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import get_logger
from answerable.ledger.checkpoint import CheckpointFile, SigningKey, read_checkpoints, seal

log = get_logger("processes")

SEAL_EVERY = timedelta(seconds=60)


class Sealer:
    def __init__(self, service: Service, key: SigningKey, file: Path) -> None:
        self._service = service
        self._key = key
        self._file = CheckpointFile(file)

    async def run(self) -> None:
        while True:
            await asyncio.sleep(SEAL_EVERY.total_seconds())
            try:
                await self.seal()
            except Exception:
                log.exception("sealing_failed")

    async def seal(self) -> None:
        """Seal what moved since the last time, of every tenant, and copy it outside."""
        for tenant in self._service.definitions.tenants:
            await self._seal_tenant(tenant)

    async def _seal_tenant(self, tenant: TenantId) -> None:
        database = self._service.database
        at = self._service.clock.now()
        while await database.write(lambda tx: seal(tx, tenant, self._key, at=at)):
            pass
        after = await asyncio.to_thread(self._file.last_number, tenant)
        new = await database.read(lambda tx: read_checkpoints(tx, tenant, after=after))
        await asyncio.to_thread(self._file.append, new)
