"""The charts of a model's report, drawn as SVG: no script, no outside file, readable aloud."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from html import escape
from typing import Any

WIDTH, HEIGHT = 400, 300
_LEFT, _RIGHT, _TOP, _BOTTOM = 46, 22, 14, 44
_COUNTS = 54  # height of the strip of bars below the reliability diagram

Point = tuple[float, float]


@dataclass(frozen=True, kw_only=True)
class _Frame:
    """Maps shares to places: x over 0..1, y over `floor`..1; `bottom` is y's lower end."""

    floor: float = 0.0
    bottom: float = HEIGHT - _BOTTOM

    def x(self, value: float) -> float:
        return round(_LEFT + value * (WIDTH - _LEFT - _RIGHT), 1)

    def y(self, value: float) -> float:
        inside = (max(value, self.floor) - self.floor) / (1 - self.floor)
        return round(self.bottom - inside * (self.bottom - _TOP), 1)

    def path(self, points: Sequence[Point]) -> str:
        return " ".join(f"{self.x(x)},{self.y(y)}" for x, y in points)


def coverage_chart(report: Mapping[str, Any]) -> str:
    """Precision against coverage with its interval, the asked precision and the chosen point."""
    points = [point for point in report["curve"] if point["precision"] is not None]
    asked, chosen = float(report["asked_precision"]), report["chosen"]
    least = min([asked, *(point["precision"] for point in points)])
    frame = _Frame(floor=max(0.0, int((least - 0.05) * 10) / 10))
    line = [(point["coverage"], point["precision"]) for point in points]
    upper = [(point["coverage"], point["high"]) for point in points]
    lower = [(point["coverage"], point["low"]) for point in points]
    parts = [
        _grid(frame, "of all messages answered"),
        f'<polygon class=band points="{frame.path([*upper, *reversed(lower)])}"/>',
        f'<polyline class=line points="{frame.path(line)}"/>',
        _level(frame, asked, f"asked {_percent(asked)}", chosen),
    ]
    if chosen and chosen["answered"]:
        parts.append(_mark(frame, chosen["coverage"], chosen, "chosen"))
        parts.append(_chosen_label(frame, chosen, asked))
    return drawing("curve", "Coverage and precision", _curve_text(report), parts)


def reliability_chart(report: Mapping[str, Any]) -> str:
    """Accuracy against confidence with intervals, and below it how many messages are meant."""
    bins = report["reliability"]
    frame = _Frame(bottom=HEIGHT - _BOTTOM - _COUNTS)
    most = max((one["messages"] for one in bins), default=1)
    foot = HEIGHT - _BOTTOM
    parts = [
        _grid(frame, "confidence", labels_at=foot),
        f'<polyline class=level points="{frame.path([(0, 0), (1, 1)])}"/>',
    ]
    for one in bins:
        height = max(1.0, (_COUNTS - 24) * one["messages"] / most)
        left, right = frame.x(one["from"]) + 1.5, frame.x(one["to"]) - 1.5
        parts += [
            _mark(frame, one["confidence"], {**one, "precision": one["accuracy"]}, "dot"),
            f'<rect class=bar x="{left:.1f}" y="{foot - height:.1f}" width="{right - left:.1f}" '
            f'height="{height:.1f}"/>',
            f'<text class=count text-anchor=middle x="{(left + right) / 2:.1f}" '
            f'y="{foot - height - 3:.1f}">{_short(one["messages"])}</text>',
        ]
    return drawing("reliability", "Reliability of the confidence", _reliability_text(report), parts)


def _grid(frame: _Frame, below: str, *, labels_at: float | None = None) -> str:
    foot = frame.bottom if labels_at is None else labels_at
    span = 1 - frame.floor
    ticks = [frame.floor + span * part for part in (0, 0.25, 0.5, 0.75, 1)]
    lines = [
        f'<line class=grid x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{frame.y(t)}" y2="{frame.y(t)}"/>'
        f'<text text-anchor=end x="{_LEFT - 6}" y="{frame.y(t) + 4}">{_percent(t)}</text>'
        for t in ticks
    ]
    lines += [
        f'<text text-anchor=middle x="{frame.x(x)}" y="{foot + 17}">{_percent(x)}</text>'
        for x in (0, 0.25, 0.5, 0.75, 1)
    ]
    middle = (_LEFT + WIDTH - _RIGHT) / 2
    lines.append(f'<text text-anchor=middle x="{middle}" y="{foot + 36}">{escape(below)}</text>')
    return "".join(lines)


def _level(frame: _Frame, value: float, label: str, chosen: Mapping[str, Any] | None) -> str:
    """A line across, named at the end that is farther from the chosen point."""
    y = frame.y(value)
    place = f'x="{_LEFT + 4}"'
    if chosen and chosen["coverage"] < 0.4:
        place = f'text-anchor=end x="{WIDTH - _RIGHT - 4}"'
    return (
        f'<line class=level x1="{_LEFT}" x2="{WIDTH - _RIGHT}" y1="{y}" y2="{y}"/>'
        f'<text {place} y="{y + 15}">{escape(label)}</text>'
    )


def _chosen_label(frame: _Frame, chosen: Mapping[str, Any], asked: float) -> str:
    """Below its mark, and below the line of the asked precision with what is written there."""
    x, y = frame.x(chosen["coverage"]), frame.y(chosen["precision"])
    level = frame.y(asked)
    if abs(y + 12 - level) < 16:
        y = level + (16 if chosen["coverage"] < 0.4 else 0)  # clear of the curve as well
    side, shift = ("start", 7) if chosen["coverage"] < 0.5 else ("end", -7)
    place = f'text-anchor={side} x="{x + shift:.1f}" y="{min(y + 16, frame.bottom - 4):.1f}"'
    return f"<text class=strong {place}>chosen</text>"


def _mark(frame: _Frame, x: float, share: Mapping[str, Any], name: str) -> str:
    at = frame.x(x)
    low, high = frame.y(share["low"]), frame.y(share["high"])
    return (
        f'<line class="{name} whisker" x1="{at}" x2="{at}" y1="{low}" y2="{high}"/>'
        f'<circle class={name} cx="{at}" cy="{frame.y(share["precision"])}" r="5"/>'
    )


def drawing(
    name: str, title: str, description: str, parts: Sequence[str], height: float = HEIGHT
) -> str:
    """An SVG as wide as its place. name: unique in the page. description: what is read aloud."""
    told = f'role=img aria-labelledby="{name}-title {name}-desc"'
    return (
        f'<svg viewBox="0 0 {WIDTH} {height:g}" {told}>'
        f"<title id={name}-title>{escape(title)}</title>"
        f"<desc id={name}-desc>{escape(description)}</desc>{''.join(parts)}</svg>"
    )


def _curve_text(report: Mapping[str, Any]) -> str:
    chosen, asked = report["chosen"], _percent(report["asked_precision"])
    if not chosen or not chosen["answered"]:
        return f"A precision of {asked} is not shown for any share of the messages."
    return (
        f"Asked for {asked}, {_percent(chosen['coverage'])} of the messages are answered "
        f"automatically and {_percent(chosen['precision'])} of these rightly; the true share lies "
        f"between {_percent(chosen['low'])} and {_percent(chosen['high'])}."
    )


def _reliability_text(report: Mapping[str, Any]) -> str:
    said = [
        f"{_percent(one['confidence'])} confident, {_percent(one['accuracy'])} right"
        for one in report["reliability"]
    ]
    return "; ".join(said) + "." if said else "No message was in scope."


def _percent(value: float) -> str:
    text = f"{100 * value:.1f}".removesuffix(".0")
    return f"{text}\N{NARROW NO-BREAK SPACE}%"


def _short(number: int) -> str:
    return str(number) if number < 10_000 else f"{number / 1000:.0f}k"
