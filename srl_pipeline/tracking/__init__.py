"""Tracking: what was measured of a model type over time, and which way is good."""

from srl_pipeline.tracking.metrics import METRICS, Metric, gain
from srl_pipeline.tracking.series import Point, series
from srl_pipeline.tracking.wording import direction, shown

__all__ = ["METRICS", "Metric", "Point", "direction", "gain", "series", "shown"]
