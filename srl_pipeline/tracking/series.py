"""One figure over time, from the entries of the history. Pure."""

from __future__ import annotations

import math
from collections.abc import Iterable

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.evaluation.statistics import wilson
from srl_pipeline.registry import Entry
from srl_pipeline.tracking.metrics import METRICS


class Point(Record):
    """What one entry measured of a figure."""

    seq: int
    at: str
    data_version: str
    value: float
    low: float | None = Field(
        default=None, description="95 % interval (Wilson) of a share of `n` scenarios, else None."
    )
    high: float | None = None
    sound: bool = Field(description="Every gate passed; the figure of an entry that failed one is not to be compared.")


def series(entries: Iterable[Entry], metric: str) -> list[Point]:
    """The figure in every entry that measured it, in the order given; nothing stands for what was not measured."""
    return [_point(entry, metric) for entry in entries if math.isfinite(entry.metrics.get(metric, math.nan))]


def _point(entry: Entry, metric: str) -> Point:
    value, n = entry.metrics[metric], entry.metrics.get("n", 0.0)
    known = METRICS.get(metric)
    counted = known is not None and known.unit == "share" and math.isfinite(n) and n >= 1 and 0 <= value <= 1
    interval = wilson(round(value * int(n)), int(n)) if counted else None
    return Point(
        seq=entry.seq,
        at=entry.at,
        data_version=entry.data_version,
        value=value,
        low=interval and interval.low,
        high=interval and interval.high,
        sound=not entry.failed_gates,
    )
