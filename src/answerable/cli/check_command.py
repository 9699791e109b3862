"""`answerable check SERVICE`: what is wrong with a definition."""

import sys
from collections.abc import Iterator, Sequence
from pathlib import Path

from answerable.cli.options import out, parser, say
from answerable.connectors.set_up import check_integrations
from answerable.definition.load import load_definition
from answerable.definition.problem import Finding
from answerable.definition.schema import ServiceDefinition
from answerable.playbooks.library import installed_actions
from answerable.understanding.near_examples import near_contradictions


def run(arguments: Sequence[str]) -> int:
    options = parser("check", "Checks a service definition.")
    options.add_argument("service", metavar="SERVICE", type=Path)
    options.add_argument("--json", action="store_true", help="problems as JSON lines")
    given = options.parse_args(arguments)
    result = load_definition(
        given.service,
        actions=installed_actions().catalogue,
        further=_further,
    )
    for problem in result.problems:
        if given.json:
            out(
                {
                    "severity": problem.severity,
                    "file": problem.file,
                    "line": problem.line,
                    "column": problem.column,
                    "message": problem.message,
                }
            )
        else:
            sys.stdout.write(f"{problem}\n")
    if result.definition is None:
        say(f"{len(result.errors)} errors, {len(result.warnings)} warnings")
        return 1
    definition = result.definition
    say(
        f"{definition.tenant}: {len(definition.intents)} intents, "
        f"{len(definition.playbooks)} playbooks, {len(result.warnings)} warnings; "
        f"hash {definition.hash[:12]}"
    )
    return 0


def _further(loaded: ServiceDefinition) -> Iterator[Finding]:
    yield from check_integrations(loaded)
    yield from near_contradictions(loaded, _likeness)


def _likeness(one: str, two: str) -> float:
    # The encoder takes half a second to load, and most definitions do not need it here.
    from answerable.understanding.likeness import likeness

    return likeness(one, two)
