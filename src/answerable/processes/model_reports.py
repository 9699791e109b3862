"""Tells everybody what the training of the live models showed."""

import asyncio
from functools import partial
from pathlib import Path

from answerable.definition.schema import ServiceDefinition
from answerable.flow.definitions import Definitions
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import AnswerableError
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import get_logger
from answerable.processes.live_versions import LiveVersions
from answerable.processes.models import own_model_folder
from answerable.processes.settings import Settings
from answerable.understanding.evaluation_file import evaluation_if_any
from answerable.understanding.model_file import read_manifest
from answerable.understanding.report_store import read_report, save_report
from answerable.understanding.version_files import version_folder

log = get_logger("processes")

LOOK_EVERY = 60.0  # seconds: so long a console may show the model of before a promotion


class ModelReports:
    """In a process that reads texts: the models' files are there."""

    def __init__(
        self,
        settings: Settings,
        database: Database,
        definitions: Definitions,
        versions: LiveVersions,
        clock: Clock,
    ) -> None:
        self._settings = settings
        self._database = database
        self._definitions = definitions
        self._versions = versions
        self._clock = clock
        self._told: dict[TenantId, tuple[str, str]] = {}

    async def run(self) -> None:
        """Until cancelled."""
        while True:
            for tenant in self._definitions.tenants:
                try:
                    await self.tell(self._definitions.active(tenant))
                except Exception as error:  # a store that is away comes back: look again then
                    why = error.message if isinstance(error, AnswerableError) else repr(error)
                    log.warning("model_report_missing", tenant=tenant, why=why)
            await asyncio.sleep(LOOK_EVERY)

    async def tell(self, definition: ServiceDefinition) -> None:
        """Store the report of the model that is live, unless that was done. Raises InvalidInput
        for a damaged evaluation."""
        live = await self._versions.live(definition)
        known = (definition.hash, live.name)
        if self._told.get(definition.tenant) == known:
            return
        folder = self._folder(definition, live.name)
        if not folder.is_dir():
            return  # it is still being trained
        manifest = read_manifest(folder)
        name, taught = str(manifest["name"]), manifest.get("definition_data_sha256")
        if not await self._is_stored(definition.tenant, name):
            await self._store(definition.tenant, name, folder, taught and str(taught))
        self._told[definition.tenant] = known

    async def _is_stored(self, tenant: TenantId, name: str) -> bool:
        found = await self._database.read(lambda tx: read_report(tx, tenant), tenant=tenant)
        return found is not None and found[0] == name

    async def _store(self, tenant: TenantId, name: str, folder: Path, taught: str | None) -> None:
        stored = await asyncio.to_thread(evaluation_if_any, folder)
        if stored is not None:
            save = partial(
                save_report,
                tenant=tenant,
                model=name,
                report=stored.report,
                at=self._clock.now(),
                definition=taught,
            )
            await self._database.write(save, tenant=tenant)

    def _folder(self, definition: ServiceDefinition, version: str) -> Path:
        place = self._settings.models / definition.tenant
        if version:
            return version_folder(place, version)
        return own_model_folder(self._settings, definition)
