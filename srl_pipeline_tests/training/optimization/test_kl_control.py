from __future__ import annotations

import math

import pytest

from srl_pipeline.training.optimization.kl_control import next_coefficient


@pytest.mark.parametrize(
    ("kl", "expected"),
    [
        (0.0, 0.18),
        (0.0499, 0.18),
        (0.05, 0.2),
        (0.1, 0.2),
        (0.2, 0.2),
        (0.2001, 0.3),
        (50.0, 0.3),
        (math.inf, 0.3),
        (math.nan, 0.2),
    ],
)
def test_the_coefficient_rises_above_twice_the_target_and_falls_below_half_of_it(kl: float, expected: float) -> None:
    assert next_coefficient(0.2, kl, target=0.1, least=0.01, most=1.0) == pytest.approx(expected, rel=1e-12)


@pytest.mark.parametrize(("coefficient", "kl", "bound"), [(0.9, 5.0, 1.0), (1.0, 5.0, 1.0), (0.0105, 0.0, 0.01)])
def test_the_coefficient_stays_within_its_bounds(coefficient: float, kl: float, bound: float) -> None:
    assert next_coefficient(coefficient, kl, target=0.1, least=0.01, most=1.0) == bound
