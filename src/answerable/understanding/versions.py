"""The versions of a tenant's model and which of them reads its messages, told from the ledger."""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime
from enum import StrEnum
from typing import Any

from answerable.kit.errors import NotFound

ADDED, SHADOWED = "model_added", "model_shadowed"
PROMOTED, ROLLED_BACK = "model_promoted", "model_rolled_back"
VERSION_EVENTS = (ADDED, SHADOWED, PROMOTED, ROLLED_BACK)
OWN = "definition"  # stands for the model that is trained from the definition's examples alone


class VersionState(StrEnum):
    """live: its understanding counts. shadow: it reads beside the live one and nobody acts on it.
    retired: it was live. added: none of these."""

    ADDED = "added"
    SHADOW = "shadow"
    LIVE = "live"
    RETIRED = "retired"


@dataclass(frozen=True, kw_only=True)
class ModelVersion:
    """facts: what its manifest said when it was added (data hash, recipe, encoder, metrics ...).

    manifest_sha256: of its manifest, which vouches for its other files.
    """

    name: str
    manifest_sha256: str
    added_at: datetime
    facts: Mapping[str, Any]


@dataclass(frozen=True, kw_only=True)
class Versions:
    """known: by name, in the order of their coming. live, shadow: names; a live of None is the
    definition's own model. before: what was live earlier, the latest last."""

    known: Mapping[str, ModelVersion] = field(default_factory=dict)
    live: str | None = None
    shadow: str | None = None
    before: tuple[str | None, ...] = ()
    retired: frozenset[str] = frozenset()
    seq: int = 0

    def get(self, name: str) -> ModelVersion:
        """Raises NotFound for a name that was never added."""
        if name not in self.known:
            there = ", ".join(self.known) or "none"
            raise NotFound("no_model_version", f"no model {name!r} was added; there are: {there}")
        return self.known[name]

    def state(self, name: str) -> VersionState:
        if name == self.live:
            return VersionState.LIVE
        if name == self.shadow:
            return VersionState.SHADOW
        return VersionState.RETIRED if name in self.retired else VersionState.ADDED


@dataclass(frozen=True, kw_only=True)
class VersionEvent:
    """One of VERSION_EVENTS, as it stands in the administration stream."""

    seq: int
    kind: str
    at: datetime
    data: Mapping[str, Any]


def advanced(versions: Versions, events: Iterable[VersionEvent]) -> Versions:
    """What `versions` become by what happened since. Pure."""
    for event in events:
        versions = replace(_after(versions, event), seq=event.seq)
    return versions


def _after(versions: Versions, event: VersionEvent) -> Versions:
    data = event.data
    name = None if data["name"] == OWN else str(data["name"])
    if event.kind == ADDED and name is not None:
        added = ModelVersion(
            name=name,
            manifest_sha256=str(data["manifest_sha256"]),
            added_at=event.at,
            facts=data["facts"],
        )
        return replace(versions, known={**versions.known, name: added})
    if event.kind == SHADOWED:
        return replace(versions, shadow=name)
    left = versions.retired | ({versions.live} if versions.live else set())
    changed = replace(
        versions,
        live=name,
        retired=frozenset(left - {name}),
        shadow=None if versions.shadow == name else versions.shadow,
    )
    if event.kind == PROMOTED:
        return replace(changed, before=(*versions.before, versions.live))
    return replace(changed, before=versions.before[:-1])
