"""What the figures of an evaluation mean: unit, and which way is good. A figure that is not listed has no good way."""

from __future__ import annotations

from typing import Literal

from srl_pipeline.contracts import Record


class Metric(Record):
    """One figure."""

    title: str
    unit: str
    better: Literal["higher", "lower"]


METRICS: dict[str, Metric] = {
    "pass_rate": Metric(title="solved", unit="share", better="higher"),
    "reward_mean": Metric(title="mean reward", unit="0..1", better="higher"),
    "format_rate": Metric(title="well-formed", unit="share", better="higher"),
    "hard_violation_rate": Metric(title="with a hard violation", unit="share", better="lower"),
    "latency_p50_seconds": Metric(title="latency, median", unit="s", better="lower"),
    "latency_p95_seconds": Metric(title="latency, 95th percentile", unit="s", better="lower"),
    "latency_p99_seconds": Metric(title="latency, 99th percentile", unit="s", better="lower"),
    "tokens_per_second": Metric(title="speed, one request at a time", unit="tokens/s", better="higher"),
    "peak_memory_mb": Metric(title="peak memory", unit="MB", better="lower"),
    "chain_cost_usd": Metric(title="cost of making it", unit="USD", better="lower"),
}
"""Name in the metrics of `eval_report` -> what it is."""


def gain(name: str, before: float, after: float) -> float:
    """How much better ``after`` is than ``before``, in the figure's unit: negative where it is worse."""
    change = after - before
    return change if METRICS[name].better == "higher" else -change
