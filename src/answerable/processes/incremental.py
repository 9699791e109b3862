"""Incremental backups: what changed since the backup before, at the cost of what changed.

Nothing of it depends on how much is stored: rows are found by the keys that triggers noted, and
neither tables nor files of the store are read to their end.
"""

import json
import shutil
from dataclasses import asdict
from pathlib import Path
from typing import BinaryIO

from sqlalchemy import Connection

from answerable import __version__
from answerable.kit.clock import Clock
from answerable.kit.errors import Conflict, InvalidInput
from answerable.kit.ids import new_id
from answerable.ledger.event import wire_time
from answerable.processes.backup import (
    CHECKPOINTS,
    MANIFEST,
    MODELS,
    copy_keys,
    copy_versions,
    files_of,
    new_directory,
    sync_folders,
    write_whole,
)
from answerable.processes.backup_chain import CHANGES, FORMAT, KEYS, Increment, read_link
from answerable.processes.change_files import Copied, write_changes
from answerable.processes.row_changes import Link
from answerable.processes.schema import revision_of
from answerable.processes.settings import Settings
from answerable.processes.stored import existing_store, opened
from answerable.processes.tracking import Notes, record_backup, require_tracked


def back_up_since(
    settings: Settings, out: Path, since: Path, clock: Clock, *, with_keys: bool = False
) -> Increment:
    """Copy what changed since the backup in `since` into the new directory `out`.

    since: the last backup, a whole one with `track` or an increment.
    Raises InvalidInput if `since` is not the last one, or changes are not tracked; Conflict if
    another backup is made meanwhile. Then nothing is left in `out`.
    """
    with Notes() as notes:
        increment = copy_changes(settings, out, since, clock, notes, with_keys=with_keys)
        try:
            link = Link(id=increment.id, made_at=increment.made_at)
            store = existing_store(settings)
            record_backup(store, previous=increment.previous, link=link, notes=notes)
        except Conflict:
            shutil.rmtree(out)
            raise
    return increment


def copy_changes(
    settings: Settings, out: Path, since: Path, clock: Clock, notes: Notes, *,
    with_keys: bool = False,
) -> Increment:  # fmt: skip
    """The first half of `back_up_since`: the copy is on disk, and the store knows nothing of it.

    Ending here is safe: the next increment follows `since` too, and holds the same changes.
    """
    before, source = read_link(since), existing_store(settings)
    new_directory(out)
    try:
        # First the file: a checkpoint is in the database before it is in the file.
        checkpoints = _copy_tail(settings.checkpoint_file, out, before)
        made_at = wire_time(clock.now())
        if with_keys:
            copy_keys(settings, out / KEYS)
        copy_versions(settings.models, out / MODELS, but=set(before.models))
        with opened(source) as engine, engine.begin() as tx:
            _require_last(tx, since, before)
            copied = write_changes(tx, out / CHANGES, notes)
        increment = _increment(before, copied, out, made_at=made_at, checkpoints=checkpoints)
        write_whole(out / MANIFEST, json.dumps(asdict(increment), indent=2).encode() + b"\n")
        sync_folders(out)
    except BaseException:
        shutil.rmtree(out)
        raise
    return increment


def _require_last(tx: Connection, since: Path, before: Increment) -> None:
    last = require_tracked(tx)
    if not before.id or last.id != before.id:
        made = f"that of {last.made_at}" if last.made_at else "none yet"
        raise InvalidInput(
            "not_the_last",
            f"{since} is not the last backup, which is {made}: name that one with --since, or "
            "make a whole backup with --track",
        )
    if revision_of(tx) != before.schema:
        raise InvalidInput(
            "other_schema",
            f"{since} has another schema than the database has now: make a whole backup with "
            "--track",
        )


def _increment(
    before: Increment, copied: Copied, out: Path, *, made_at: str, checkpoints: dict[str, int]
) -> Increment:
    versions = out / MODELS
    new = (str(one.relative_to(versions)) for one in versions.rglob("*") if one.is_file())
    return Increment(
        format=FORMAT,
        product=f"answerable {__version__}",
        schema=before.schema,
        made_at=made_at,
        id=new_id("bkp"),
        previous=before.id,
        changes=copied.changes,
        positions={**before.positions, **copied.positions},
        master_keys=tuple(sorted({*before.master_keys, *copied.master_keys})),
        models=tuple(sorted({*before.models, *new})),
        checkpoints=checkpoints,
        files=files_of(out),
    )


def _copy_tail(file: Path, out: Path, before: Increment) -> dict[str, int]:
    """What was added to the checkpoints; all of them if the file is another one than before."""
    start = end = before.checkpoints["until"]
    if file.exists():
        with file.open("rb") as source:
            if not _ends_a_line(source, start):
                start = 0
            source.seek(start)
            added = source.read()
        if added or start != before.checkpoints["until"]:
            write_whole(out / CHECKPOINTS, added)
        end = start + len(added)
    return {"from": start, "until": end}


def _ends_a_line(file: BinaryIO, at: int) -> bool:
    """Whether the file goes on here as it did before: it is as long, and a line ended there."""
    if at == 0:
        return True
    file.seek(at - 1)
    return file.read(1) == b"\n"
