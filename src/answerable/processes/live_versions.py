"""Which version of each tenant's model is live and which in shadow, as the ledger says."""

from datetime import datetime, timedelta
from pathlib import Path

from answerable.definition.schema import ServiceDefinition
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import TenantId
from answerable.kit.telemetry import get_logger
from answerable.processes.encoders import encoder_of
from answerable.processes.models import model_of
from answerable.processes.settings import Settings
from answerable.understanding.local_reader import LiveModel
from answerable.understanding.model import Model
from answerable.understanding.model_file import read_manifest
from answerable.understanding.shadow import ShadowVersion
from answerable.understanding.version_files import load_version, version_folder
from answerable.understanding.version_store import read_versions
from answerable.understanding.versions import ModelVersion, Versions

log = get_logger("processes")

LOOK_EVERY = timedelta(seconds=5)  # after so long at most, a promotion counts in every process


class LiveVersions:
    """Asks the database now and then, while messages are read; nothing is asked while none are."""

    def __init__(self, settings: Settings, database: Database, clock: Clock) -> None:
        self._settings = settings
        self._database = database
        self._clock = clock
        self._known: dict[TenantId, tuple[datetime, Versions]] = {}
        self._own = model_of(settings)

    async def live(self, definition: ServiceDefinition) -> LiveModel:
        """What reads the definition's messages now."""
        versions = await self._versions(definition.tenant)
        if versions.live is None:
            return LiveModel(name="", load=self._own)
        version = versions.get(versions.live)
        return LiveModel(name=version.name, load=lambda of: self._load(of, version))

    def shadow(self, definition: ServiceDefinition) -> ShadowVersion | None:
        """As of the last time that `live` was asked."""
        _, versions = self._known.get(definition.tenant, (None, Versions()))
        if versions.shadow is None:
            return None
        version, place = versions.get(versions.shadow), self._settings.models / definition.tenant
        return ShadowVersion(
            name=version.name,
            folder=version_folder(place, version.name),
            load=lambda: self._read(place, version),
        )

    async def _versions(self, tenant: TenantId) -> Versions:
        now = self._clock.now()
        found = self._known.get(tenant)
        if found is not None and abs(now - found[0]) < LOOK_EVERY:
            return found[1]
        known = found[1] if found else None
        versions = await self._database.read(
            lambda tx: read_versions(tx, tenant, known), tenant=tenant
        )
        self._known[tenant] = (now, versions)
        return versions

    def _read(self, place: Path, version: ModelVersion) -> Model:
        encoder = encoder_of(self._settings)
        return load_version(place, version.name, version.manifest_sha256, encoder)

    def _load(self, definition: ServiceDefinition, version: ModelVersion) -> Model:
        place = self._settings.models / definition.tenant
        try:
            model = self._read(place, version)
        except InvalidInput as error:
            if error.code != "foreign_model":
                raise
            unfit: str | None = error.message  # of another release, whose files are other
        else:
            unfit = why_unfit(definition, model.intents.labels)
            if unfit is None:
                return model
        # The definition or the release has moved on. The definition's own model knows its intents
        # and keeps the same promise; which model read a message stands in the ledger.
        log.warning("model_version_unfit", tenant=definition.tenant, model=version.name, why=unfit)
        return self._own(definition)


def why_unfit(definition: ServiceDefinition, labels: tuple[str, ...]) -> str | None:
    """What keeps a model with these labels from reading for the definition; None: nothing."""
    missing = sorted(set(definition.intents) - set(labels))
    strange = sorted(set(labels) - set(definition.intents))
    if missing:
        return f"it does not know the intents {', '.join(missing)}"
    return f"the definition has no intents {', '.join(strange)}" if strange else None


def require_fit(definition: ServiceDefinition, folder: Path) -> None:
    """Raises InvalidInput unless the model in `folder` knows the definition's intents exactly."""
    labels = tuple(str(label) for label in read_manifest(folder).get("labels", ()))
    unfit = why_unfit(definition, labels)
    if unfit is not None:
        raise InvalidInput(
            "unfit_model",
            f"{folder} does not fit the service {definition.tenant}: {unfit}; train with it: "
            "`answerable train SERVICE --examples F --out M`",
        )
