"""What an operator does with model versions: add, compare, shadow, promote, go back."""

from dataclasses import dataclass
from pathlib import Path

from answerable.definition.schema import ServiceDefinition
from answerable.kit.clock import Clock
from answerable.kit.database import Database
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import TenantId
from answerable.processes.encoders import encoder_of
from answerable.processes.live_versions import require_fit
from answerable.processes.models import own_model_folder, stored_model
from answerable.processes.settings import Settings
from answerable.understanding.compare_versions import Comparison, compare_versions
from answerable.understanding.evaluation_file import evaluation_if_any
from answerable.understanding.examples import Example, read_examples
from answerable.understanding.model import Model
from answerable.understanding.outcomes import Outcomes, evaluated_outcomes, text_digest
from answerable.understanding.shadow_record import NAME, ShadowSummary, shadow_summary
from answerable.understanding.version_changes import (
    add_version,
    promote_version,
    refuse_worse,
    roll_back,
    shadow_version,
)
from answerable.understanding.version_files import load_version, take_in, version_folder
from answerable.understanding.version_store import read_versions
from answerable.understanding.versions import Versions

BY = "system"  # whoever may use the command line of the installation

_NONE = Outcomes.of_nothing()


@dataclass(frozen=True, kw_only=True)
class ModelVersions:
    """One service's versions in one installation. Each change is one transaction with its event;
    a running service takes it up by itself."""

    settings: Settings
    definition: ServiceDefinition
    database: Database
    clock: Clock

    @property
    def tenant(self) -> TenantId:
        return self.definition.tenant

    @property
    def place(self) -> Path:
        return self.settings.models / self.tenant

    async def all(self) -> Versions:
        return await self.database.read(
            lambda tx: read_versions(tx, self.tenant), tenant=self.tenant
        )

    async def add(self, folder: Path) -> str:
        """Copy a trained model here and note it; returns its name. Repeating is safe.

        Raises InvalidInput for a damaged or foreign model, or one of other intents.
        """
        require_fit(self.definition, folder)
        kept, at = take_in(folder, self.place, encoder_of(self.settings)), self.clock.now()
        return await self.database.write(
            lambda tx: add_version(tx, self.tenant, kept, by=BY, at=at), tenant=self.tenant
        )

    async def shadow(self, name: str | None) -> None:
        """Let a version read beside the live one; None: none."""
        if name is not None:
            require_fit(self.definition, self.folder(name))
        at = self.clock.now()
        await self.database.write(
            lambda tx: shadow_version(tx, self.tenant, name, by=BY, at=at), tenant=self.tenant
        )

    async def compare(self, name: str, examples: Path | None = None) -> Comparison:
        """The version against the live model, on messages that neither has learnt.

        examples: labelled messages for that, without those that one of them did learn; None: the
        messages both were trained with, each as judged while it was held out.
        """
        versions = await self.all()
        versions.get(name)
        if examples is None:
            live = evaluation_if_any(self._live_folder(versions))
            now = evaluation_if_any(self.folder(name))
            return compare_versions(
                live.outcomes if live else _NONE, now.outcomes if now else _NONE
            )
        rows = [row for row in read_examples(examples) if row.text.strip()]
        learnt = self._learnt(self.folder(name)) | self._learnt(self._live_folder(versions))
        learnt |= encoder_of(self.settings).learnt
        fresh = [row for row in rows if text_digest(row.text) not in learnt]
        return compare_versions(
            _outcomes(self._live_model(versions), fresh),
            _outcomes(self._load(versions, name), fresh),
        )

    async def promote(
        self, name: str, *, examples: Path | None = None, reason: str | None = None
    ) -> Comparison:
        """Make the version live. reason: why although it is worse; it stands in the ledger.

        Raises Conflict if it is worse and there is no reason.
        """
        live = (await self.all()).live
        compared = await self.compare(name, examples)
        if reason is None:
            refuse_worse(name, compared)
        require_fit(self.definition, self.folder(name))
        self._load(await self.all(), name)  # what cannot be loaded must not go live
        at = self.clock.now()
        await self.database.write(
            lambda tx: promote_version(
                tx, self.tenant, name, compared=compared, live=live, reason=reason, by=BY, at=at
            ),
            tenant=self.tenant,
        )
        return compared

    async def roll_back(self, reason: str | None) -> Versions:
        """Go back to what was live before; returns the versions as they are now."""
        at = self.clock.now()
        await self.database.write(
            lambda tx: roll_back(tx, self.tenant, reason=reason, by=BY, at=at), tenant=self.tenant
        )
        return await self.all()

    def shadowed(self, name: str) -> ShadowSummary:
        """What the version said differently while it was in shadow."""
        return shadow_summary(self.folder(name) / NAME)

    def folder(self, name: str) -> Path:
        return version_folder(self.place, name)

    def _load(self, versions: Versions, name: str) -> Model:
        encoder = encoder_of(self.settings)
        return load_version(self.place, name, versions.get(name).manifest_sha256, encoder)

    def _live_folder(self, versions: Versions) -> Path:
        if versions.live is not None:
            return self.folder(versions.live)
        folder = own_model_folder(self.settings, self.definition)
        if not folder.is_dir():
            raise InvalidInput(
                "no_model",
                f"the model of {self.tenant} is not in {self.place} yet: start the service once",
            )
        return folder

    def _live_model(self, versions: Versions) -> Model:
        if versions.live is not None:
            return self._load(versions, versions.live)
        found = stored_model(self.settings, self.definition)
        if found is None:
            raise InvalidInput(
                "no_model",
                f"the model of {self.tenant} in {self.place} is outdated: start the service once",
            )
        return found

    @staticmethod
    def _learnt(folder: Path) -> set[str]:
        stored = evaluation_if_any(folder)
        return set(stored.outcomes.texts) if stored else set()


def _outcomes(model: Model, examples: list[Example]) -> Outcomes:
    said = model.understand([example.text for example in examples])
    return evaluated_outcomes(model.intents.labels, examples, said)
