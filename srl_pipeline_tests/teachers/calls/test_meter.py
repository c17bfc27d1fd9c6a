"""Counts and percentiles of calls."""

from __future__ import annotations

import pytest

from srl_pipeline.teachers.calls.meter import Meter
from srl_pipeline.teachers.calls.records import PermanentError, RateLimitError, TransientError, Usage


def test_percentiles_are_right_to_five_percent() -> None:
    meter = Meter()
    for i in range(1, 1001):
        meter.took(i / 1000)
    found = meter.snapshot()
    assert 0.5 <= found.latency_p50 <= 0.5 * 1.06
    assert 0.95 <= found.latency_p95 <= 1.0
    assert found.latency_max == 1.0


def test_failures_are_counted_by_kind() -> None:
    meter = Meter()
    for error in (
        RateLimitError("slow down"),
        TransientError("HTTP 500"),
        TransientError("time-out", billed="unknown"),
        PermanentError("HTTP 401", mend="Set a key."),
    ):
        meter.failed(error)
    found = meter.snapshot()
    assert found.failures == {"rate_limit": 1, "transient": 1, "unknown_outcome": 1, "permanent": 1}
    assert found.rate_limits == 1


def test_its_figures_are_flat_floats_in_dollars() -> None:
    meter = Meter()
    meter.answered(Usage(input_tokens=3, cached_input_tokens=1, output_tokens=2), cost=2_000_000_000, held=1)
    meter.lost(500_000_000)
    meter.failed(RateLimitError("slow down"))
    figures = meter.snapshot().metrics()
    assert all(isinstance(value, float) for value in figures.values())
    assert figures["calls_answered"] == 1
    assert figures["calls_cost_usd"] == 2.0
    assert figures["calls_lost_usd"] == 0.5
    assert figures["calls_overruns"] == 1
    assert figures["calls_input_tokens"] == 3
    assert figures["calls_failures_rate_limit"] == 1


@pytest.mark.parametrize("seconds", [0.0, 1e-9])
def test_a_call_that_takes_no_time_can_be_counted(seconds: float) -> None:
    meter = Meter()
    meter.took(seconds)
    assert meter.snapshot().latency_p50 == seconds
