"""Use cases of model versions: add, shadow, promote, roll back; each with its event."""

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import Any

from sqlalchemy import Connection

from answerable.kit.errors import Conflict
from answerable.kit.ids import TenantId
from answerable.understanding.compare_versions import Comparison
from answerable.understanding.model_file import read_manifest
from answerable.understanding.version_files import manifest_digest
from answerable.understanding.version_store import record_version, versions_to_change
from answerable.understanding.versions import (
    ADDED,
    OWN,
    PROMOTED,
    ROLLED_BACK,
    SHADOWED,
    Versions,
)

_FACTS = (
    "data_sha256", "recipe", "encoder", "languages", "precision", "examples", "contradictions",
    "metrics",
)  # fmt: skip


def add_version(tx: Connection, tenant: TenantId, folder: Path, *, by: str, at: datetime) -> str:
    """Note that the files in `folder` are a version; returns its name. Repeating is safe.

    Raises Conflict if another model was added by its name.
    """
    manifest, digest = read_manifest(folder), manifest_digest(folder)
    name = str(manifest["name"])
    known = versions_to_change(tx, tenant).known.get(name)
    if known is None:
        data = {"name": name, "manifest_sha256": digest, "facts": facts_of(manifest)}
        record_version(tx, tenant, ADDED, data, by=by, at=at)
    elif known.manifest_sha256 != digest:
        raise Conflict("other_model", f"another model was added as {name}")
    return name


def facts_of(manifest: Mapping[str, Any]) -> dict[str, Any]:
    """What of a manifest stands in the ledger."""
    return {name: manifest[name] for name in _FACTS if name in manifest}


def shadow_version(
    tx: Connection, tenant: TenantId, name: str | None, *, by: str, at: datetime
) -> None:
    """Let this version read beside the live one; None: none. Repeating is safe.

    Raises NotFound if it was never added, Conflict if it is the live one.
    """
    versions = versions_to_change(tx, tenant)
    if name is not None:
        versions.get(name)
        if name == versions.live:
            raise Conflict("model_is_live", f"{name} is live: it cannot be its own shadow")
    if name != versions.shadow:
        record_version(tx, tenant, SHADOWED, {"name": name or OWN}, by=by, at=at)


def promote_version(
    tx: Connection,
    tenant: TenantId,
    name: str,
    *,
    compared: Comparison,
    live: str | None,
    reason: str | None,
    by: str,
    at: datetime,
) -> None:
    """Make this version the one whose understanding counts.

    compared: with `live`, which must still be the live one. reason: why although it is worse.
    Raises NotFound if it was never added, Conflict if it is live already, if another was promoted
    meanwhile, or if it is worse, or cannot be compared, and no reason is given.
    """
    versions = versions_to_change(tx, tenant)
    versions.get(name)
    if versions.live == name:
        raise Conflict("model_is_live", f"{name} is live already")
    if versions.live != live:
        raise Conflict("models_changed", "another model was promoted meanwhile: compare again")
    if reason is None:
        refuse_worse(name, compared)
    data = {
        "name": name,
        "before": live or OWN,
        "compared": compared.to_data(),
        "forced": reason,
    }
    record_version(tx, tenant, PROMOTED, data, by=by, at=at)


def refuse_worse(name: str, compared: Comparison) -> None:
    """Raises Conflict that says where the version is worse, or that nothing shows it is not."""
    if not compared.overall.messages:
        raise Conflict(
            "models_not_compared",
            f"there is no message that {name} and the live model both read without having learnt "
            "it: name labelled messages with --examples",
        )
    if compared.worse:
        lines = "\n".join(f"  {change.text}" for change in compared.worse)
        raise Conflict("model_is_worse", f"{name} is worse than the live model:\n{lines}")


def roll_back(
    tx: Connection, tenant: TenantId, *, reason: str | None, by: str, at: datetime
) -> Versions:
    """Go back to what was live before; returns the versions as they were until now.

    Raises Conflict if nothing was ever promoted, or all of it was rolled back.
    """
    versions = versions_to_change(tx, tenant)
    if not versions.before:
        raise Conflict("nothing_to_roll_back", "no model was promoted that is still live")
    data = {
        "name": versions.before[-1] or OWN,
        "before": versions.live or OWN,
        "reason": reason,
    }
    record_version(tx, tenant, ROLLED_BACK, data, by=by, at=at)
    return versions
