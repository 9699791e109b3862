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
    given = options.parse_args(arguments)
    if not given.mbox and not given.eml:
        options.error("name mail to take in: --mbox F or --eml F…")
    mails = raw_mails(given.mbox, given.eml)
    if not mails:
        say("no mail in these files")
        return 1
    if given.data is not None:
        return asyncio.run(
            _intake(settings(given.data, LOG_LEVEL="error"), given.service, given.inbox, mails)
        )
    with tempfile.TemporaryDirectory() as passing:
        return asyncio.run(
            _intake(settings(passing, LOG_LEVEL="error"), given.service, given.inbox, mails)
        )


async def _intake(read: Settings, service: Path, inbox: str | None, mails: list[bytes]) -> int:
    ((_, definition),) = load_services([service], installed_actions())
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
