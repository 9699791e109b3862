"""What reports are made of: a page that needs nothing else, tables, figures, facts.

No script, no outside file: a report is opened from a mail, from a disk, in ten years.
"""

import base64
import hashlib
import re
from collections.abc import Sequence
from dataclasses import dataclass
from html import escape

from answerable.understanding.report_style import STYLE

NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, kw_only=True)
class Table:
    """caption: what it shows. Cells of the first column name their row. wide: on a phone, its rows
    stand below each other. words: columns, beside the first, that hold no numbers."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    wide: bool = False
    words: Sequence[str] = ()


def whole_page(title: str, measured: str, inside: str) -> str:
    """The page. measured: of what it is, a sentence. inside: its sections, as HTML."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv=Content-Security-Policy content="{policy}">'
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{escape(title)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(title)}</h1><p class=soft>{escape(measured)}</p>"
        f"{inside}</main></body></html>\n"
    )


def percent(share: float | None) -> str:
    if share is None:
        return NOTHING
    return f"{100 * share:.1f}\N{NARROW NO-BREAK SPACE}%"


def tiles(shown: Sequence[tuple[str, str]]) -> str:
    """Figures at a glance: each a value and what it is of."""
    inside = "".join(
        f"<li class=tile><b>{escape(value)}</b><span>{escape(name)}</span>" for value, name in shown
    )
    return f"<ul class=tiles>{inside}</ul>"


def figure(heading: str, chart: str, caption: str, table: Table) -> str:
    """A chart (SVG as it is), and its numbers beside it."""
    return (
        f"<figure><h2>{escape(heading)}</h2>{chart}<figcaption>{escape(caption)}</figcaption>"
        f"<details><summary>The numbers</summary>{table_html(table)}</details></figure>"
    )


def section(heading: str, table: Table, empty: str) -> str:
    """empty: what is said if the table has no rows."""
    inside = table_html(table) if table.rows else f"<p class=soft>{escape(empty)}</p>"
    return f"<section><h2>{escape(heading)}</h2>{inside}</section>"


def table_html(table: Table) -> str:
    head = "".join(
        f"<th{_side(table, name)} scope=col>{escape(name)}</th>" for name in table.columns
    )
    rows = "".join(_row(table, row) for row in table.rows)
    return (
        f"<table{' class=wide' if table.wide else ''}><caption>{escape(table.caption)}</caption>"
        f"<thead><tr>{head}</tr></thead><tbody>{rows}</tbody></table>"
    )


def _row(table: Table, row: Sequence[str]) -> str:
    cells = "".join(
        f'<td{_side(table, name)} data-name="{escape(name)}"><span>{_breakable(cell)}</span></td>'
        for name, cell in zip(table.columns[1:], row[1:], strict=True)
    )
    return f"<tr><th scope=row>{_breakable(row[0])}</th>{cells}</tr>"


def _side(table: Table, column: str) -> str:
    return " class=words" if column in table.words else ""


def _breakable(text: str) -> str:
    """Escaped, and a name may be broken after the marks that join its words."""
    return re.sub(r"([_/-])(?=\w)", r"\1<wbr>", escape(text))


def facts_section(facts: Sequence[tuple[str, str]]) -> str:
    pairs = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f"<section><h2>What it was made of</h2><dl>{pairs}</dl></section>"
