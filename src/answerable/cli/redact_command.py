"""`answerable redact`: JSON lines in, the same without personal data out."""

import sys
from collections.abc import Sequence

from answerable.cli.options import input_lines, parser, read_lines_with, say
from answerable.privacy.redact import Redaction


def run(arguments: Sequence[str]) -> int:
    options = parser(
        "redact",
        'Reads JSON lines {"id","text"} and writes {"id","text","entities"} without personal data.',
    )
    read_lines_with(options, arguments)
    redaction = Redaction(input_lines(), say)
    for line in redaction:
        sys.stdout.write(line + "\n")
    sys.stdout.flush()
    return redaction.exit_code
