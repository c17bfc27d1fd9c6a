"""Weakness and difficulty: what measured outcomes say of a scenario that was not measured."""

from __future__ import annotations

from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_pipeline.generation.drawing import Outcome
from srl_pipeline.generation.drawing.outcomes import PassCurve, Weakness, falling, learnability

from .given import CODES, axes

rates = st.floats(0, 1)


def outcome(correct: float, difficulty: float = 0.5, episodes: int = 4, **of: object) -> Outcome:
    return Outcome(axes=axes(**of), difficulty=difficulty, correct=correct, episodes=episodes)  # type: ignore[arg-type]


def of(weakness: Weakness, difficulty: float = 0.5, **given_: object) -> float:
    digits = CODES.encode(axes(**given_))  # type: ignore[arg-type]
    assert digits is not None
    return weakness.of(digits, difficulty)


def test_weakness_is_the_mean_of_smoothed_failure_rates_of_values_and_band() -> None:
    found = [outcome(0.0, episodes=6), outcome(1.0, episodes=2, region="highmarch", bearer="miner", hours=24)]
    weakness = Weakness(CODES, found)
    overall = 6 / 8
    failing, passing = (6 + 4 * overall) / (6 + 4), (0 + 4 * overall) / (2 + 4)
    assert weakness.overall == overall
    assert of(weakness) == pytest.approx((3 * failing + overall) / 4)  # both outcomes share the band
    assert of(weakness, region="highmarch", bearer="miner", hours=20) == pytest.approx((3 * passing + overall) / 4)


def test_what_was_never_met_is_as_weak_as_the_whole() -> None:
    weakness = Weakness(CODES, [outcome(0.25, difficulty=0.9)])
    assert of(weakness, difficulty=0.1, region="highmarch", bearer="miner", hours=24) == pytest.approx(0.75)


def test_without_outcomes_weakness_is_unknown() -> None:
    assert not Weakness(CODES, []).known
    assert not Weakness(CODES, [outcome(0.0, region="atlantis")]).known


def test_the_pass_curve_goes_through_smoothed_bins_and_is_linear_between_them() -> None:
    curve = PassCurve([outcome(1.0, 0.1, 8), outcome(0.25, 0.9, 8)])
    overall = 10 / 16
    easy, hard = (8 + 2 * overall) / 10, (2 + 2 * overall) / 10
    assert curve.bounds == pytest.approx((hard, easy))
    assert [curve(d) for d in (0.0, 0.1, 0.5, 0.9, 1.0)] == pytest.approx([easy, easy, (easy + hard) / 2, hard, hard])


@given(st.lists(st.tuples(rates, rates, st.integers(1, 50)), min_size=1, max_size=60))
def test_no_harder_scenario_is_predicted_to_pass_more_often(found: list[tuple[float, float, int]]) -> None:
    curve = PassCurve([outcome(correct, difficulty, episodes) for correct, difficulty, episodes in found])
    predicted = [curve(d / 100) for d in range(101)]
    assert all(a >= b - 1e-12 for a, b in pairwise(predicted))
    assert all(0.0 <= p <= 1.0 + 1e-12 for p in predicted)


def test_adjacent_violators_are_pooled_by_weight() -> None:
    assert falling([0.9, 0.2, 0.6, 0.1], [1, 1, 3, 1]) == pytest.approx([0.9, 0.5, 0.5, 0.1])
    assert falling([0.1, 0.2, 0.3], [1, 1, 1]) == pytest.approx([0.2, 0.2, 0.2])


@given(st.lists(st.tuples(rates, st.floats(0.1, 10)), min_size=1, max_size=20))
def test_pooling_keeps_the_weighted_mean_and_what_falls_already(found: list[tuple[float, float]]) -> None:
    values, weights = [v for v, _ in found], [w for _, w in found]
    pooled = falling(values, weights)
    assert sum(p * w for p, w in zip(pooled, weights, strict=True)) == pytest.approx(
        sum(v * w for v, w in zip(values, weights, strict=True))
    )
    assert falling(pooled, weights) == pytest.approx(pooled)


def test_learnability_is_one_in_the_middle_and_nothing_at_the_ends() -> None:
    assert [learnability(p) for p in (0.0, 0.5, 1.0)] == [0.0, 1.0, 0.0]
