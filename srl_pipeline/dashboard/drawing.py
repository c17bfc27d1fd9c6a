"""Small drawings in SVG: a rate with its interval, a share of a cap, a figure over time. Pure."""

from __future__ import annotations

from collections.abc import Sequence

from srl_pipeline.dashboard.records import Trend
from srl_pipeline.evaluation.markup import Html, element
from srl_pipeline.evaluation.statistics import Estimate
from srl_pipeline.tracking import METRICS, Point, shown

WIDTH, HEIGHT, MARGIN = 240.0, 56.0, 6.0
NEAR, FULL = 0.8, 1.0
"""Shares of a cap from which on it is nearly used up, and used up."""


def range_bar(solved: Estimate) -> Html | None:
    """A rate on a scale from 0 to 1, its interval as a band; None where nothing was measured."""
    if solved.value is None:
        return None
    parts = [element("rect", x=0, y=3.5, width=100, height=3, rx=1.5, class_="track")]
    if solved.low is not None and solved.high is not None:
        wide = max(1.0, 100 * (solved.high - solved.low))
        parts.append(element("rect", x=100 * solved.low, y=2, width=wide, height=6, class_="span"))
    mark = min(98.5, max(0.0, 100 * solved.value - 0.75))
    parts.append(element("rect", x=mark, y=0, width=1.5, height=10, class_="value"))
    return _flat("range", parts)


def share_bar(share: float) -> Html:
    """A share of a cap; what is above it fills the bar."""
    kind = "over" if share >= FULL else "near" if share >= NEAR else "value"
    filled = 100 * min(1.0, max(0.0, share))
    track = element("rect", x=0, y=2, width=100, height=6, class_="track")
    return _flat("share", [track, element("rect", x=0, y=2, width=filled, height=6, class_=kind)])


def sparkline(trend: Trend) -> Html | None:
    """The figure over time, oldest left; shares on a scale from 0 to 1, others from 0 to their greatest."""
    points = trend.points
    if not points:
        return None
    known = METRICS.get(trend.metric)
    top = 1.0 if known and known.unit == "share" else max(p.value for p in points) * 1.1 or 1.0
    places = [(_x(i, len(points)), _y(p.value, top)) for i, p in enumerate(points)]
    parts = [element("line", x1=0, x2=WIDTH, y1=HEIGHT - 1, y2=HEIGHT - 1, class_="axis")]
    for (x, _), point in zip(places, points, strict=True):
        if point.low is not None and point.high is not None:
            low, high = _y(point.low, top), _y(point.high, top)
            parts.append(element("line", x1=x, x2=x, y1=low, y2=high, class_="interval"))
    joined = " ".join(f"{x:.1f},{y:.1f}" for x, y in places)
    parts.append(element("polyline", points=joined, class_="line"))
    for (x, y), point in zip(places, points, strict=True):
        kind, radius = _dot(point, trend.promoted)
        parts.append(element("circle", cx=x, cy=y, r=radius, class_=kind))
    return element(
        "svg",
        *parts,
        class_="spark",
        viewBox=f"0 0 {WIDTH:g} {HEIGHT:g}",
        role="img",
        aria_label=_told(trend.metric, points),
    )


def _flat(kind: str, parts: Sequence[Html]) -> Html:
    return element("svg", *parts, class_=kind, viewBox="0 0 100 10", preserveAspectRatio="none", aria_hidden="true")


def _x(place: int, count: int) -> float:
    return WIDTH / 2 if count == 1 else MARGIN + (WIDTH - 2 * MARGIN) * place / (count - 1)


def _y(value: float, top: float) -> float:
    inside = min(1.0, max(0.0, value / top))
    return round(HEIGHT - MARGIN + 2 - (HEIGHT - 2 * MARGIN + 2) * inside, 2)


def _dot(point: Point, promoted: Sequence[str]) -> tuple[str, float]:
    if not point.sound:
        return "unsound", 2.8
    return ("promoted", 3.6) if point.data_version in promoted else ("dot", 2.2)


def _told(metric: str, points: Sequence[Point]) -> str:
    title = METRICS[metric].title if metric in METRICS else metric
    first, last = shown(metric, points[0].value), shown(metric, points[-1].value)
    count = "one evaluation" if len(points) == 1 else f"{len(points)} evaluations"
    return f"{title}, {count}: first {first}, last {last}"
