"""`answerable backup`: a consistent copy of a working installation, and back again."""

from argparse import Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from answerable.cli.options import add_store, out, parser, say, settings
from answerable.kit.clock import SystemClock
from answerable.processes.backup import back_up
from answerable.processes.restore import restore
from answerable.processes.settings import Settings


def run(arguments: Sequence[str]) -> int:
    options = parser(
        "backup",
        "Copies a working installation's data, or makes a new directory (and fills a server's "
        "empty database) from a copy.",
    )
    add_store(options)
    way = options.add_mutually_exclusive_group(required=True)
    way.add_argument("--out", metavar="DIR", type=Path, help="copy into this new directory")
    way.add_argument(
        "--restore",
        metavar="DIR",
        type=Path,
        help="make --data (and fill --database) from the copy in this directory",
    )
    options.add_argument(
        "--with-keys", action="store_true", help="copy the keys too; guard the copy like a key"
    )
    options.add_argument(
        "--erasures",
        metavar="F",
        type=Path,
        help="with --restore: an export made after the backup, whose erasures are done again",
    )
    options.add_argument("--json", action="store_true", help="what was done, as one JSON value")
    given = options.parse_args(arguments)
    if given.restore is None and given.erasures is not None:
        options.error("--erasures goes with --restore")
    if given.restore is not None and given.with_keys:
        options.error("--with-keys goes with --out")
    read = settings(given.data, DATABASE=given.database, LOG_LEVEL="warning")
    return _back_up(read, given) if given.restore is None else _restore(read, given)


def _back_up(read: Settings, given: Namespace) -> int:
    manifest = back_up(read, given.out, SystemClock(), with_keys=given.with_keys)
    if given.json:
        out(asdict(manifest))
    for tenant, counts in manifest.tenants.items():
        say(f"{tenant}: {counts['conversations']} conversations, {counts['events']} events")
    if given.with_keys:
        say("WARNING: the keys are in the copy. Whoever has it can read everything.")
    else:
        say(f"The keys are not in the copy. It needs master key {_names(manifest.master_keys)}.")
    return 0


def _restore(read: Settings, given: Namespace) -> int:
    done = restore(
        given.restore, read.data, SystemClock(), database=read.database, erasures=given.erasures
    )
    if given.json:
        out(asdict(done))
    say(
        f"Checksums, chains and counts are right. {done.held} pieces of work were under way when "
        f"the copy was made and are not repeated; {done.handed} conversations wait for people."
    )
    if done.unread_mails:
        say(f"{done.unread_mails} mails had not been read; they too will go to people.")
    if given.erasures is None:
        say(
            "Contacts erased after the backup are in it: restore with --erasures and a later "
            "`answerable audit export` to erase them again."
        )
    else:
        say(f"{done.erased} contacts were erased again.")
    if not done.keys:
        keys = read.data / "keys"
        say(
            f"Put the keys into {keys} before the start: master key "
            f"{_names(done.manifest.master_keys)}, and the signing key."
        )
    return 0


def _names(keys: Sequence[str]) -> str:
    return ", ".join(keys) or "(none: there is no text in it)"
