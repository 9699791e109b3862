"""`answerable migrate`: bring the database up to this version."""

from collections.abc import Sequence

from answerable.cli.options import add_data, out, parser, settings
from answerable.processes.schema import current_revision, newest_revision, upgrade
from answerable.processes.stored import DATABASE_NAME


def run(arguments: Sequence[str]) -> int:
    options = parser(
        "migrate",
        "Brings the database up to this version, in one transaction; a repeat does nothing. "
        "`run` does this at every start.",
    )
    add_data(options)
    options.add_argument("--json", action="store_true", help='{"from","to"}')
    given = options.parse_args(arguments)
    read = settings(given.data, LOG_LEVEL="warning")
    read.data.mkdir(parents=True, exist_ok=True, mode=0o700)
    path = read.data / DATABASE_NAME
    before = current_revision(path)
    upgrade(path)
    after = newest_revision()
    if given.json:
        out({"from": before, "to": after})
    elif before == after:
        print(f"{path} is at revision {after}: nothing to do")
    else:
        print(f"{path}: from {before or 'nothing'} to revision {after}")
    return 0
