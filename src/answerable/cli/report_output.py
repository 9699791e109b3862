"""A model's report for people: a table for the terminal, a page for a file."""

import sys
from collections.abc import Mapping
from pathlib import Path
from typing import Any

from answerable.kit.clock import Clock
from answerable.understanding.report_page import intents_table, languages_table
from answerable.understanding.report_parts import Table


def write_page(path: Path, page: str) -> None:
    """The page, there only once it is whole."""
    part = path.with_name(f"{path.name}.part")
    part.write_text(page, encoding="utf-8")
    part.replace(path)


def show_table(table: Table) -> None:
    """Columns as wide as their longest cell; words to the left, numbers to the right."""
    widths = [
        max(len(cell) for cell in column) for column in zip(table.columns, *table.rows, strict=True)
    ]
    left = [name == table.columns[0] or name in table.words for name in table.columns]
    for row in (table.columns, *table.rows):
        cells = [
            cell.ljust(width) if to_left else cell.rjust(width)
            for cell, width, to_left in zip(row, widths, left, strict=True)
        ]
        sys.stdout.write("  ".join(cells).rstrip() + "\n")


def show_report(report: Mapping[str, Any]) -> None:
    """Of a model's report the intents, and the languages where there are several."""
    languages = languages_table(report)
    if len(languages.rows) > 1:
        show_table(languages)
        sys.stdout.write("\n")
    show_table(intents_table(report))


def moment(clock: Clock) -> str:
    """Now, to the minute, as a report says it."""
    return f"{clock.now():%Y-%m-%d %H:%M} UTC"
