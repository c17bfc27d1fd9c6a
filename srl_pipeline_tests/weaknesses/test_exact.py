"""The tests are the published ones: compared with enumeration, with their size, and in how they move."""

from __future__ import annotations

import math
from itertools import combinations, pairwise, product

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from srl_pipeline.weaknesses.exact import (
    benjamini_hochberg,
    difference,
    fisher_mid_p,
    fisher_tail,
    sign_tail,
    sum_mid_p,
)


@st.composite
def margins(draw: st.DrawFn) -> tuple[int, int, int]:
    """Scenarios of a slice, failures in all, scenarios in all."""
    total = draw(st.integers(1, 60))
    return draw(st.integers(0, total)), draw(st.integers(0, total)), total


def counts(n: int, failures: int, total: int) -> range:
    """The failures that a slice can have."""
    return range(max(0, n - (total - failures)), min(n, failures) + 1)


def test_fishers_tail_is_the_share_of_all_ways_to_place_the_failures() -> None:
    total, failures, n = 9, 4, 3
    ways = [len(set(range(n)) & set(placed)) for placed in combinations(range(total), failures)]
    for count in counts(n, failures, total):
        assert fisher_tail(count, n, failures, total) == pytest.approx(sum(w >= count for w in ways) / len(ways))


def test_fishers_tail_is_exact_where_floats_would_lose_it() -> None:
    assert fisher_tail(200, 200, 200, 400) == pytest.approx(1 / math.comb(400, 200), rel=1e-12)


def test_counts_that_cannot_be_are_refused() -> None:
    with pytest.raises(ValueError, match="failures of"):
        fisher_tail(4, 3, 5, 9)


@settings(deadline=None)
@given(margins())
def test_a_p_value_lies_in_0_to_1_and_falls_with_every_failure_more(given_: tuple[int, int, int]) -> None:
    for p_value in (fisher_tail, fisher_mid_p):
        found = [p_value(count, *given_) for count in counts(*given_)]
        assert all(0 <= p <= 1 for p in found)
        assert all(a > b for a, b in pairwise(found))


@settings(deadline=None)
@given(margins(), st.floats(0.001, 1))
def test_under_the_null_fishers_p_is_uniform_or_larger(given_: tuple[int, int, int], level: float) -> None:
    tails = [fisher_tail(count, *given_) for count in counts(*given_)]
    chances = [a - b for a, b in zip(tails, [*tails[1:], 0.0], strict=True)]
    assert sum(c for c, p in zip(chances, tails, strict=True) if p <= level) <= level + 1e-12


@settings(deadline=None)
@given(margins())
def test_under_the_null_mid_p_is_one_half_on_the_mean(given_: tuple[int, int, int]) -> None:
    tails = [fisher_tail(count, *given_) for count in counts(*given_)]
    chances = [a - b for a, b in zip(tails, [*tails[1:], 0.0], strict=True)]
    mids = [fisher_mid_p(count, *given_) for count in counts(*given_)]
    assert sum(c * p for c, p in zip(chances, mids, strict=True)) == pytest.approx(0.5)


@settings(deadline=None)
@given(st.integers(0, 40), st.integers(0, 40))
def test_the_sign_test_lies_in_0_to_1_and_its_two_sides_overlap_by_what_was_seen(lost: int, gained: int) -> None:
    seen = math.comb(lost + gained, lost) / 2 ** (lost + gained)
    assert 0 < sign_tail(lost, gained) <= 1
    assert sign_tail(lost, gained) + sign_tail(gained, lost) == pytest.approx(1 + seen)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=7), st.integers(0, 8))
def test_the_sum_of_trials_is_that_of_all_outcomes(chances: list[float], count: int) -> None:
    beyond = seen = 0.0
    for outcome in product((0, 1), repeat=len(chances)):
        weight = math.prod(c if hit else 1 - c for c, hit in zip(chances, outcome, strict=True))
        beyond += weight * (sum(outcome) > count)
        seen += weight * (sum(outcome) == count)
    assert sum_mid_p(count, chances) == pytest.approx(beyond + seen / 2, abs=1e-12)


def test_a_tail_of_many_trials_keeps_its_digits() -> None:
    assert sum_mid_p(30, [0.01] * 30) == pytest.approx(0.01**30 / 2, rel=1e-9)


def test_adjusted_p_values_are_those_of_benjamini_and_hochberg() -> None:
    # The example of their paper (1995), m = 15: at 0.05 the four smallest are rejected.
    p = [
        0.0001,
        0.0004,
        0.0019,
        0.0095,
        0.0201,
        0.0278,
        0.0298,
        0.0344,
        0.0459,
        0.324,
        0.4262,
        0.5719,
        0.6528,
        0.759,
        1,
    ]
    assert [q <= 0.05 for q in benjamini_hochberg(p)] == [True] * 4 + [False] * 11
    assert benjamini_hochberg(p)[3] == pytest.approx(0.0095 * 15 / 4)


@settings(deadline=None)
@given(st.lists(st.floats(0, 1), max_size=30))
def test_adjusted_p_values_keep_the_order_and_are_never_smaller(p: list[float]) -> None:
    q = benjamini_hochberg(p)
    assert all(a <= b <= 1 for a, b in zip(p, q, strict=True))
    ordered = [adjusted for _, adjusted in sorted(zip(p, q, strict=True))]
    assert ordered == sorted(ordered)


def test_the_interval_is_that_of_newcombes_paper() -> None:
    # Statistics in Medicine 17 (1998) 873-890, table II, method 10, contrasts (a), (b) and (h).
    for cell, bounds in {
        (56, 70, 48, 80): (0.0524, 0.3339),
        (9, 10, 3, 10): (0.1705, 0.8090),
        (10, 10, 0, 20): (0.6791, 1.0),
    }.items():
        assert difference(*cell, 0.95) == pytest.approx(bounds, abs=5e-5)
