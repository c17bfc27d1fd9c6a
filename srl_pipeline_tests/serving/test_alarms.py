"""Alarms: their arithmetic, their level under continuous looking, their delay."""

from __future__ import annotations

import math
from fractions import Fraction
from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_pipeline.config import ServingConfig
from srl_pipeline.serving.alarms import ErrorRate, Quality, alarm, e_value, error_rate, quality

CONFIG = ServingConfig()
STREAMS = 2_000
CALM = ErrorRate(failed=0, n=50, low=0.0, alarm=False, sound=True)
FAILING = ErrorRate(failed=30, n=50, low=0.4, alarm=True, sound=False)
UNKNOWN = ErrorRate(failed=2, n=3, low=0.1, alarm=False, sound=False)
EVEN = Quality(n=40, lost=3, won=3, e_value=0.5, alarm=False)
WORSE = Quality(n=40, lost=12, won=0, e_value=600.0, alarm=True)


@pytest.mark.parametrize(("lost", "won"), [(0, 0), (1, 0), (0, 1), (9, 0), (7, 3), (30, 12), (5, 40)])
def test_the_evidence_is_the_mean_likelihood_ratio(lost: int, won: int) -> None:
    """Against the closed form in whole numbers, and against the integral."""
    n = lost + won
    exact = Fraction(sum(math.comb(n + 1, k) for k in range(lost + 1)), (n + 1) * math.comb(n, lost))
    assert e_value(lost, won) == pytest.approx(float(exact), rel=1e-12)
    t = (np.arange(100_000) + 0.5) / 200_000 + 0.5
    assert e_value(lost, won) == pytest.approx(float(np.mean((2 * t) ** lost * (2 * (1 - t)) ** won)), rel=1e-6)


@given(lost=st.integers(0, 60), won=st.integers(0, 60))
def test_the_evidence_is_a_martingale_at_even_odds_and_less_where_the_model_is_better(lost: int, won: int) -> None:
    up, down, now = e_value(lost + 1, won), e_value(lost, won + 1), e_value(lost, won)
    assert (up + down) / 2 == pytest.approx(now, rel=1e-9)
    assert 0.3 * up + 0.7 * down < now
    assert down < now < up


def test_evidence_beyond_all_numbers_is_still_an_alarm_and_can_be_written_down() -> None:
    found = quality(n=9000, lost=8000, won=100, config=CONFIG)
    assert found.alarm and math.isfinite(found.e_value)


def first_alarms(lose: float, differ: float, requests: int, seed: int) -> np.ndarray:
    """For each stream the request at which quality alarms, or 0. Losses are drawn among requests that differ."""
    rng = np.random.default_rng(seed)
    bound = 1 / (1 - CONFIG.confidence)
    most = requests + 1
    need = np.full(most, most)  # losses among n differing pairs that make an alarm
    for n in range(most):
        low = next((k for k in range(n // 2, n + 1) if e_value(k, n - k) >= bound), most)
        need[n] = low
    differs = rng.random((STREAMS, requests)) < differ
    lost = (rng.random((STREAMS, requests)) < lose) & differs
    n, k = differs.cumsum(1), lost.cumsum(1)
    alarms = (k >= need[n]) & (np.arange(1, requests + 1) >= CONFIG.min_requests)
    return np.where(alarms.any(1), alarms.argmax(1) + 1, 0)


def test_the_false_alarm_rate_of_quality_holds_however_often_one_looks() -> None:
    """Two equal models, 500 requests, a look after each: at most 1 - confidence of 2,000 streams alarm."""
    rate = float(np.mean(first_alarms(lose=0.5, differ=0.5, requests=500, seed=1) > 0))
    assert 0 < rate <= 1 - CONFIG.confidence


def test_a_better_model_is_hardly_ever_accused() -> None:
    assert np.mean(first_alarms(lose=0.4, differ=0.5, requests=500, seed=2) > 0) < 0.002


@pytest.mark.parametrize(
    ("live", "shadow", "median"), [(0.0, 0.8, 25), (0.2, 0.8, 35), (0.4, 0.7, 110)], ids=["broken", "bad", "worse"]
)
def test_a_worse_model_is_found(live: float, shadow: float, median: int) -> None:
    """Shares of requests that either solves, independently; nearly every stream alarms, and half of them soon."""
    only_shadow, only_live = shadow * (1 - live), live * (1 - shadow)
    found = first_alarms(only_shadow / (only_shadow + only_live), only_shadow + only_live, 500, seed=3)
    assert np.mean(found > 0) > 0.98
    assert np.median(found[found > 0]) <= median


def windows(rate: float, requests: int, seed: int) -> float:
    """Share of streams in which the alarm for errors sounds, looked at after each request."""
    rng = np.random.default_rng(seed)
    failed = rng.random((STREAMS, requests)) < rate
    counts = np.concatenate([np.zeros((STREAMS, 1), int), failed.cumsum(1)], axis=1)
    ends = np.arange(1, requests + 1)
    begins = np.maximum(0, ends - CONFIG.window)
    inside, n = counts[:, ends] - counts[:, begins], ends - begins
    need = np.array([_least(int(size)) for size in range(CONFIG.window + 1)])
    return float(np.mean((inside >= need[n]).any(1)))


def _least(n: int) -> int:
    found = (k for k in range(n + 1) if error_rate([True] * k + [False] * (n - k), CONFIG).alarm)
    return next(found, n + 1)


def test_errors_at_half_the_bound_hardly_ever_alarm_and_at_four_times_always() -> None:
    assert windows(CONFIG.max_error_rate / 2, 500, seed=4) < 0.01
    assert windows(4 * CONFIG.max_error_rate, 200, seed=5) > 0.99


def test_only_the_window_counts_and_too_few_requests_never_alarm() -> None:
    old_failures = [True] * 50 + [False] * CONFIG.window
    assert error_rate(old_failures, CONFIG) == ErrorRate(failed=0, n=CONFIG.window, low=0.0, alarm=False, sound=True)
    assert not error_rate([True] * (CONFIG.min_requests - 1), CONFIG).alarm
    assert error_rate([True] * CONFIG.min_requests, CONFIG).alarm
    assert error_rate([], CONFIG) == ErrorRate(failed=0, n=0, low=None, alarm=False, sound=False)


def test_sound_is_who_was_asked_half_as_often_as_an_alarm_needs_and_seldom_failed() -> None:
    half = CONFIG.min_requests // 2
    assert error_rate([False] * half, CONFIG).sound and not error_rate([False] * (half - 1), CONFIG).sound
    assert error_rate([True] * 5 + [False] * 45, CONFIG).sound
    assert not error_rate([True] * 6 + [False] * 44, CONFIG).sound


@pytest.mark.parametrize(
    ("alias", "shadow", "live", "other", "judged", "act"),
    [
        ("current", "previous", CALM, CALM, EVEN, None),
        ("current", "previous", CALM, CALM, WORSE, "rollback"),
        ("current", "previous", FAILING, CALM, EVEN, "rollback"),
        ("current", "previous", FAILING, FAILING, EVEN, None),
        ("current", "previous", FAILING, UNKNOWN, EVEN, None),
        ("current", "previous", CALM, FAILING, EVEN, None),
        ("current", "candidate", CALM, CALM, WORSE, "refuse_candidate"),
        ("current", "candidate", CALM, FAILING, EVEN, "refuse_candidate"),
        ("current", "candidate", FAILING, CALM, EVEN, "rollback"),
        ("current", "candidate", FAILING, FAILING, EVEN, None),
        ("current", None, FAILING, CALM, EVEN, None),
        ("candidate", "previous", FAILING, CALM, WORSE, None),
    ],
)
def test_what_is_done_follows_from_who_serves_and_who_is_worse(
    alias: Any, shadow: Any, live: ErrorRate, other: ErrorRate, judged: Quality, act: str | None
) -> None:
    found = alarm(alias, shadow, live, other, judged, CONFIG)
    assert (found.act if found else None) == act
    if found:
        assert found.reason.endswith(".") and found.evidence["pairs"] == 40
