"""The documentation holds together: anchors, the index, and the tests that pages name.

That links lead to files is held by `tests/architecture`.
"""

import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
PAGES = sorted([*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")])
_FENCE = re.compile(r"^(```|~~~).*?^\1", re.MULTILINE | re.DOTALL)
_CODE = re.compile(r"`[^`\n]*`")
_LINK = re.compile(r"\[[^\]]*\]\(([^()\s]+)(?:\s+\"[^\"]*\")?\)")
_OUTSIDE = re.compile(r"^(?:[a-z][a-z0-9+.-]*:|//)", re.IGNORECASE)
_TEST = re.compile(r"`(test_\w+)`")


def links(page: Path) -> Iterator[tuple[Path, str]]:
    """(file, anchor) of each relative link; the page itself for a bare anchor."""
    prose = _CODE.sub("", _FENCE.sub("", page.read_text(encoding="utf-8")))
    for target in _LINK.findall(prose):
        if not _OUTSIDE.match(target):
            path, _, anchor = target.partition("#")
            yield (page.parent / path).resolve() if path else page, anchor


@cache
def anchors(page: Path) -> frozenset[str]:
    """The anchors of a page's headings, spelt as code hosts spell them."""
    text = _FENCE.sub("", page.read_text(encoding="utf-8"))
    headings = re.findall(r"^#{1,6}\s+(.+?)\s*#*$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w\- ]", "", heading.lower()).strip() for heading in headings)
    return frozenset(heading.replace(" ", "-") for heading in plain)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_every_anchor_is_a_heading(page: Path) -> None:
    broken = [
        f"{path.relative_to(ROOT)}#{anchor}"
        for path, anchor in links(page)
        if anchor and path.suffix == ".md" and path.exists() and anchor not in anchors(path)
    ]
    assert not broken


def test_every_page_is_reached_from_the_index() -> None:
    """A page that nothing links to is a page that nobody finds."""
    start = ROOT / "docs" / "README.md"
    seen, waiting = {start}, [start]
    while waiting:
        for path, _ in links(waiting.pop()):
            if path.suffix == ".md" and path.exists() and path not in seen:
                seen.add(path)
                waiting.append(path)
    lost = [str(page) for page in (ROOT / "docs").rglob("*.md") if page not in seen]
    assert not lost


def test_every_test_that_a_page_names_exists() -> None:
    """A page that says what shows a promise must not outlive the test."""
    sources = (path.read_text(encoding="utf-8") for path in (ROOT / "tests").rglob("test_*.py"))
    there = {name for source in sources for name in re.findall(r"def (test_\w+)\(", source)}
    named = {name for page in PAGES for name in _TEST.findall(page.read_text(encoding="utf-8"))}
    assert named - there == set()


def test_every_metric_is_documented() -> None:
    source = (ROOT / "src/answerable/kit/telemetry.py").read_text(encoding="utf-8")
    page = (ROOT / "docs/reference/metrics.md").read_text(encoding="utf-8")
    metrics = re.findall(r'"(answerable_[a-z_]+)"', source)
    assert metrics
    assert [name for name in metrics if f"`{name}`" not in page] == []
