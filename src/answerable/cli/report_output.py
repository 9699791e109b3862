"""A model's report for people: a table for the terminal, a page for a file."""

import sys
from collections.abc import Sequence
from pathlib import Path

from answerable.kit.clock import Clock
from answerable.understanding.report_page import Table


def write_page(path: Path, page: str) -> None:
    """The page, there only once it is whole."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(page, encoding="utf-8")
    part.replace(path)


def show_table(table: Table) -> None:
    """Columns as wide as their longest cell; names to the left, numbers to the right."""
    widths = [
        max(len(cell) for cell in column) for column in zip(table.columns, *table.rows, strict=True)
    ]
    for row in (table.columns, *table.rows):
        sys.stdout.write(_line(row, widths))


def moment(clock: Clock) -> str:
    """Now, to the minute, as a report says it."""
    return f"{clock.now():%Y-%m-%d %H:%M} UTC"


def _line(row: Sequence[str], widths: Sequence[int]) -> str:
    first, *rest = zip(row, widths, strict=True)
    cells = [first[0].ljust(first[1]), *(cell.rjust(width) for cell, width in rest)]
    return "  ".join(cells).rstrip() + "\n"
