"""`answerable audit export|verify`: the ledger for those who do not take our word for it."""

import asyncio
import contextlib
import os
import sqlite3
import sys
from argparse import Namespace
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import BinaryIO

from answerable.cli.options import add_store, parser, say, settings
from answerable.kit.clock import SystemClock
from answerable.kit.errors import InvalidInput
from answerable.kit.ids import TenantId
from answerable.ledger.checkpoint import is_sealed
from answerable.ledger.verify import read_key, read_outside, report, report_json, verify
from answerable.processes.auditing import export_ledger
from answerable.processes.keys import signing_key
from answerable.processes.stored import database_of, existing_store


def run(arguments: Sequence[str]) -> int:
    options = parser("audit", "Exports the ledger, or verifies an export.")
    commands = options.add_subparsers(dest="command", metavar="export|verify", required=True)
    export = commands.add_parser("export", help="write the ledger as JSON lines")
    add_store(export)
    export.add_argument("--tenant", metavar="T", help="whose; default: the only one there is")
    export.add_argument(
        "--after", metavar="N", type=int, default=0, help="only what came after checkpoint N"
    )
    export.add_argument("--out", metavar="F", type=Path, help="default: standard output")
    check = commands.add_parser("verify", help="check an export; needs no database")
    check.add_argument("file", metavar="FILE", type=Path, help="an export, or - for standard input")
    check.add_argument(
        "--checkpoints", metavar="F", type=Path, help="checkpoints that were kept elsewhere"
    )
    check.add_argument(
        "--public-key", metavar="K", help="the key you trust: base64, or a file that holds it"
    )
    check.add_argument(
        "--state", metavar="F", type=Path, help="what was accepted before; noted anew if this is"
    )
    check.add_argument("--json", action="store_true", help="the findings as one JSON value")
    given = options.parse_args(arguments)
    return _export(given) if given.command == "export" else _verify(given)


def _export(given: Namespace) -> int:
    read = settings(given.data, DATABASE=given.database, LOG_LEVEL="warning")
    store = existing_store(read)
    tenant = TenantId(given.tenant) if given.tenant else None

    async def export(out: BinaryIO) -> str:
        database = database_of(store)
        try:
            key = signing_key(read, sealed=await database.read(is_sealed))
            counts = await export_ledger(
                database, read, key, SystemClock(), tenant=tenant, out=out, after=given.after
            )
        finally:
            await database.close()
        return f"{counts.events} events, {counts.checkpoints} checkpoints, public key {key.public}"

    with _output(given.out) as out:
        say(asyncio.run(export(out)))
    return 0


@contextlib.contextmanager
def _output(path: Path | None) -> Iterator[BinaryIO]:
    """Standard output, or a file that is there only once it is whole, for its owner alone."""
    if path is None:
        yield sys.stdout.buffer
        sys.stdout.buffer.flush()
        return
    part = path.with_name(f"{path.name}.part")
    descriptor = os.open(part, os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            yield file
            file.flush()
            os.fsync(file.fileno())
        part.replace(path)
    finally:
        part.unlink(missing_ok=True)


def _verify(given: Namespace) -> int:
    try:
        key = read_key(given.public_key) if given.public_key else None
    except ValueError as error:
        raise InvalidInput("bad_public_key", f"--public-key: {error}") from error
    outside = read_outside(given.checkpoints) if given.checkpoints else None
    try:
        if str(given.file) == "-":
            done = verify(sys.stdin.buffer, key, outside, given.state)
        else:
            with given.file.open("rb") as file:
                done = verify(file, key, outside, given.state)
    except sqlite3.Error as error:
        raise InvalidInput("bad_state", f"--state: {given.state}: {error}") from error
    print(report_json(done) if given.json else report(done))
    return 1 if done.findings else 0
