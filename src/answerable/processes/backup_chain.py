"""A chain of backups: a whole one, and increments of which each follows the one before it.

An increment's directory:

manifest.json        what is in it, what it follows, with a checksum of each file
changes/             of each table with changes: the rows as they are now, the keys that are gone
checkpoints.jsonl    what was added to the checkpoints kept outside the database, if anything was
models/              the versions that were added since
keys/                only if asked for
"""

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from answerable.kit.errors import InvalidInput
from answerable.processes.backup import (
    CHECKPOINTS,
    MANIFEST,
    MODELS,
    Manifest,
    checksum,
    copy_file,
    write_whole,
)

FORMAT = "answerable-increment-1"
CHANGES = "changes"
KEYS = "keys"
_PLACES = (CHANGES, KEYS, MODELS)


@dataclass(frozen=True, kw_only=True)
class Increment:
    """What an increment holds. previous: id of the backup that it follows.

    changes: rows that are there and keys that are gone, by table. positions: of each tenant's last
    event. master_keys, models: of the whole chain up to here. checkpoints: from and until which
    byte of their file.
    """

    format: str
    product: str
    schema: str | None
    made_at: str
    id: str
    previous: str
    changes: Mapping[str, Mapping[str, int]]
    positions: Mapping[str, int]
    master_keys: tuple[str, ...]
    models: tuple[str, ...]
    checkpoints: Mapping[str, int]
    files: Mapping[str, Mapping[str, Any]]


@dataclass(frozen=True, kw_only=True)
class Chain:
    """A backup and the increments that follow it, in order, each with its directory."""

    whole: Manifest
    increments: Sequence[tuple[Path, Increment]]

    @property
    def made_at(self) -> str:
        return self.increments[-1][1].made_at if self.increments else self.whole.made_at

    @property
    def master_keys(self) -> tuple[str, ...]:
        return self.increments[-1][1].master_keys if self.increments else self.whole.master_keys

    @property
    def with_keys(self) -> bool:
        every = [self.whole.files, *(one.files for _, one in self.increments)]
        return any(name.startswith(f"{KEYS}/") for files in every for name in files)


def read_link(folder: Path) -> Increment:
    """The backup in `folder`, whole or not, as what another one can follow.

    Its files must be there in their sizes; their checksums are for a restore, for they would cost
    as much as the whole. Raises InvalidInput.
    """
    found = _read(folder)
    if isinstance(found, Manifest):
        _require_files(folder, found.files)
        return _as_link(found)
    _require_files(folder, found.files)
    return found


def read_chain(folders: Sequence[Path]) -> Chain:
    """A whole backup and what follows it, every file checked.

    Raises InvalidInput if a file is damaged or missing, or a link does not follow the one before.
    """
    whole, increments = Manifest.read(folders[0]), []
    check_files(folders[0], whole.files)
    last, place = whole.id, folders[0]
    for folder in folders[1:]:
        one = _read(folder)
        if isinstance(one, Manifest):
            raise _broken(f"{folder} is a whole backup, not an increment: name one chain only")
        if not last or one.previous != last:
            raise _broken(
                f"{folder} does not follow {place}: name the whole backup, then every increment "
                "once, in the order in which they were made"
            )
        if one.schema != whole.schema:
            raise _broken(f"{folder} has another schema than {folders[0]}")
        foreign = [name for name in one.files if not _belongs(name)]
        if foreign:
            raise _broken(f"the manifest of {folder} names a foreign file: {foreign[0]}")
        check_files(folder, one.files)
        increments.append((folder, one))
        last, place = one.id, folder
    return Chain(whole=whole, increments=increments)


def add_files(chain: Chain, data: Path) -> None:
    """Complete what the whole backup had beside the database by what the increments have."""
    for folder, increment in chain.increments:
        for name in increment.files:
            target = data / name
            if name == CHECKPOINTS:
                _append(folder / name, target, increment.checkpoints["from"])
            elif Path(name).parts[0] != CHANGES:
                target.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
                target.unlink(missing_ok=True)  # keys, copied with each link that was asked to
                copy_file(folder / name, target)


def _append(added: Path, to: Path, at: int) -> None:
    before = to.read_bytes() if to.exists() else b""
    if len(before) < at:
        raise _broken(f"{added} follows more checkpoints than there are")
    to.unlink(missing_ok=True)
    write_whole(to, before[:at] + added.read_bytes())


def check_files(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    """Raises InvalidInput unless every file is there as its checksum says."""
    for name, told in files.items():
        path = folder / name
        if Path(name).is_absolute() or ".." in Path(name).parts:
            raise _broken(f"the manifest names a foreign file: {name}")
        if not path.is_file():
            raise _broken(f"{path} is missing")
        if checksum(path) != told["sha256"]:
            raise _broken(f"{path} is damaged: its checksum is another")


def _read(folder: Path) -> Manifest | Increment:
    path = folder / MANIFEST
    try:
        found = json.loads(path.read_text(encoding="utf-8"))
        if isinstance(found, dict) and found.get("format") == FORMAT:
            return Increment(**found)
    except (OSError, ValueError, TypeError) as error:
        raise InvalidInput("no_backup", f"{folder} holds no backup: {error}") from error
    return Manifest.read(folder)


def _as_link(whole: Manifest) -> Increment:
    end = int(whole.files.get(CHECKPOINTS, {}).get("size_bytes", 0))
    models = (Path(name) for name in whole.files if name.startswith(f"{MODELS}/"))
    return Increment(
        format=FORMAT,
        product=whole.product,
        schema=whole.schema,
        made_at=whole.made_at,
        id=whole.id,
        previous="",
        changes={},
        positions={tenant: counts["position"] for tenant, counts in whole.tenants.items()},
        master_keys=whole.master_keys,
        models=tuple(str(name.relative_to(MODELS)) for name in models),
        checkpoints={"from": 0, "until": end},
        files=whole.files,
    )


def _require_files(folder: Path, files: Mapping[str, Mapping[str, Any]]) -> None:
    for name, told in files.items():
        path = folder / name
        if not path.is_file() or path.stat().st_size != told["size_bytes"]:
            raise _broken(f"{path} is missing or damaged: make a whole backup with --track instead")


def _belongs(name: str) -> bool:
    parts = Path(name).parts
    return name == CHECKPOINTS or (len(parts) > 1 and parts[0] in _PLACES and ".." not in parts)


def _broken(message: str) -> InvalidInput:
    return InvalidInput("bad_backup", message)
