"""Figures and their changes in words: which way is good is said, never left to the reader. Pure."""

from __future__ import annotations

from srl_pipeline.evaluation.wording import percent, seconds
from srl_pipeline.tracking.metrics import METRICS, gain


def shown(metric: str, value: float) -> str:
    """A figure with its unit; one that is not in `METRICS` is a plain number."""
    unit = METRICS[metric].unit if metric in METRICS else ""
    if unit == "share":
        return percent(value)
    if unit == "s":
        return seconds(value)
    if unit == "USD":
        return f"${value:,.2f}" if value >= 0.01 or value == 0 else f"${value:.2g}"
    number = f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
    return number if unit in ("", "0..1") else f"{number} {unit}"


def direction(metric: str, before: float, after: float) -> str:
    """'better', 'worse', or '' where it is the same or the figure has no good way."""
    if metric not in METRICS or (change := gain(metric, before, after)) == 0:
        return ""
    return "better" if change > 0 else "worse"
