"""The charts of what old mail is about: topics by size, weeks by size."""

from collections.abc import Mapping, Sequence
from html import escape
from typing import Any

from answerable.understanding.report_charts import WIDTH, drawing

KINDS = ("template", "form", "person")
MOST_BARS = 20
_ROW = 34
_LONGEST_LABEL = 42
_LEFT, _RIGHT, _TOP, _HEIGHT = 38, 8, 12, 250
_FOOT = _HEIGHT - 34
_TICK_LABELS = 6
_MONTHS = ("Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec")


def size_chart(topics: Sequence[Mapping[str, Any]]) -> str:
    """A bar for each topic, as long as it has mails a week, cut by what it looks like."""
    shown = topics[:MOST_BARS]
    most = max((one["per_week"] for one in shown), default=0) or 1
    parts: list[str] = []
    for number, topic in enumerate(shown):
        y = number * _ROW
        label = f"{topic['per_week']:.1f} a week"
        parts.append(
            f'<text class=strong x="0" y="{y + 13}">{escape(_short(topic["title"]))}</text>'
            f'<text text-anchor=end x="{WIDTH}" y="{y + 13}">{label}</text>'
        )
        x = 0.0
        for kind in KINDS:
            width = WIDTH * topic["per_week"] / most * topic["looks"][kind]
            if width >= 0.5:
                parts.append(
                    f'<rect class={kind} x="{x:.1f}" y="{y + 18}" width="{width:.1f}" height="10"/>'
                )
            x += width
    said = "; ".join(f"{one['title']}: {one['per_week']:.1f} mails a week" for one in shown)
    height = max(1, len(shown)) * _ROW
    return drawing("sizes", "Topics by mails a week", f"{said}.", parts, height)


def weeks_chart(name: str, title: str, weeks: Mapping[str, int], height: int = _HEIGHT) -> str:
    """A column for each week. weeks: by their Mondays, in order."""
    foot = height - (_HEIGHT - _FOOT)
    step = _nice(max(weeks.values(), default=0))
    top = step * max(1, -(-max(weeks.values(), default=0) // step))
    parts = [_level(tick, foot - (foot - _TOP) * tick / top) for tick in range(0, top + 1, step)]
    wide = (WIDTH - _LEFT - _RIGHT) / max(1, len(weeks))
    every = -(-len(weeks) // _TICK_LABELS)
    for number, (monday, count) in enumerate(weeks.items()):
        x, tall = _LEFT + number * wide, (foot - _TOP) * count / top
        parts.append(
            f'<rect class=bar x="{x + wide * 0.12:.1f}" y="{foot - tall:.1f}" '
            f'width="{wide * 0.76:.1f}" height="{tall:.1f}"/>'
        )
        if number % every == 0:
            parts.append(
                f'<text text-anchor=middle x="{x + wide / 2:.1f}" y="{foot + 17}">'
                f"{int(monday[8:10])} {_MONTHS[int(monday[5:7]) - 1]}</text>"
            )
    said = ", ".join(f"week of {monday}: {count}" for monday, count in weeks.items())
    return drawing(name, title, f"{said}." if said else "No mail has a date.", parts, height)


def _level(value: int, y: float) -> str:
    return (
        f'<line class=grid x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y:.1f}" y2="{y:.1f}"/>'
        f'<text text-anchor=end x="{_LEFT - 6}" y="{y + 4:.1f}">{value:,}</text>'
    )


def _nice(most: int) -> int:
    """A round step by which few lines reach `most`."""
    step = 1
    while most / step > 5:
        step = step * 5 // 2 if str(step)[0] == "2" else step * 2
    return step


def _short(title: str) -> str:
    return title if len(title) <= _LONGEST_LABEL else f"{title[: _LONGEST_LABEL - 1]}…"
