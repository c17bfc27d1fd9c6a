"""Figures over time."""

from __future__ import annotations

import math
from typing import Any

import pytest

from srl_pipeline.registry import Entry
from srl_pipeline.tracking import series


def entry(seq: int, metrics: dict[str, float], **changes: Any) -> Entry:
    values: dict[str, Any] = {
        "seq": seq,
        "at": "2026-11-02T08:00:00+00:00",
        "asset": "eval_report",
        "model_type": "trees",
        "data_version": f"v{seq}",
        "inputs": {},
        "metrics": metrics,
        "failed_gates": [],
        "seconds": 1.0,
        "cost_usd": 0.0,
    }
    return Entry.model_validate(values | changes)


def test_only_entries_that_measured_the_figure_are_points_in_the_order_given() -> None:
    found = series([entry(2, {"pass_rate": 0.5}), entry(1, {"pass_rate": 0.4}), entry(3, {"kl": 1.0})], "pass_rate")
    assert [(p.seq, p.value) for p in found] == [(2, 0.5), (1, 0.4)]


def test_a_share_of_counted_scenarios_has_an_interval() -> None:
    point = series([entry(1, {"pass_rate": 0.5, "n": 20.0})], "pass_rate")[0]
    assert point.low == pytest.approx(0.299, abs=1e-3) and point.high == pytest.approx(0.701, abs=1e-3)


@pytest.mark.parametrize(
    "metrics", [{"pass_rate": 0.5}, {"pass_rate": 0.5, "n": math.nan}, {"pass_rate": 1.5, "n": 9.0}]
)
def test_a_share_of_no_known_number_has_none(metrics: dict[str, float]) -> None:
    assert series([entry(1, metrics)], "pass_rate")[0].low is None


def test_a_latency_has_no_interval() -> None:
    assert series([entry(1, {"latency_p50_seconds": 0.5, "n": 20.0})], "latency_p50_seconds")[0].high is None


def test_what_is_no_number_is_no_point() -> None:
    assert series([entry(1, {"pass_rate": math.nan}), entry(2, {"pass_rate": math.inf})], "pass_rate") == []


def test_an_entry_that_failed_a_gate_is_marked() -> None:
    failed = entry(1, {"pass_rate": 0.5}, failed_gates=["same_scenarios"])
    assert [p.sound for p in series([failed, entry(2, {"pass_rate": 0.5})], "pass_rate")] == [False, True]
