"""`answerable models COMMAND SERVICE`: versions of a model, and what agents labelled."""

import asyncio
import sys
from argparse import ArgumentParser, Namespace
from collections.abc import Awaitable, Callable, Sequence
from pathlib import Path
from typing import Any

from answerable.cli.options import add_store, out, parser, say, settings
from answerable.cli.report_output import show_report, show_table, write_page
from answerable.kit.clock import SystemClock
from answerable.playbooks.library import installed_actions
from answerable.privacy.vault import Vault
from answerable.processes.keys import master_key
from answerable.processes.labelled_messages import labelled_messages
from answerable.processes.model_versions import ModelVersions
from answerable.processes.stored import database_of, existing_store
from answerable.processes.version_pages import (
    difference_table,
    list_table,
    version_data,
    version_page,
)
from answerable.processes.wiring import load_services
from answerable.understanding.evaluation_file import read_evaluation
from answerable.understanding.examples import write_examples

Work = Callable[[ModelVersions, Namespace], Awaitable[None]]


def run(arguments: Sequence[str]) -> int:
    options = parser("models", "Shows a service's model versions, and changes which one is live.")
    names = "list|show|add|shadow|promote|rollback|labels"
    commands = options.add_subparsers(dest="command", metavar=names, required=True)

    def command(name: str, summary: str, work: Work) -> ArgumentParser:
        made = commands.add_parser(name, help=summary, description=summary)
        made.add_argument("service", metavar="SERVICE", type=Path)
        add_store(made)
        made.set_defaults(work=work)
        return made

    listed = command("list", "all versions, and which is live", _list)
    listed.add_argument("--json", action="store_true", help="as one JSON value")
    shown = command("show", "what a version is worth, and what it said in shadow", _show)
    shown.add_argument("name", metavar="NAME")
    shown.add_argument("--html", metavar="FILE", type=Path, help="write a page with charts there")
    shown.add_argument("--json", action="store_true", help="as one JSON value")
    added = command("add", "make a trained model a version; it is copied", _add)
    added.add_argument("model", metavar="M", type=Path, help="a directory made by `train`")
    shadowed = command("shadow", "let a version read beside the live one", _shadow)
    shadowed.add_argument("name", metavar="NAME", help="a version, or off for none")
    promoted = command("promote", "make a version live, unless it is worse", _promote)
    promoted.add_argument("name", metavar="NAME")
    promoted.add_argument(
        "--examples", metavar="F", type=Path, help="labelled messages to compare on"
    )
    promoted.add_argument(
        "--force", metavar="WHY", help="promote although it is worse; WHY stands in the ledger"
    )
    back = command("rollback", "go back to what was live before", _rollback)
    back.add_argument("--why", metavar="WHY", help="stands in the ledger")
    labels = command("labels", "write what agents labelled, to train with", _labels)
    labels.add_argument(
        "--out", metavar="F", type=Path, required=True, help="JSON lines for `train --examples`"
    )
    return _run(options.parse_args(arguments))


def _run(given: Namespace) -> int:
    read = settings(given.data, DATABASE=given.database, LOG_LEVEL="warning")
    ((_, definition),) = load_services([given.service], installed_actions())
    store = existing_store(read)

    async def work() -> None:
        database = database_of(store)
        try:
            versions = ModelVersions(
                settings=read, definition=definition, database=database, clock=SystemClock()
            )
            await given.work(versions, given)
        finally:
            await database.close()

    asyncio.run(work())
    return 0


async def _list(versions: ModelVersions, given: Namespace) -> None:
    known = await versions.all()
    if given.json:
        out({"live": known.live, "shadow": known.shadow, "versions": version_data(known)})
        return
    show_table(list_table(known))
    if known.live is None:
        say("live: the model trained from the definition's own examples")


async def _show(versions: ModelVersions, given: Namespace) -> None:
    known = await versions.all()
    known.get(given.name)
    stored = read_evaluation(versions.folder(given.name))
    summary = versions.shadowed(given.name)
    if given.html is not None:
        write_page(given.html, version_page(known, given.name, stored.report, summary))
        say(f"wrote {given.html}")
    table = difference_table(summary)
    if given.json:
        shadow: dict[str, Any] = {
            "read": summary.read,
            "same": summary.same,
            "left_out": summary.left_out,
            "differences": [list(row) for row in table.rows],
        }
        out({"name": given.name, "report": stored.report, "shadow": shadow})
        return
    show_report(stored.report)
    sys.stdout.write(f"\n{table.caption}\n")
    if table.rows:
        show_table(table)


async def _add(versions: ModelVersions, given: Namespace) -> None:
    name = await versions.add(given.model)
    sys.stdout.write(f"{name}\n")


async def _shadow(versions: ModelVersions, given: Namespace) -> None:
    name = None if given.name == "off" else given.name
    await versions.shadow(name)
    say(f"in shadow: {name or 'nothing'}")


async def _promote(versions: ModelVersions, given: Namespace) -> None:
    compared = await versions.promote(given.name, examples=given.examples, reason=given.force)
    sys.stdout.write(f"{compared.overall.text}\n")
    for change in compared.intents:
        if change.lost or change.won:
            sys.stdout.write(f"  {change.text}\n")
    if compared.uncompared:
        say(f"not compared, for want of messages: {', '.join(compared.uncompared)}")
    if compared.relabelled:
        say(f"not compared, because they are labelled otherwise now: {compared.relabelled}")
    say(f"live: {given.name}")


async def _rollback(versions: ModelVersions, given: Namespace) -> None:
    live = (await versions.roll_back(given.why)).live
    say(f"live: {live or 'the model trained from the definition alone'}")


async def _labels(versions: ModelVersions, given: Namespace) -> None:
    vault = Vault(master_key(versions.settings, fresh=False), clock=versions.clock)
    found = await labelled_messages(versions.database, vault, versions.definition)
    write_examples(given.out, found.examples)
    say(f"wrote {len(found.examples)} labelled messages to {given.out}, with masked texts")
    if found.erased:
        say(f"left out, because their contact was erased: {found.erased}")
    if found.outdated:
        say(f"left out, because the definition has their intent no more: {found.outdated}")
