"""Intervals and tests hold for every count: in range, ordered, symmetric, and as exact enumeration has them."""

from __future__ import annotations

import math
from fractions import Fraction
from itertools import product

import pytest
from hypothesis import given
from hypothesis import strategies as st

from srl_pipeline.evaluation.statistics import Estimate, mcnemar_exact, mean, newcombe, paired, wilson
from srl_pipeline_tests.profiles import examples

CONFIDENCE = st.sampled_from([0.5, 0.8, 0.9, 0.95, 0.99, 0.999])
SIZES = st.integers(1, 60) | st.integers(1, 10**9)
CELLS = st.tuples(*[st.integers(0, 30) | st.integers(0, 10**6)] * 4).filter(any)


def known(estimate: Estimate) -> tuple[float, float, float]:
    assert estimate.low is not None and estimate.value is not None and estimate.high is not None
    return estimate.low, estimate.value, estimate.high


@examples(80)
@given(SIZES, st.floats(0, 1), CONFIDENCE)
def test_wilson_holds_the_rate_and_stays_in_range(n: int, share: float, confidence: float) -> None:
    k = round(share * n)
    low, rate, high = known(wilson(k, n, confidence))
    assert 0.0 <= low <= rate <= high <= 1.0
    assert low < high
    mirrored = known(wilson(n - k, n, confidence))
    assert (1 - mirrored[2], 1 - mirrored[0]) == pytest.approx((low, high), abs=1e-12)


@examples(50)
@given(st.integers(1, 500), st.data(), CONFIDENCE)
def test_wilson_rises_with_the_successes_and_narrows_with_the_cases(
    n: int, data: st.DataObject, confidence: float
) -> None:
    k = data.draw(st.integers(0, n - 1))
    one, more = known(wilson(k, n, confidence)), known(wilson(k + 1, n, confidence))
    assert one[0] < more[0] and one[2] < more[2]
    twice = known(wilson(2 * k, 2 * n, confidence))
    assert twice[2] - twice[0] < one[2] - one[0]


@examples(40)
@given(st.integers(1, 40), st.data())
def test_wilson_holds_exactly_the_rates_that_the_score_test_does_not_reject(n: int, data: st.DataObject) -> None:
    """Its definition: p is in the interval exactly when ``|k/n - p| <= z * sqrt(p (1 - p) / n)``."""
    k, p = data.draw(st.integers(0, n)), data.draw(st.floats(0.001, 0.999))
    low, rate, high = known(wilson(k, n, 0.95))
    distance, bound = abs(rate - p), 1.959963984540054 * math.sqrt(p * (1 - p) / n)
    if abs(distance - bound) > 1e-9:
        assert (low <= p <= high) == (distance < bound)


@pytest.mark.parametrize("total", range(9))
def test_mcnemar_is_the_share_of_all_ways_that_are_as_one_sided(total: int) -> None:
    """Every way in which ``total`` pairs can have turned, counted one by one."""
    ways = [sum(way) for way in product([0, 1], repeat=total)]
    for gained in range(total + 1):
        as_odd = sum(abs(2 * g - total) >= abs(2 * gained - total) for g in ways)
        assert mcnemar_exact(gained, total - gained) == pytest.approx(float(Fraction(as_odd, len(ways))))


@examples(50)
@given(st.integers(0, 300), st.integers(0, 300))
def test_mcnemar_is_symmetric_a_share_and_falls_with_the_one_sidedness(gained: int, lost: int) -> None:
    p = mcnemar_exact(gained, lost)
    assert 0.0 < p <= 1.0
    assert p == mcnemar_exact(lost, gained)
    if gained >= lost:
        assert mcnemar_exact(gained + 1, lost) <= p or gained == lost
        assert lost == 0 or mcnemar_exact(gained + 1, lost - 1) <= p


@examples(80)
@given(CELLS, CONFIDENCE)
def test_newcombe_holds_the_difference_stays_in_range_and_mirrors(
    cells: tuple[int, int, int, int], confidence: float
) -> None:
    both, gained, lost, neither = cells
    low, high = newcombe(both, gained, lost, neither, confidence)
    difference = (gained - lost) / sum(cells)
    assert -1.0 <= low <= difference <= high <= 1.0
    back = newcombe(both, lost, gained, neither, confidence)
    assert (-back[1], -back[0]) == pytest.approx((low, high), abs=1e-12)
    failures = newcombe(neither, lost, gained, both, confidence)  # counted instead of successes
    assert (-failures[1], -failures[0]) == pytest.approx((low, high), abs=1e-12)
    wider = newcombe(both, gained, lost, neither, (1 + confidence) / 2)
    assert wider[0] <= low + 1e-12 and wider[1] >= high - 1e-12


@examples(40)
@given(st.lists(st.tuples(st.booleans(), st.booleans()), max_size=40))
def test_a_paired_change_is_that_of_its_counts_in_whatever_order(cells: list[tuple[bool, bool]]) -> None:
    found = paired([b for b, _ in cells], [a for _, a in cells])
    assert found.gained == sum(a and not b for b, a in cells)
    assert found.lost == sum(b and not a for b, a in cells)
    if cells:
        assert found.difference.value == pytest.approx(
            sum(a for _, a in cells) / len(cells) - sum(b for b, _ in cells) / len(cells)
        )
    shuffled = sorted(cells)
    assert paired([b for b, _ in shuffled], [a for _, a in shuffled]) == found


@examples(12)
@given(st.lists(st.floats(-1e6, 1e6), min_size=1, max_size=30))
def test_a_bootstrapped_mean_lies_between_the_least_and_the_most(values: list[float]) -> None:
    found = mean(values)
    assert found.n == len(values) and found.value is not None
    assert min(values) - 1e-6 <= found.value <= max(values) + 1e-6
    if found.low is None or found.high is None:
        assert len(set(values)) == 1
    else:
        assert min(values) <= found.low <= found.high <= max(values)
