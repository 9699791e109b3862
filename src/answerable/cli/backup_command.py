"""`answerable backup`: a consistent copy of a working installation, and back again."""

from argparse import ArgumentParser, Namespace
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from answerable.cli.options import add_store, out, parser, say, settings
from answerable.kit.clock import SystemClock
from answerable.processes.backup import back_up
from answerable.processes.incremental import back_up_since
from answerable.processes.restore import restore
from answerable.processes.settings import Settings
from answerable.processes.stored import existing_store
from answerable.processes.tracking import stop_tracking


def run(arguments: Sequence[str]) -> int:
    options = _options()
    given = options.parse_args(arguments)
    if given.restore is None and given.erasures is not None:
        options.error("--erasures goes with --restore")
    if given.out is None and (given.with_keys or given.track or given.since is not None):
        options.error("--with-keys, --track and --since go with --out")
    read = settings(given.data, DATABASE=given.database, LOG_LEVEL="warning")
    if given.stop_tracking:
        return _stop_tracking(read)
    if given.restore is not None:
        return _restore(read, given)
    return _back_up(read, given) if given.since is None else _back_up_since(read, given)


def _options() -> ArgumentParser:
    options = parser(
        "backup",
        "Copies a working installation's data, whole or what changed since the last backup, or "
        "makes a new directory (and fills a server's empty database) from copies.",
    )
    add_store(options)
    way = options.add_mutually_exclusive_group(required=True)
    way.add_argument("--out", metavar="DIR", type=Path, help="copy into this new directory")
    way.add_argument(
        "--restore",
        metavar="DIR",
        nargs="+",
        type=Path,
        help="make --data (and fill --database) from the whole copy in this directory, and from "
        "the increments that follow it, in order",
    )
    way.add_argument(
        "--stop-tracking",
        action="store_true",
        help="note no changes any more: no increment can follow the last backup",
    )
    kind = options.add_mutually_exclusive_group()
    kind.add_argument(
        "--track",
        action="store_true",
        help="with --out: a whole copy, after which changes are noted, so that --since can follow",
    )
    kind.add_argument(
        "--since",
        metavar="DIR",
        type=Path,
        help="with --out: only what changed since the last backup, which is in this directory",
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
    return options


def _back_up(read: Settings, given: Namespace) -> int:
    manifest = back_up(read, given.out, SystemClock(), with_keys=given.with_keys, track=given.track)
    if given.json:
        out(asdict(manifest))
    for tenant, counts in manifest.tenants.items():
        say(f"{tenant}: {counts['conversations']} conversations, {counts['events']} events")
    if given.track:
        say(f"Changes are noted from now on: --since {given.out} copies them.")
    _say_keys(given.with_keys, manifest.master_keys)
    return 0


def _back_up_since(read: Settings, given: Namespace) -> int:
    done = back_up_since(read, given.out, given.since, SystemClock(), with_keys=given.with_keys)
    if given.json:
        out(asdict(done))
    rows = sum(counts["rows"] for counts in done.changes.values())
    gone = sum(counts["gone"] for counts in done.changes.values())
    say(f"{rows} rows are new or changed, {gone} are gone since the backup in {given.since}.")
    _say_keys(given.with_keys, done.master_keys)
    return 0


def _say_keys(copied: bool, master_keys: Sequence[str]) -> None:
    if copied:
        say("WARNING: the keys are in the copy. Whoever has it can read everything.")
    else:
        say(f"The keys are not in the copy. It needs master key {_names(master_keys)}.")


def _stop_tracking(read: Settings) -> int:
    if stop_tracking(existing_store(read)):
        say("Changes are not noted any more.")
    else:
        say("Changes were not noted.")
    return 0


def _restore(read: Settings, given: Namespace) -> int:
    whole, *increments = given.restore
    done = restore(
        whole,
        read.data,
        SystemClock(),
        increments=increments,
        database=read.database,
        erasures=given.erasures,
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
            f"{_names(done.master_keys)}, and the signing key."
        )
    return 0


def _names(keys: Sequence[str]) -> str:
    return ", ".join(keys) or "(none: there is no text in it)"
