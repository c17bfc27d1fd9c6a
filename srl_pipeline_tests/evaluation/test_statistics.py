"""Intervals and tests against published and hand-computed values."""

from __future__ import annotations

import pytest

from srl_pipeline.evaluation.statistics import mcnemar_exact, mean, newcombe, paired, wilson


@pytest.mark.parametrize(
    ("successes", "n", "low", "high"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilson_gives_the_intervals_of_newcombes_cases(successes: int, n: int, low: float, high: float) -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 857-872: his worked cases, method 3."""
    interval = wilson(successes, n)
    assert (round(interval.low or 0.0, 4), round(interval.high or 0.0, 4)) == (low, high)


def test_wilson_of_nothing_is_unknown_and_not_zero() -> None:
    assert wilson(0, 0).model_dump() == {"value": None, "low": None, "high": None, "n": 0}


def test_wilson_at_full_success_reaches_one_exactly() -> None:
    assert wilson(20, 20).high == 1.0


def test_wilson_widens_with_the_confidence() -> None:
    wide, narrow = wilson(50, 100, 0.99), wilson(50, 100, 0.90)
    assert wide.low < narrow.low and wide.high > narrow.high  # type: ignore[operator]


def test_wilson_refuses_more_successes_than_cases() -> None:
    with pytest.raises(ValueError, match="3 successes of 2"):
        wilson(3, 2)


@pytest.mark.parametrize(
    ("gained", "lost", "p"),
    [
        (10, 2, 2 * (1 + 12 + 66) / 4096),
        (6, 0, 2 / 64),
        (0, 5, 2 / 32),
        (3, 3, 1.0),
        (0, 0, 1.0),
    ],
)
def test_mcnemar_is_the_binomial_tail_computed_by_hand(gained: int, lost: int, p: float) -> None:
    assert mcnemar_exact(gained, lost) == pytest.approx(p)


def test_mcnemar_agrees_with_the_approval_ratings_of_agresti() -> None:
    """150 and 86 discordant pairs: R's exact2x2 gives p = 3.716e-05."""
    assert mcnemar_exact(150, 86) == pytest.approx(3.716e-05, rel=1e-3)


def test_mcnemar_does_not_underflow_on_thousands_of_pairs() -> None:
    assert 0 <= mcnemar_exact(3000, 10) < 1e-100


def test_newcombe_gives_his_published_limits() -> None:
    """Newcombe, Statistics in Medicine 17 (1998) 2635-2650: the case of 36, 12, 2 and 0 pairs."""
    low, high = newcombe(36, 12, 2, 0)
    assert (round(low, 4), round(high, 4)) == (0.0569, 0.3404)


def test_newcombe_mirrors_when_the_conditions_are_exchanged() -> None:
    low, high = newcombe(14, 5, 1, 22)
    assert newcombe(14, 1, 5, 22) == pytest.approx((-high, -low))


def test_newcombe_keeps_a_width_without_discordant_pairs() -> None:
    low, high = newcombe(50, 0, 0, 50)
    assert low < 0 < high


def test_paired_counts_what_was_gained_and_lost() -> None:
    change = paired([True, False, False, True], [False, True, True, True])
    assert (change.gained, change.lost, change.difference.value) == (2, 1, 0.25)


def test_paired_of_nothing_is_unknown() -> None:
    assert paired([], []).p is None


def test_paired_refuses_sequences_of_different_length() -> None:
    with pytest.raises(ValueError, match="shorter"):
        paired([True, False], [True])


def test_bootstrap_of_a_mean_is_near_the_normal_interval_of_a_large_sample() -> None:
    """A fair coin, 400 times: standard error 0.025, so 0.5 ± 0.049."""
    estimate = mean([0.0, 1.0] * 200)
    assert estimate.value == 0.5
    assert estimate.low == pytest.approx(0.451, abs=0.004)
    assert estimate.high == pytest.approx(0.549, abs=0.004)


def test_bootstrap_is_the_same_every_time() -> None:
    assert mean([1.0, 2.0, 4.0]) == mean([1.0, 2.0, 4.0])


def test_bootstrap_claims_no_interval_where_it_saw_no_spread() -> None:
    assert mean([0.0, 0.0, 0.0]).model_dump() == {"value": 0.0, "low": None, "high": None, "n": 3}


def test_mean_of_nothing_is_unknown() -> None:
    assert mean([]).value is None
