"""`answerable migrate`: bring the database up to this version."""

from collections.abc import Sequence
from pathlib import Path

from answerable.cli.options import add_store, out, parser, settings
from answerable.processes.schema import current_revision, newest_revision, upgrade
from answerable.processes.stored import shown_store, store_of


def run(arguments: Sequence[str]) -> int:
    options = parser(
        "migrate",
        "Brings the database up to this version, in one transaction; a repeat does nothing. "
        "`run` does this at every start with a SQLite file, and never on a server.",
    )
    add_store(options)
    options.add_argument("--json", action="store_true", help='{"from","to"}')
    given = options.parse_args(arguments)
    read = settings(given.data, DATABASE=given.database, LOG_LEVEL="warning")
    store = store_of(read)
    if isinstance(store, Path):
        read.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    before = current_revision(store)
    upgrade(store)
    name = shown_store(store)
    after = newest_revision()
    if given.json:
        out({"from": before, "to": after})
    elif before == after:
        print(f"{name} is at revision {after}: nothing to do")
    else:
        print(f"{name}: from {before or 'nothing'} to revision {after}")
    return 0
