"""What old mail is about, in a real browser: for everybody, on a phone, in the dark, on paper."""

from pathlib import Path
from typing import Any

import pytest

from answerable.understanding.topics.page import discovery_page
from tests.support.browser import DESK, PHONE, Windows, findings, is_wider_than_window

LONG = "A title that somebody wrote without thinking of phones" + "x" * 60
HOSTILE = "<script>alert(1)</script>\" onload=x '&"
WEEKS = {f"2026-{8 + week // 4:02}-{1 + 7 * (week % 4):02}": 40 * week for week in range(13)}
REASONS = {"answered": 0.9, "same-answer": 0.8, "one-exchange": 0.7, "question-of-fact": 0.5}


def topic(number: int, title: str) -> dict[str, Any]:
    kind = ("template", "form", "person")[number % 3]
    return {
        "name": f"topic-{number}",
        "title": title,
        "words": ["card", "delivery", "x" * 50],
        "threads": 400 - 10 * number,
        "customers": 300,
        "per_week": 30.0 - number,
        "weeks": WEEKS,
        "languages": {"en": 0.7, "de": 0.2, "fr": 0.05, "nl": 0.05},
        "inboxes": {"cards": 1.0},
        "handlers": {"cards": 0.6, "person 1": 0.3, "person 2": 0.1},
        "answered": 0.9,
        "first_reply_hours": {"median": 3.5, "nine_of_ten_within": 70.0},
        "exchanges": 1.4,
        "looks": {
            **dict.fromkeys(("template", "form", "person"), 0.1),
            kind: 0.8,
            "kind": kind,
            "reasons": REASONS,
        },
        "answer": HOSTILE,
        "examples": [HOSTILE, "Where is my card, <name>?", "y" * 190],
        "sensitive": "fraud" if number == 4 else None,
    }


def written(path: Path, topics: int) -> Path:
    shown = [topic(number, LONG if number == 1 else f"Topic {number}") for number in range(topics)]
    data = {
        "mails": 9_000,
        "unreadable": {"too-large": 1} if topics else {},
        "no_mail": {"is empty": 2} if topics else {},
        "set_apart": {"newsletters": 40, "spam": 0} if topics else {},
        "from": "2026-08-01" if topics else None,
        "until": "2026-10-31" if topics else None,
        "threads": sum(one["threads"] for one in shown) + 5,
        "per_week": 400.0,
        "weeks": WEEKS if topics else {},
        "topics": shown,
        "not_grouped": {"threads": 5, "examples": [HOSTILE]},
        "without_text": topics,
    }
    path.write_text(discovery_page(data, [("Mails read", "9,000")]), encoding="utf-8")
    return path


@pytest.mark.parametrize("size", [DESK, PHONE], ids=["desk", "phone"])
@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("topics", [25, 0], ids=["full", "empty"])
def test_the_topics_are_for_everybody(
    windows: Windows, tmp_path: Path, size: tuple[int, int], scheme: str, topics: int
) -> None:
    page = windows.open(size, color_scheme=scheme)
    told: list[str] = []
    page.on("console", lambda message: told.append(message.text))
    page.goto(written(tmp_path / "report.html", topics).as_uri())
    for numbers in page.get_by_text("The numbers").all():
        numbers.click()

    assert findings(page) == []
    assert not is_wider_than_window(page)
    assert page.evaluate(
        "[...document.querySelectorAll('section, figure, details')]"
        ".filter(one => one.scrollWidth > one.clientWidth + 1).length"
    ) == 0  # fmt: skip
    assert told == []


def test_on_paper_no_topic_is_torn_apart_and_its_bars_are_seen(
    windows: Windows, tmp_path: Path
) -> None:
    page = windows.open(DESK)
    page.goto(written(tmp_path / "report.html", 3).as_uri())
    page.emulate_media(media="print")

    assert page.evaluate("getComputedStyle(document.querySelector('section')).breakInside") == (
        "avoid"
    )
    assert page.evaluate(
        "getComputedStyle(document.querySelector('rect.bar')).printColorAdjust"
    ) == ("exact")
