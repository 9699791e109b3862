"""A model's report as one HTML page that needs nothing else: no script, no outside file."""

import base64
import hashlib
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

from answerable.understanding.report_charts import coverage_chart, reliability_chart
from answerable.understanding.report_style import STYLE
from answerable.understanding.version_report import wanted_text

_NOTHING = "\N{EN DASH}"


@dataclass(frozen=True, kw_only=True)
class ReportAbout:
    """What a report is of. measured: on which messages, a sentence. facts: names and values."""

    title: str
    measured: str
    facts: Sequence[tuple[str, str]]


@dataclass(frozen=True, kw_only=True)
class Table:
    """caption: what it shows. Cells of the first column name their row. wide: on a phone, its rows
    stand below each other. words: columns, beside the first, that hold no numbers."""

    caption: str
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]
    wide: bool = False
    words: Sequence[str] = ()


def manifest_facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a model's manifest says that a reader of its report must know."""
    return [
        ("Model", str(manifest.get("name", _NOTHING))),
        ("Training data", f"SHA-256 {manifest.get('data_sha256', _NOTHING)}"),
        ("Examples", f"{manifest.get('examples', 0):,}"),
        ("Contradictions among them", str(manifest.get("contradictions", _NOTHING))),
        ("Recipe", str(manifest.get("recipe", _NOTHING))),
        ("Encoder", str(manifest.get("encoder", _NOTHING))),
        ("Languages", ", ".join(manifest.get("languages", ())) or "any"),
    ]


def report_page(
    about: ReportAbout, report: Mapping[str, Any], more: Sequence[tuple[str, Table]] = ()
) -> str:
    """The whole page. report: of `version_report`. more: headings and tables that follow."""
    digest = base64.b64encode(hashlib.sha256(STYLE.encode()).digest()).decode()
    policy = f"default-src 'none'; style-src 'sha256-{digest}'; base-uri 'none'; form-action 'none'"
    sections = [
        _tiles(report),
        _charts(report),
        _section("Intents", intents_table(report), "No intent is known: everything is for people."),
        _section("Most confused", confused_table(report), "Nothing was confused."),
        *(_section(heading, table, "Nothing to show.") for heading, table in more),
    ]
    return (
        "<!doctype html><html lang=en><head><meta charset=utf-8>"
        f'<meta http-equiv=Content-Security-Policy content="{policy}">'
        '<meta name=viewport content="width=device-width,initial-scale=1">'
        f"<title>{escape(about.title)}</title><style>{STYLE}</style></head><body><main>"
        f"<h1>{escape(about.title)}</h1><p class=soft>{escape(about.measured)}</p>"
        f"{''.join(sections)}{_facts(about.facts)}</main></body></html>\n"
    )


def intents_table(report: Mapping[str, Any]) -> Table:
    """Every intent, those first of whose messages people still answer most."""
    intents = sorted(
        report["intents"],
        key=lambda one: (one["answered_right"] - one["labelled"], str(one["name"])),
    )
    return Table(
        caption="First the intents that leave most messages to people. "
        "More labels: until the asked precision could be shown for the intent by itself, "
        "if its messages go on being understood as well as now.",
        columns=(
            "Intent",
            "Messages",
            "Precision",
            "Recall",
            "F1",
            "Automatic from",
            "Answered",
            "More labels needed",
        ),
        rows=[
            (
                one["name"],
                f"{one['labelled']:,}",
                percent(one["precision"]),
                percent(one["recall"]),
                percent(one["f1"]),
                percent(one["threshold"]) if one["automatic"] else "never",
                percent(one["answered_share"]),
                wanted_text(one),
            )
            for one in intents
        ],
        wide=True,
    )


def confused_table(report: Mapping[str, Any]) -> Table:
    return Table(
        caption="What the messages were, and what the model took them for.",
        columns=("Meant", "Understood as", "Messages"),
        rows=[
            (_meant(one["meant"]), _meant(one["said"]), f"{one['messages']:,}")
            for one in report["confused"]
        ],
        wide=True,
        words=("Understood as",),
    )


def percent(share: float | None) -> str:
    if share is None:
        return _NOTHING
    return f"{100 * share:.1f}\N{NARROW NO-BREAK SPACE}%"


def _meant(name: str | None) -> str:
    return "out of scope" if name is None else name


def _tiles(report: Mapping[str, Any]) -> str:
    chosen = report["chosen"]
    automatic = sum(one["automatic"] for one in report["intents"])
    answered = bool(chosen and chosen["answered"])
    tiles = [
        (percent(chosen["coverage"]) if chosen else _NOTHING, "answered automatically"),
        (
            percent(chosen["precision"]) if answered else _NOTHING,
            f"of these right, asked for {percent(report['asked_precision'])}",
        ),
        (
            f"{percent(chosen['low'])} to {percent(chosen['high'])}" if answered else _NOTHING,
            "where the true share lies (each end 95\N{NARROW NO-BREAK SPACE}% sure)",
        ),
        (f"{automatic} of {len(report['intents'])}", "intents automatic"),
        (f"{report['messages']:,}", f"messages, {report['out_of_scope']:,} of them out of scope"),
    ]
    shown = "".join(
        f"<li class=tile><b>{escape(value)}</b><span>{escape(name)}</span>" for value, name in tiles
    )
    return f"<ul class=tiles>{shown}</ul>"


def _charts(report: Mapping[str, Any]) -> str:
    if not report["curve"]:
        return (
            "<section><h2>Coverage and precision</h2><p>There is nothing to draw: no message with "
            "a known answer was understood as an intent.</section>"
        )
    curve = Table(
        caption="From the surest messages on, by the confidence from which one is answered.",
        columns=("From", "Answered", "Right", "At least", "At most"),
        rows=[
            [
                percent(point[name])
                for name in ("confidence", "coverage", "precision", "low", "high")
            ]
            for point in report["curve"]
        ],
    )
    reliability = Table(
        caption="By the confidence of the best intent.",
        columns=("Confidence", "Messages", "Right", "At least", "At most"),
        rows=[
            [
                percent(one["confidence"]),
                f"{one['messages']:,}",
                *(percent(one[name]) for name in ("accuracy", "low", "high")),
            ]
            for one in report["reliability"]
        ],
    )
    aside = report["taken_for_out_of_scope"]
    return (
        "<div class=charts>"
        + _figure(
            "Coverage and precision",
            coverage_chart(report),
            "How many of the answers are right, if only the surest messages are answered. The band "
            "is where the true share lies.",
            curve,
        )
        + _figure(
            "Is the confidence true?",
            reliability_chart(report),
            "On the dashed line the confidence is the share that is right; the bars count "
            f"messages. {aside:,} taken for out of scope are not among them.",
            reliability,
        )
        + "</div>"
    )


def _figure(heading: str, chart: str, caption: str, table: Table) -> str:
    return (
        f"<figure><h2>{escape(heading)}</h2>{chart}<figcaption>{escape(caption)}</figcaption>"
        f"<details><summary>The numbers</summary>{_table(table)}</details></figure>"
    )


def _section(heading: str, table: Table, empty: str) -> str:
    inside = _table(table) if table.rows else f"<p class=soft>{escape(empty)}</p>"
    return f"<section><h2>{escape(heading)}</h2>{inside}</section>"


def _table(table: Table) -> str:
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


def _facts(facts: Sequence[tuple[str, str]]) -> str:
    pairs = "".join(f"<dt>{escape(name)}</dt><dd>{escape(value)}</dd>" for name, value in facts)
    return f"<section><h2>What it was made of</h2><dl>{pairs}</dl></section>"
