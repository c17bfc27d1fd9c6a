"""Changes in words: the direction of a figure decides what is good news."""

from __future__ import annotations

import pytest

from srl_pipeline.tracking import METRICS, direction, shown


@pytest.mark.parametrize(
    ("metric", "before", "after", "told"),
    [
        ("latency_p50_seconds", 1.2, 0.4, "better"),
        ("latency_p95_seconds", 0.4, 1.2, "worse"),
        ("pass_rate", 0.5, 0.75, "better"),
        ("hard_violation_rate", 0.1, 0.2, "worse"),
        ("tokens_per_second", 20.0, 40.0, "better"),
        ("chain_cost_usd", 1.0, 1.0, ""),
        ("kept_fraction", 0.1, 0.2, ""),
    ],
)
def test_a_change_says_whether_it_is_good_news(metric: str, before: float, after: float, told: str) -> None:
    assert direction(metric, before, after) == told


@pytest.mark.parametrize("metric", list(METRICS))
def test_what_is_better_one_way_is_worse_the_other_way(metric: str) -> None:
    assert {direction(metric, 1.0, 2.0), direction(metric, 2.0, 1.0)} == {"better", "worse"}


@pytest.mark.parametrize(
    ("metric", "value", "told"),
    [
        ("chain_cost_usd", 0.0, "$0.00"),
        ("chain_cost_usd", 0.0042, "$0.0042"),
        ("chain_cost_usd", 1234.5, "$1,234.50"),
        ("latency_p99_seconds", 1000.4, "1,000 s"),
        ("peak_memory_mb", 1834.2, "1,834 MB"),
    ],
)
def test_figures_have_their_unit(metric: str, value: float, told: str) -> None:
    assert shown(metric, value) == told
