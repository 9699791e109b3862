"""A model's report as one HTML page that needs nothing else: no script, no outside file."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from answerable.understanding.report_charts import coverage_chart, reliability_chart
from answerable.understanding.report_parts import (
    NOTHING,
    Table,
    facts_section,
    figure,
    percent,
    section,
    tiles,
    whole_page,
)
from answerable.understanding.version_report import wanted_text


@dataclass(frozen=True, kw_only=True)
class ReportAbout:
    """What a report is of. measured: on which messages, a sentence. facts: names and values."""

    title: str
    measured: str
    facts: Sequence[tuple[str, str]]


def manifest_facts(manifest: Mapping[str, Any]) -> list[tuple[str, str]]:
    """What a model's manifest says that a reader of its report must know."""
    return [
        ("Model", str(manifest.get("name", NOTHING))),
        ("Training data", f"SHA-256 {manifest.get('data_sha256', NOTHING)}"),
        ("Examples", f"{manifest.get('examples', 0):,}"),
        ("Contradictions among them", str(manifest.get("contradictions", NOTHING))),
        ("Recipe", str(manifest.get("recipe", NOTHING))),
        ("Encoder", str(manifest.get("encoder", NOTHING))),
        ("Languages", ", ".join(manifest.get("languages", ())) or "any"),
    ]


def report_page(
    about: ReportAbout, report: Mapping[str, Any], more: Sequence[tuple[str, Table]] = ()
) -> str:
    """The whole page. report: of `version_report`. more: headings and tables that follow."""
    sections = [
        _tiles(report),
        _charts(report),
        section("Intents", intents_table(report), "No intent is known: everything is for people."),
        *_languages(report),
        section("Most confused", confused_table(report), "Nothing was confused."),
        *(section(heading, table, "Nothing to show.") for heading, table in more),
    ]
    return whole_page(about.title, about.measured, "".join(sections) + facts_section(about.facts))


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


def languages_table(report: Mapping[str, Any]) -> Table:
    """Every language that is told apart, as the definition names them."""
    return Table(
        caption="A message in the language that most are in is automatic by its intent. In another "
        "one the asked precision must be shown by messages of that language alone.",
        columns=("Language", "Messages", "Right", "Automatic from", "Answered", "More labels"),
        rows=[
            (
                one["name"],
                f"{one['labelled']:,}",
                percent(one["right"] / one["labelled"] if one["labelled"] else None),
                _from(one["threshold"]),
                percent(one["answered_share"]),
                wanted_text(one),
            )
            for one in report.get("languages", ())
        ],
        wide=True,
        words=("Automatic from", "More labels"),
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


def _languages(report: Mapping[str, Any]) -> list[str]:
    """Nothing where there is one language: the intents tell all."""
    table = languages_table(report)
    return [section("Languages", table, "")] if len(table.rows) > 1 else []


def _from(threshold: float | None) -> str:
    if threshold is None:
        return "never"
    return percent(threshold) if threshold else "its intent's"


def _meant(name: str | None) -> str:
    return "out of scope" if name is None else name


def _tiles(report: Mapping[str, Any]) -> str:
    chosen = report["chosen"]
    automatic = sum(one["automatic"] for one in report["intents"])
    answered = bool(chosen and chosen["answered"])
    shown = [
        (percent(chosen["coverage"]) if chosen else NOTHING, "answered automatically"),
        (
            percent(chosen["precision"]) if answered else NOTHING,
            f"of these right, asked for {percent(report['asked_precision'])}",
        ),
        (
            f"{percent(chosen['low'])} to {percent(chosen['high'])}" if answered else NOTHING,
            "where the true share lies (each end 95\N{NARROW NO-BREAK SPACE}% sure)",
        ),
        (f"{automatic} of {len(report['intents'])}", "intents automatic"),
        (f"{report['messages']:,}", f"messages, {report['out_of_scope']:,} of them out of scope"),
    ]
    return tiles(shown)


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
        + figure(
            "Coverage and precision",
            coverage_chart(report),
            "How many of the answers are right, if only the surest messages are answered. The band "
            "is where the true share lies.",
            curve,
        )
        + figure(
            "Is the confidence true?",
            reliability_chart(report),
            "On the dashed line the confidence is the share that is right; the bars count "
            f"messages. {aside:,} taken for out of scope are not among them.",
            reliability,
        )
        + "</div>"
    )
