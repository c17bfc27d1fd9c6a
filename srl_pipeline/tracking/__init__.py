"""Tracking: what was measured of a model type over time, and which way is good."""

from srl_pipeline.tracking.metrics import METRICS, Metric, gain

__all__ = ["METRICS", "Metric", "gain"]
