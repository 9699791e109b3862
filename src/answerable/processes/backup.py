"""Backup of an installation while it works: one consistent copy, and a manifest to check it by.

manifest.json        what is in it, under which versions, with a checksum of each file
answerable.db        the database as of one moment; or, of a server's,
tables/              the tables as of one moment
checkpoints.jsonl    the checkpoints kept outside the database, never newer than the copy
models/              the versions that were added; other models are trained anew
keys/                only if asked for: whoever has keys and copy can read everything
"""

import hashlib
import json
import os
import shutil
import sqlite3
from collections.abc import Collection, Mapping
from contextlib import closing
from dataclasses import asdict, dataclass
from pathlib import Path
from typing import Any

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable import __version__
from answerable.kit.clock import Clock
from answerable.kit.database import metadata
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import new_id
from answerable.ledger.event import wire_time
from answerable.ledger.tables import event, stream
from answerable.privacy.store import master_key_ids
from answerable.processes.row_changes import Link, remove_tracking
from answerable.processes.schema import load_tables, revision_of, transaction
from answerable.processes.settings import Settings
from answerable.processes.stored import DATABASE_NAME, existing_store, opened, stored_tenants
from answerable.processes.table_files import TABLES, write_tables
from answerable.processes.tracking import Notes, record_backup, start_tracking

FORMAT = "answerable-backup-1"
MANIFEST = "manifest.json"
CHECKPOINTS = "checkpoints.jsonl"
MODELS = "models"


@dataclass(frozen=True, kw_only=True)
class Manifest:
    """What a backup holds. tables: rows of each; tenants: conversations, events and the last feed
    position of each; master_keys: ids of the keys without which its texts cannot be read.

    id: what an increment names that follows it; older backups have none.
    """

    format: str
    product: str
    schema: str | None
    made_at: str
    tables: Mapping[str, int]
    tenants: Mapping[str, Mapping[str, int]]
    master_keys: tuple[str, ...]
    files: Mapping[str, Mapping[str, Any]]
    id: str = ""

    @classmethod
    def read(cls, folder: Path) -> "Manifest":
        """Raises InvalidInput unless `folder` is a backup that this version understands."""
        path = folder / MANIFEST
        try:
            found = json.loads(path.read_text(encoding="utf-8"))
            manifest = cls(**found)
        except (OSError, ValueError, TypeError) as error:
            raise InvalidInput("no_backup", f"{folder} holds no backup: {error}") from error
        if manifest.format != FORMAT:
            raise InvalidInput("no_backup", f"{path}: the format is not {FORMAT}")
        return manifest


def back_up(
    settings: Settings, out: Path, clock: Clock, *, with_keys: bool = False, track: bool = False
) -> Manifest:
    """Copy the installation into the new directory `out`, without disturbing whoever uses it.

    track: note from now on which rows change, so that increments can follow (`incremental`).
    Raises InvalidInput if `out` holds something already; with `track` Conflict as `start_tracking`
    and `record_backup` do. Of models only the versions are copied: the others are trained anew
    from the definitions.
    """
    source = existing_store(settings)
    new_directory(out)
    with Notes() as notes:
        # Before the copy begins: what changes while it is made is in it, or noted, or both.
        before = start_tracking(source) if track else None
        manifest = _copy_whole(
            settings, source, out, clock, with_keys=with_keys, notes=notes if track else None
        )
        if before is not None:
            sync_folders(out)
            link = Link(id=manifest.id, made_at=manifest.made_at)
            record_backup(source, previous=before.id, link=link, notes=notes)
    return manifest


def _copy_whole(
    settings: Settings, source: Path | str, out: Path, clock: Clock, *, with_keys: bool,
    notes: Notes | None,
) -> Manifest:  # fmt: skip
    # First the file: a checkpoint is in the database before it is in the file.
    if settings.checkpoint_file.exists():
        copy_file(settings.checkpoint_file, out / CHECKPOINTS)
    made_at = wire_time(clock.now())
    if with_keys:
        copy_keys(settings, out / "keys")
    copy_versions(settings.models, out / MODELS)
    if isinstance(source, Path):
        copy_database(source, out / DATABASE_NAME)
        source = out / DATABASE_NAME
        _take_notes_out(source, notes)
    with opened(source) as engine, engine.begin() as tx:
        if isinstance(source, str):
            if notes is not None:
                notes.add_all(tx)
            write_tables(tx, out / TABLES)
        manifest = Manifest(
            id=new_id("bkp"),
            format=FORMAT,
            product=f"answerable {__version__}",
            schema=revision_of(tx),
            made_at=made_at,
            tables=count_tables(tx),
            tenants=count_tenants(tx),
            master_keys=tuple(sorted(master_key_ids(tx))),
            files=files_of(out),
        )
    write_whole(out / MANIFEST, json.dumps(asdict(manifest), indent=2).encode() + b"\n")
    return manifest


def copy_database(source: Path, target: Path) -> None:
    """SQLite's own online backup, in one step: with several, each commit would start it anew."""
    os.close(os.open(target, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600))
    with (
        closing(sqlite3.connect(source, timeout=30)) as here,
        closing(sqlite3.connect(target)) as there,
    ):
        here.execute("PRAGMA query_only=ON")
        here.backup(there, pages=-1)
        there.execute("PRAGMA journal_mode=DELETE")  # one file, and nothing beside it


def _take_notes_out(copy: Path, notes: Notes | None) -> None:
    """Of the copy of a file that tracks changes: a copy does not."""
    with transaction(copy) as tx:
        if notes is not None:
            notes.add_all(tx)
        remove_tracking(tx)


def count_tables(tx: Connection) -> dict[str, int]:
    load_tables()
    return {
        table.name: tx.execute(sa.select(sa.func.count()).select_from(table)).scalar_one()
        for table in metadata.sorted_tables
    }


def count_tenants(tx: Connection) -> dict[str, dict[str, int]]:
    found: dict[str, dict[str, int]] = {}
    for tenant in stored_tenants(tx):
        conversations = sa.select(sa.func.count()).where(
            stream.c.tenant == tenant, stream.c.kind == "conversation"
        )
        events = sa.select(
            sa.func.count(), sa.func.coalesce(sa.func.max(event.c.position), 0)
        ).where(event.c.tenant == tenant)
        number, position = tx.execute(events).one()
        found[tenant] = {
            "conversations": tx.execute(conversations).scalar_one(),
            "events": number,
            "position": position,
        }
    return found


def new_directory(path: Path) -> None:
    """Make `path`, for its owner alone. Raises InvalidInput if there is something in it."""
    if path.exists() and (not path.is_dir() or any(path.iterdir())):
        raise InvalidInput("not_empty", f"{path} is not empty; name a new directory")
    path.mkdir(parents=True, exist_ok=True, mode=0o700)


def copy_file(source: Path, target: Path) -> None:
    """Copy a file for its owner alone."""
    write_whole(target, source.read_bytes())


def write_whole(path: Path, content: bytes) -> None:
    """Write a new private file, on disk when this returns."""
    descriptor = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    with os.fdopen(descriptor, "wb") as file:
        file.write(content)
        file.flush()
        os.fsync(file.fileno())


def checksum(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def sync_folders(path: Path) -> None:
    """See to it that the names of all files below are on disk, as what is in them is."""
    for folder in (path.parent, path, *(one for one in path.rglob("*") if one.is_dir())):
        descriptor = os.open(folder, os.O_RDONLY)
        try:
            os.fsync(descriptor)
        finally:
            os.close(descriptor)


def copy_keys(settings: Settings, target: Path) -> None:
    target.mkdir(mode=0o700)
    for path in (settings.data / "keys" / "master.key", settings.signing_key_file):
        if path.exists():
            shutil.copyfile(path, target / path.name)
            (target / path.name).chmod(0o600)


def copy_versions(models: Path, target: Path, *, but: Collection[str] = ()) -> None:
    """Copy the versions' files. but: names below `models` of those that a backup has already."""
    # The ledger names them, and the labelled messages they learnt from may be gone.
    for path in sorted(models.glob("*/versions/*/*")):
        name = path.relative_to(models)
        if path.is_file() and not path.parent.name.endswith(".part") and str(name) not in but:
            copy = target / name
            copy.parent.mkdir(parents=True, exist_ok=True, mode=0o700)
            copy_file(path, copy)


def files_of(out: Path) -> dict[str, dict[str, Any]]:
    """Size and checksum of everything in a backup, by name."""
    return {
        str(path.relative_to(out)): {"size_bytes": path.stat().st_size, "sha256": checksum(path)}
        for path in sorted(out.rglob("*"))
        if path.is_file() and not path.name.endswith(("-wal", "-shm"))
    }
