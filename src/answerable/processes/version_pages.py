"""Versions of a model as tables and as a page."""

from collections.abc import Mapping
from typing import Any

from answerable.understanding.report_page import ReportAbout, manifest_facts, report_page
from answerable.understanding.report_parts import Table, percent
from answerable.understanding.shadow_record import Reading, ShadowSummary
from answerable.understanding.versions import Versions


def version_data(versions: Versions) -> list[dict[str, Any]]:
    """Every version as plain data, the newest first."""
    return [
        {
            "name": one.name,
            "state": str(versions.state(one.name)),
            "added_at": one.added_at.isoformat(),
            "manifest_sha256": one.manifest_sha256,
            **one.facts,
        }
        for one in reversed([*versions.known.values()])
    ]


def list_table(versions: Versions) -> Table:
    def figure(facts: Mapping[str, Any], name: str) -> str:
        return percent(facts.get("metrics", {}).get(name))

    return Table(
        caption="Measured while each message was held out of training.",
        columns=(
            "Version",
            "State",
            "Added (UTC)",
            "Examples",
            "Data",
            "Accuracy",
            "Answered",
            "Right",
            "Automatic intents",
        ),
        rows=[
            (
                one.name,
                str(versions.state(one.name)),
                f"{one.added_at:%Y-%m-%d %H:%M}",
                f"{one.facts.get('examples', 0):,}",
                str(one.facts.get("data_sha256", ""))[:12],
                figure(one.facts, "accuracy"),
                figure(one.facts, "coverage"),
                figure(one.facts, "precision"),
                str(one.facts.get("metrics", {}).get("intents_automatic", 0)),
            )
            for one in reversed([*versions.known.values()])
        ],
        words=("State",),
    )


def difference_table(summary: ShadowSummary) -> Table:
    """What the shadow said differently, by pair; conversations are named, texts are not shown."""
    left_out = f"; {summary.left_out:,} were left out, there was no time" * bool(summary.left_out)
    return Table(
        caption=(
            f"In shadow it read {summary.read:,} messages, {summary.same:,} of them as the live "
            f"model did{left_out}."
        ),
        columns=("Live model", "This version", "Messages", "For example"),
        rows=[
            (_said(one.live), _said(one.shadow), f"{one.messages:,}", ", ".join(one.conversations))
            for one in summary.differences
        ],
        wide=True,
        words=("This version", "For example"),
    )


def version_page(
    versions: Versions, name: str, report: Mapping[str, Any], summary: ShadowSummary
) -> str:
    """The page of one version: what its training showed, and what it said in shadow."""
    version = versions.get(name)
    about = ReportAbout(
        title=f"Model {name}",
        measured=(
            "Measured on its training messages, each judged while it was held out. State: "
            f"{versions.state(name)}."
        ),
        facts=[
            *manifest_facts({"name": name, **version.facts}),
            ("Manifest", f"SHA-256 {version.manifest_sha256}"),
            ("Added", f"{version.added_at:%Y-%m-%d %H:%M} UTC"),
        ],
    )
    shadow = difference_table(summary)
    return report_page(about, report, [("In shadow", shadow)] if summary.read else [])


def _said(reading: Reading) -> str:
    name = reading.intent or "out of scope"
    return f"{name}, automatic" if reading.automatic else name
