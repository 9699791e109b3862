"""`answerable intake SERVICE --mbox F | --eml F…`: mail from files through the whole flow."""

import asyncio
import tempfile
from collections.abc import Sequence
from pathlib import Path

from answerable.cli.options import out, parser, say, settings
from answerable.contacts.threading import Evidence
from answerable.playbooks.library import installed_actions
from answerable.processes.intake_files import Unsent, intake_mails, raw_mails
from answerable.processes.settings import Settings
from answerable.processes.stored import refuse_in_use
from answerable.processes.wiring import load_services, open_platform


def run(arguments: Sequence[str]) -> int:
    options = parser(
        "intake",
        "Takes mail from files through the whole flow; one JSON line a mail. Nothing is sent.",
    )
    options.add_argument("service", metavar="SERVICE", type=Path)
    options.add_argument("--mbox", metavar="F", type=Path, action="append", default=[])
    options.add_argument("--eml", metavar="F", type=Path, nargs="+", default=[])
    options.add_argument("--inbox", metavar="NAME", help="which mail inbox; default: the first")
    options.add_argument(
        "--data", metavar="DIR", help="keep the conversations there; default: forget them"
    )
    options.add_argument(
        "--database", metavar="URL", help="keep them on this PostgreSQL server, with keys in DIR"
    )
    given = options.parse_args(arguments)
    if not given.mbox and not given.eml:
        options.error("name mail to take in: --mbox F or --eml F…")
    mails = raw_mails(given.mbox, given.eml)
    if not mails:
        say("no mail in these files")
        return 1
    with tempfile.TemporaryDirectory() as passing:
        # Not what the environment names: mail is kept nowhere unless the command line says so.
        database = given.database or ""
        place = given.data or (None if database else passing)
        read = settings(place, DATABASE=database, LOG_LEVEL="error")
        return asyncio.run(_intake(read, given.service, given.inbox, mails))


async def _intake(read: Settings, service: Path, inbox: str | None, mails: list[bytes]) -> int:
    ((_, definition),) = load_services([service], installed_actions())
    if read.database is not None:
        refuse_in_use(read.database)
    places = [(definition.tenant, c.name) for c in definition.channels if c.kind == "email"]
    platform = await open_platform(
        read,
        [service],
        deliverers=dict.fromkeys(places, Unsent()),
        threading=Evidence.REFERENCE,
    )
    try:
        async for line in intake_mails(platform, mails, inbox):
            out(line)
    finally:
        await platform.close()
    return 0
