"""Intervals over scenarios and seeds: against formulas, by simulation, and where there is nothing to draw from."""

from __future__ import annotations

import random
from collections.abc import Sequence

import pytest

from srl_pipeline.ablation.clustered import average, change, pooled, rate
from srl_pipeline.evaluation.statistics import mean, paired, wilson


def grid(rows: Sequence[Sequence[float]]) -> dict[tuple[int, str], float]:
    """A row a seed, a column a scenario."""
    return {(s, f"j{j}"): value for s, row in enumerate(rows) for j, value in enumerate(row)}


def test_one_seed_of_yes_and_no_is_wilsons_interval() -> None:
    assert rate(grid([[1, 0, 0, 1, 1]]), 0.95) == wilson(3, 5)


def test_one_seed_of_shares_is_the_bootstrap_over_scenarios() -> None:
    values = [0.0, 0.25, 0.5, 0.5, 1.0, 0.0, 0.75, 0.25]
    found, plain = average(grid([values]), 0.95), mean(values)
    assert found.value == plain.value
    assert found.low == pytest.approx(plain.low, abs=0.02) and found.high == pytest.approx(plain.high, abs=0.02)


def test_copies_of_a_seed_bring_no_certainty() -> None:
    row = [0.0, 1.0, 0.5, 0.0, 1.0, 0.0, 0.5, 1.0]
    one, four = average(grid([row]), 0.95), average(grid([row] * 4), 0.95)
    assert four.n == one.n == 8
    assert four.low == pytest.approx(one.low, abs=0.02) and four.high == pytest.approx(one.high, abs=0.02)


def test_seeds_that_differ_widen_the_interval() -> None:
    alike = average(grid([[0.0, 1.0] * 8, [0.0, 1.0] * 8]), 0.95)
    apart = average(grid([[0.0, 0.2] * 8, [0.8, 1.0] * 8]), 0.95)
    assert alike.value == pytest.approx(apart.value)
    assert (apart.high or 0) - (apart.low or 0) > 1.5 * ((alike.high or 0) - (alike.low or 0))


def test_rates_that_are_all_nought_get_the_interval_of_as_many_scenarios() -> None:
    assert rate(grid([[0.0] * 6] * 3), 0.95) == wilson(0, 6)
    assert rate(grid([[1.0] * 6] * 3), 0.95) == wilson(6, 6)


def test_without_spread_a_mean_has_no_interval() -> None:
    found = average(grid([[2.0, 2.0]]), 0.95)
    assert (found.value, found.low, found.high, found.n) == (2.0, None, None, 2)


def test_nothing_observed_is_nothing_said() -> None:
    assert rate({}, 0.95).value is None and average({}, 0.95).n == 0
    assert change({}, {}, 0.95, shares=True).p is None


def test_the_interval_covers_the_truth_about_as_often_as_it_says() -> None:
    rng, hits, runs = random.Random(4), 0, 60
    for _ in range(runs):
        chances = [rng.betavariate(1, 1) for _ in range(40)]
        rows = [[sum(rng.random() < c for _ in range(4)) / 4 for c in chances] for _ in range(3)]
        found = average(grid(rows), 0.9)
        hits += (found.low or 0) <= 0.5 <= (found.high or 0)
    assert 0.78 <= hits / runs <= 1.0


def test_one_seed_of_yes_and_no_changes_as_mcnemar_and_newcombe_say() -> None:
    before, after = [1, 0, 0, 1, 0, 0, 0, 0], [1, 1, 1, 1, 0, 1, 0, 0]
    expected = paired([x == 1 for x in before], [x == 1 for x in after])
    assert change(grid([before]), grid([after]), 0.95, shares=True) == expected


def test_numbers_that_happen_to_be_one_or_nought_are_not_taken_for_yes_and_no() -> None:
    found = change(grid([[0, 0, 0, 0]]), grid([[1, 0, 1, 0]]), 0.95, shares=False)
    assert found.difference == average(grid([[1, 0, 1, 0]]), 0.95)


def test_a_change_counts_scenarios_and_not_episodes() -> None:
    before, after = grid([[0.0] * 6, [0.0] * 6]), grid([[0.5, 0.5, 0, 0, 0, 0], [0.25, 0, 0, 0, 0.25, 0]])
    found = change(before, after, 0.95, shares=True)
    assert (found.gained, found.lost) == (3, 0) and found.p == 0.25
    assert found.difference.value == pytest.approx(1.5 / 12)


def test_thirds_that_cancel_are_no_change() -> None:
    before, after = grid([[0.0], [0.0], [0.0]]), grid([[0.1], [0.2], [-0.3]])
    found = change(before, after, 0.95, shares=False)
    assert (found.gained, found.lost) == (0, 0)


def test_only_what_both_have_is_compared() -> None:
    before, after = {(1, "a"): 0.5, (1, "b"): 0.0}, {(1, "a"): 1.0, (2, "b"): 1.0}
    found = change(before, after, 0.95, shares=True)
    assert found.difference.n == 1 and found.difference.value == 0.5


def test_a_mean_is_that_of_its_episodes_and_needs_one() -> None:
    assert pooled([(1, "a", [1.0, 0.0]), (1, "b", [])]) == {(1, "a"): 0.5}
