"""The statistics of the reports: intervals and paired tests, from published formulas, without scipy.

Rates are shares in 0..1. Nothing is made up: with no observation every figure is None.

Sources:
    Wilson (1927), score interval: as in Newcombe, Statistics in Medicine 17 (1998) 857-872, method 3.
    McNemar (1947), exact two-sided form: binomial on the discordant pairs with p = 1/2.
    Newcombe, Statistics in Medicine 17 (1998) 2635-2650, method 10: interval of a difference of paired proportions.
    Efron (1979), percentile bootstrap of a mean.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from statistics import NormalDist

from srl_pipeline.canonical import seed_of
from srl_pipeline.contracts import Record

RESAMPLES = 10_000
_BLOCK = 2_000_000
"""Indices drawn at once by the bootstrap: bounds its memory to some 40 MB, whatever n is."""


class Estimate(Record):
    """A value with its confidence interval and the number of observations it rests on."""

    value: float | None
    low: float | None
    high: float | None
    n: int


class Paired(Record):
    """Two conditions on the same cases: how many turned from wrong to right, and back."""

    difference: Estimate
    gained: int
    lost: int
    p: float | None


def wilson(successes: int, n: int, confidence: float = 0.95) -> Estimate:
    """Wilson score interval of ``successes`` of ``n``; holds its level at small n and near 0 and 1."""
    if not 0 <= successes <= n:
        raise ValueError(f"{successes} successes of {n} cases")
    if n == 0:
        return Estimate(value=None, low=None, high=None, n=0)
    z, rate = _z(confidence), successes / n
    centre = (rate + z * z / (2 * n)) / (1 + z * z / n)
    half = z / (1 + z * z / n) * math.sqrt(rate * (1 - rate) / n + z * z / (4 * n * n))
    # At 0 and n the bound is exact, and rounding must not put it beside the rate.
    low = 0.0 if successes == 0 else max(0.0, centre - half)
    high = 1.0 if successes == n else min(1.0, centre + half)
    return Estimate(value=rate, low=low, high=high, n=n)


def mcnemar_exact(gained: int, lost: int) -> float:
    """Two-sided exact p-value of ``gained`` against ``lost`` discordant pairs if nothing changed; 1.0 without any."""
    total, least = gained + lost, min(gained, lost)
    tail = sum(math.comb(total, k) for k in range(least + 1))
    return min(1.0, 2 * tail / 2**total)  # exact integers until the division: no underflow


def paired(before: Sequence[bool], after: Sequence[bool], confidence: float = 0.95) -> Paired:
    """Change of the success rate from ``before`` to ``after`` on the same cases, in the same order.

    The interval is Newcombe's method 10 and not a bootstrap: with few discordant pairs, as between two good
    checkpoints, resampling gives intervals that are too narrow, and none at all when there are none. Raises ValueError
    on unequal lengths.
    """
    cells = list(zip(before, after, strict=True))
    gained, lost = cells.count((False, True)), cells.count((True, False))
    both, n = cells.count((True, True)), len(cells)
    if n == 0:
        return Paired(difference=Estimate(value=None, low=None, high=None, n=0), gained=0, lost=0, p=None)
    low, high = newcombe(both, gained, lost, n - both - gained - lost, confidence)
    difference = Estimate(value=(gained - lost) / n, low=low, high=high, n=n)
    return Paired(difference=difference, gained=gained, lost=lost, p=mcnemar_exact(gained, lost))


def newcombe(both: int, gained: int, lost: int, neither: int, confidence: float = 0.95) -> tuple[float, float]:
    """Interval of the rate after less the rate before, from the four counts of pairs (n > 0).

    Method 10: Wilson bounds of either rate, joined under their correlation phi, its numerator corrected for continuity.
    """
    n = both + gained + lost + neither
    after, before = wilson(both + gained, n, confidence), wilson(both + lost, n, confidence)
    up_after, down_after = _distance(after.high, after.value), _distance(after.value, after.low)
    up_before, down_before = _distance(before.high, before.value), _distance(before.value, before.low)
    spread = (both + gained) * (lost + neither) * (both + lost) * (gained + neither)
    product = both * neither - gained * lost
    if product > 0:
        product = max(0.0, product - n / 2)
    phi = product / math.sqrt(spread) if spread else 0.0
    difference = (gained - lost) / n
    down = math.sqrt(max(0.0, down_after**2 - 2 * phi * down_after * up_before + up_before**2))
    up = math.sqrt(max(0.0, up_after**2 - 2 * phi * up_after * down_before + down_before**2))
    return max(-1.0, difference - down), min(1.0, difference + up)


def mean(values: Sequence[float], confidence: float = 0.95) -> Estimate:
    """Mean with the percentile interval of a seeded bootstrap (`RESAMPLES` resamples).

    Without spread in the values the interval is None: one of width zero would claim a certainty that nobody measured.
    """
    n = len(values)
    if n == 0:
        return Estimate(value=None, low=None, high=None, n=0)
    value = math.fsum(values) / n
    if len(set(values)) < 2:
        return Estimate(value=value, low=None, high=None, n=n)
    import numpy as np

    data = np.asarray(values, dtype=float)
    rng = np.random.default_rng(seed_of("bootstrap of a mean"))
    rows = max(1, _BLOCK // n)
    means = np.concatenate(
        [
            data[rng.integers(0, n, size=(min(rows, RESAMPLES - start), n))].mean(axis=1)
            for start in range(0, RESAMPLES, rows)
        ]
    )
    low, high = np.quantile(means, [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value=value, low=float(low), high=float(high), n=n)


def _z(confidence: float) -> float:
    return NormalDist().inv_cdf((1 + confidence) / 2)


def _distance(upper: float | None, lower: float | None) -> float:
    assert upper is not None and lower is not None  # n > 0: the caller has checked
    return upper - lower
