"""`answerable doctor`: what is wrong with an installation, and how to mend it."""

import os
import sys
from collections.abc import Sequence
from dataclasses import asdict
from pathlib import Path

from answerable.cli.options import add_store, out, parser, say
from answerable.kit.clock import SystemClock
from answerable.kit.telemetry import configure_logging
from answerable.processes.doctor import Visit, examine
from answerable.processes.roles import Role


def run(arguments: Sequence[str]) -> int:
    options = parser(
        "doctor",
        "Looks for misconfiguration and says how to mend it. Changes nothing.",
    )
    options.add_argument(
        "services", metavar="SERVICE", nargs="*", type=Path, help="default: those in force"
    )
    add_store(options)
    options.add_argument(
        "--role",
        choices=[role.value for role in Role],
        help="of the process that is to run here; all, unless there are several",
    )
    options.add_argument(
        "--connect", action="store_true", help="also knock at connectors and mail servers"
    )
    options.add_argument("--json", action="store_true", help="findings as JSON lines")
    given = options.parse_args(arguments)
    configure_logging(level="error")
    visit = Visit(
        environment=os.environ,
        data=given.data,
        database=given.database,
        role=given.role,
        services=given.services,
        connect=given.connect,
        clock=SystemClock(),
    )
    counts = dict.fromkeys(("ok", "warning", "problem"), 0)
    for finding in examine(visit):
        counts[finding.level] += 1
        if given.json:
            out(asdict(finding))
            continue
        mend = f" -> {finding.mend}" if finding.mend else ""
        sys.stdout.write(f"{finding.level:<8} {finding.check:<13} {finding.text}{mend}\n")
    say(f"{counts['problem']} problems, {counts['warning']} warnings")
    return 1 if counts["problem"] else 0
