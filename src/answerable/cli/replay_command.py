"""`answerable replay SERVICE [--against OTHER]`: decisions run again over the stored ledger."""

import sys
from collections.abc import Mapping, Sequence
from dataclasses import asdict
from pathlib import Path
from typing import Any

from sqlalchemy import Engine

from answerable.cli.options import add_store, out, parser, say, settings
from answerable.definition.schema import ServiceDefinition
from answerable.kit.errors import InvalidInput
from answerable.playbooks.library import installed_actions
from answerable.processes.comparing import Changed, Comparison, compare
from answerable.processes.replaying import Replayed, replay
from answerable.processes.stored import existing_store, opened, read_definitions
from answerable.processes.wiring import load_services


def run(arguments: Sequence[str]) -> int:
    options = parser(
        "replay",
        "Runs every decision again over the stored ledger and shows what differs; or what "
        "another definition would decide. Reads only.",
    )
    options.add_argument("service", metavar="SERVICE", type=Path)
    options.add_argument(
        "--against", metavar="OTHER", type=Path, help="decide again under this definition"
    )
    add_store(options)
    options.add_argument("--json", action="store_true", help="the result as one JSON value")
    given = options.parse_args(arguments)
    read = settings(given.data, DATABASE=given.database, LOG_LEVEL="warning")
    actions = installed_actions()
    ((_, definition),) = load_services([given.service], actions)
    other = None
    if given.against is not None:
        ((_, other),) = load_services([given.against], actions)
        if other.tenant != definition.tenant:
            raise InvalidInput(
                "other_tenant",
                f"{given.against} is the service {other.tenant}, not {definition.tenant}",
            )
    with opened(existing_store(read)) as engine:
        return _run(engine, definition, other, as_json=given.json)


def _run(
    engine: Engine, definition: ServiceDefinition, other: ServiceDefinition | None, *, as_json: bool
) -> int:
    actions = installed_actions()
    with engine.begin() as tx:
        definitions = read_definitions(tx, definition, actions)
    for digest in definitions.unreadable:
        say(f"the stored definition {digest[:12]} does not load under this version")
    if other is not None:
        comparison = compare(engine, definition.tenant, definitions, other, actions)
        out(_comparison_json(comparison)) if as_json else _show_comparison(comparison)
        return 1 if comparison.lost_sensitive or comparison.unanswerable else 0
    replayed = replay(engine, definition.tenant, definitions, actions)
    out(asdict(replayed)) if as_json else _show_replayed(replayed)
    return 1 if replayed.differences else 0


def _show_replayed(replayed: Replayed) -> None:
    for difference in replayed.told:
        sys.stdout.write(f"{difference.conversation} {difference.seq}: {difference.what}\n")
        for name, record in (("stored", difference.stored), ("now", difference.now)):
            if record is not None:
                sys.stdout.write(f"  {name:<6} {record}\n")
    sys.stdout.write(
        f"{replayed.conversations} conversations, {replayed.events} events, "
        f"{replayed.decisions} decisions, {replayed.differences} differences\n"
    )
    if replayed.interrupted:
        say(f"{replayed.interrupted} conversations were given to people by an error or a restore")


def _show_comparison(comparison: Comparison) -> None:
    for change in comparison.changed:
        flag = "  SENSITIVE HAND-OFF LOST" if change.loses_sensitive else ""
        sys.stdout.write(f"{_line(change)}{flag}\n")
    sys.stdout.write(
        f"{comparison.conversations} conversations, {comparison.decisions} decisions, "
        f"{len(comparison.changed)} would be others\n"
    )
    for before, after, number in comparison.moves():
        sys.stdout.write(f"  {number:>6}  {before} -> {after}\n")
    if comparison.unanswerable:
        say(f"{comparison.unanswerable} conversations do not replay and were not compared")
    if comparison.lost_sensitive:
        say(
            f"WARNING: {comparison.lost_sensitive} sensitive matters that were handed to people "
            "would not be any more"
        )


def _line(change: Changed) -> str:
    return (
        f"{change.conversation}  {change.seq:>5}  {_cell(change.before)} -> {_cell(change.after)}"
    )


def _cell(decision: Mapping[str, Any] | None) -> str:
    if decision is None:
        return "(no decision)"
    kind, *rest = (str(value) for value in decision.values())
    return f"{kind} ({', '.join(rest)})" if rest else kind


def _comparison_json(comparison: Comparison) -> dict[str, Any]:
    moves = [{"before": b, "after": a, "count": n} for b, a, n in comparison.moves()]
    return {**asdict(comparison), "lost_sensitive": comparison.lost_sensitive, "moves": moves}
