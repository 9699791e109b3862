"""Tracking of changes in a store that is in use: begun with a whole backup, ended on demand."""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryFile

import sqlalchemy as sa
from sqlalchemy import Connection

from answerable.kit.errors import Conflict, InvalidInput
from answerable.kit.postgres_connection import sqlstate
from answerable.processes.row_changes import (
    Link,
    Note,
    as_stored,
    begin_chain,
    follow,
    forget,
    hold_chain,
    last_link,
    not_tracked,
    noted,
    noted_tables,
    remove_notes,
    track,
    tracked_tables,
    untrack,
)
from answerable.processes.schema import DEADLOCK, LOCK_NOT_AVAILABLE, transaction

_FORGOTTEN = 5000  # notes a transaction: the store's other writers wait for each


class Notes:
    """Notes of what a backup holds, in a file without a name until they are forgotten."""

    def __init__(self) -> None:
        self._file = TemporaryFile("w+", encoding="utf-8")  # noqa: SIM115 - closed by `__exit__`

    def __enter__(self) -> "Notes":
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def add(self, notes: list[Note]) -> None:
        for note in notes:
            self._file.write(json.dumps([note.table, note.key, note.n]) + "\n")

    def add_all(self, tx: Connection) -> None:
        """Everything that is noted in this snapshot."""
        for table in noted_tables(tx):
            for part in noted(tx, table):
                self.add(part)

    def parts(self) -> Iterator[list[Note]]:
        self._file.seek(0)
        part: list[Note] = []
        for line in self._file:
            table, key, n = json.loads(line)
            part.append(Note(table=table, key=key, n=n))
            if len(part) == _FORGOTTEN:
                yield part
                part = []
        if part:
            yield part


def start_tracking(store: Path | str) -> Link:
    """Note every change from now on; the last backup there was, or a new beginning.

    Returns once no change can escape: what other transactions had under way is committed. Tables
    follow one another, each in a transaction of its own, so that those at work wait for a moment
    only. A repeat does nothing. Raises Conflict if a table is held by others for too long, or
    somebody else begins or ends the tracking meanwhile.
    """
    with _changing(store) as tx:
        link, missing = last_link(tx), as_stored(tx, not_tracked(tx))
        if link is None or missing:
            link = begin_chain(tx)
    for table in missing:
        with _changing(store) as tx:
            hold_chain(tx, link)
            track(tx, table)
    return link


def stop_tracking(store: Path | str) -> bool:
    """Remove triggers and notes; False if there were none. Raises as `start_tracking` does.

    Interrupted, it has ended the chain; a repeat removes the rest.
    """
    with _changing(store) as tx:
        if last_link(tx) is None:
            return False
        link, tables = begin_chain(tx), tracked_tables(tx)
    for table in tables:
        with _changing(store) as tx:
            hold_chain(tx, link)
            untrack(tx, table)
    with _changing(store) as tx:
        hold_chain(tx, link)
        remove_notes(tx)
    return True


def require_tracked(tx: Connection) -> Link:
    """The last backup. Raises InvalidInput unless every change since is noted."""
    link = last_link(tx)
    if link is None or not_tracked(tx):
        raise InvalidInput(
            "not_tracked",
            "changes are not noted here (a migration ends it): make a whole backup with --track, "
            "from which the next ones can go on",
        )
    return link


def record_backup(store: Path | str, *, previous: str, link: Link, notes: Notes) -> None:
    """Make a backup that is on disk the last one, and forget the changes that it holds.

    Interrupted between the two, the next increment holds them once more.
    Raises Conflict if `previous` is not the last one any more; then nothing is changed.
    """
    with transaction(store) as tx:
        if not follow(tx, previous, link):
            raise Conflict(
                "backup_overtaken",
                "another backup was made meanwhile, or tracking was stopped: no increment can "
                "follow this one; go on from the other one, or make a whole backup with --track",
            )
    for part in notes.parts():
        with transaction(store) as tx:
            if last_link(tx) is not None:
                forget(tx, part)


@contextmanager
def _changing(store: Path | str) -> Iterator[Connection]:
    """A transaction that may lock a table, but does not let others wait for long behind it."""
    try:
        with transaction(store) as tx:
            if tx.dialect.name == "postgresql":
                tx.exec_driver_sql("SET LOCAL lock_timeout = '3s'")
            yield tx
    except sa.exc.OperationalError as error:
        if sqlstate(error) not in (LOCK_NOT_AVAILABLE, DEADLOCK):
            raise
        raise Conflict(
            "tracking_refused",
            "others held a table for too long, and changes are not tracked as asked: try again",
        ) from error
