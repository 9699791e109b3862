"""A model's report in a real browser: for everybody, on a phone, in the dark, without a script."""

from pathlib import Path

import numpy as np
import pytest
from playwright.sync_api import Page

from answerable.understanding.calibration import NEVER
from answerable.understanding.outcomes import Lines, Outcomes
from answerable.understanding.report_page import ReportAbout, manifest_facts, report_page
from answerable.understanding.report_parts import Table
from answerable.understanding.version_report import version_report
from tests.support.browser import DESK, PHONE, Windows, findings, is_wider_than_window

LONG = "a-name-that-somebody-wrote-without-thinking-of-phones" + "x" * 60
LABELS = ("card-delivery", "a_name_with_many_words_in_it", LONG)


def outcomes(messages: int) -> Outcomes:
    chance = np.random.default_rng(0)
    best = chance.integers(0, len(LABELS), messages)
    confidence = chance.beta(6, 1, messages).round(4)
    right = chance.random(messages) < confidence
    return Outcomes(
        labels=LABELS,
        confidence=confidence,
        best=best,
        truth=tuple(
            (said,) if hit else ((said + 1) % len(LABELS),)
            for said, hit in zip(best.tolist(), right.tolist(), strict=True)
        ),
        texts=tuple(str(number) for number in range(messages)),
        languages=tuple("de" if number % 3 else "en" for number in range(messages)),
    )


def written(path: Path, messages: int) -> Path:
    about = ReportAbout(
        title="Model m4-2faa8449728c",
        measured="Measured on its training messages.",
        facts=manifest_facts({"name": "m4-2faa8449728c", "data_sha256": "ab" * 32}),
    )
    lines = Lines(
        intents=np.array([0.9, NEVER, NEVER]), languages={"en": 0.0, "de": 0.95, "fr": NEVER}
    )
    report = version_report(outcomes(messages), lines, 0.98)
    shadow = Table(
        caption="In shadow it read 2 messages.",
        columns=("Live model", "This version", "Messages", "For example"),
        rows=[(LONG, "out of scope", "1", "cnv_01M806WT8P79WQM6KBX99AR7MB")],
        wide=True,
        words=("This version", "For example"),
    )
    path.write_text(report_page(about, report, [("In shadow", shadow)]), encoding="utf-8")
    return path


def opened(
    windows: Windows, file: Path, size: tuple[int, int], scheme: str
) -> tuple[Page, list[str]]:
    page = windows.open(size, color_scheme=scheme)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(file.as_uri())
    for numbers in page.get_by_text("The numbers").all():
        numbers.click()
    return page, told


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("messages", [900, 0], ids=["full", "empty"])
def test_the_report_is_for_everybody(
    windows: Windows, tmp_path: Path, size: tuple[int, int], scheme: str, messages: int
) -> None:
    page, told = opened(windows, written(tmp_path / "report.html", messages), size, scheme)

    assert findings(page) == []
    assert not is_wider_than_window(page)
    assert page.evaluate(
        "[...document.querySelectorAll('section, figure, details')]"
        ".filter(one => one.scrollWidth > one.clientWidth + 1).length"
    ) == 0  # fmt: skip
    assert told == []  # its own policy lets its style through, and nothing else is there


def test_the_style_is_let_through_by_the_pages_own_policy(windows: Windows, tmp_path: Path) -> None:
    page, _ = opened(windows, written(tmp_path / "report.html", 900), DESK, "dark")

    assert page.evaluate("getComputedStyle(document.body).backgroundColor") == "rgb(16, 21, 28)"
