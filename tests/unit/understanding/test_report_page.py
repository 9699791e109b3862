"""The report's page: whole in itself, readable without seeing it, whatever it is of."""

import re
from html.parser import HTMLParser

import numpy as np
import pytest

from answerable.understanding.calibration import NEVER
from answerable.understanding.outcomes import Lines, Outcomes
from answerable.understanding.report_page import ReportAbout, manifest_facts, report_page
from answerable.understanding.report_parts import Table
from answerable.understanding.version_report import version_report

ABOUT = ReportAbout(
    title="How good is m4-<1>?",
    measured="Measured on two messages.",
    facts=manifest_facts({"name": "m4-1", "data_sha256": "ab" * 32}),
)
HOSTILE = "<script>alert(1)</script>\" onload=x '&"


def page(labels: tuple[str, ...], rows: list[tuple[tuple[int, ...], int, float]]) -> str:
    outcomes = Outcomes(
        labels=labels,
        confidence=np.array([sure for _, _, sure in rows], dtype=np.float64),
        best=np.array([best for _, best, _ in rows], dtype=np.int64),
        truth=tuple(truth for truth, _, _ in rows),
        texts=tuple(str(number) for number in range(len(rows))),
        languages=("",) * len(rows),
    )
    thresholds = np.full(len(labels), NEVER)
    if len(labels):
        thresholds[0] = 0.5
    return report_page(ABOUT, version_report(outcomes, Lines(intents=thresholds), 0.98))


class Tags(HTMLParser):
    def __init__(self, text: str) -> None:
        super().__init__()
        self.names: list[str] = []
        self.attributes: list[tuple[str, str | None]] = []
        self.feed(text)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.names.append(tag)
        self.attributes += attrs


def test_a_page_loads_and_runs_nothing() -> None:
    tags = Tags(page(("card", HOSTILE), [((0,), 0, 0.9), ((1,), 0, 0.8), ((0,), 1, 0.2)]))

    assert not {"script", "link", "img", "iframe", "object"} & set(tags.names)
    assert {"src", "href", "style", "onload"} & {name for name, _ in tags.attributes} == set()


def test_names_from_a_definition_are_text_and_nothing_else() -> None:
    text = page((HOSTILE, "fees"), [((0,), 0, 0.9), ((0,), 1, 0.9)])

    assert "<script" not in text
    assert "&lt;script&gt;" in text


def test_every_chart_is_told_in_words_and_has_its_numbers_beside_it() -> None:
    text = page(("card", "fees"), [((0,), 0, 0.9), ((1,), 0, 0.8)])
    tags = Tags(text)

    assert tags.names.count("svg") == tags.names.count("desc") == tags.names.count("details") == 2
    for named in re.findall(r'aria-labelledby="([^"]+)"', text):
        assert all(f"id={one}" in text for one in named.split())


@pytest.mark.parametrize("labels", [(), ("card",)])
def test_a_model_that_nothing_is_known_of_has_a_page_too(labels: tuple[str, ...]) -> None:
    text = page(labels, [])

    assert "There is nothing to draw" in text
    assert "nan" not in text


def test_more_tables_come_before_what_it_was_made_of() -> None:
    table = Table(caption="c", columns=("a", "b"), rows=[("x", "y")])
    report = version_report(Outcomes.of_nothing(), Lines(intents=np.zeros(0)), 0.98)

    text = report_page(ABOUT, report, [("In shadow", table)])

    assert text.index("In shadow") < text.index("What it was made of")
