"""The tests and the control of their number, from published formulas, without scipy. Pure.

Sources:
    Fisher (1934), exact test: the hypergeometric tail, in integers.
    Lancaster, J. Am. Statist. Assoc. 56 (1961) 223-234: mid-p, half the probability of what was seen and all beyond.
    McNemar (1947) and the sign test, exact and one-sided: the binomial tail with p = 1/2.
    Tarone, Biometrics 46 (1990) 515-522: a test that cannot reach the level whatever comes need not be counted.
    Benjamini and Hochberg, J. R. Statist. Soc. B 57 (1995) 289-300: step-up control of the false discovery rate.
    Newcombe, Statistics in Medicine 17 (1998) 873-890, method 10: interval of a difference of independent proportions.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from functools import lru_cache

from srl_pipeline.evaluation.statistics import wilson


@lru_cache(maxsize=100_000)
def fisher_tail(failures: int, n: int, all_failures: int, total: int) -> float:
    """P(at least ``failures`` in the slice) if ``all_failures`` of ``total`` fell on scenarios by chance.

    Exact: each term follows from the one before in whole numbers. Raises ValueError for counts that cannot be.
    """
    least = max(0, n - (total - all_failures))
    most = min(n, all_failures)
    if not (0 <= n <= total and 0 <= all_failures <= total and least <= failures <= most):
        raise ValueError(f"{failures} failures of {n} in a slice, {all_failures} of {total} in all")
    term = math.comb(all_failures, failures) * math.comb(total - all_failures, n - failures)
    ways = 0
    for x in range(failures, most + 1):
        ways += term
        term = term * (all_failures - x) * (n - x) // ((x + 1) * (total - all_failures - n + x + 1))
    return ways / math.comb(total, n)


def fisher_mid_p(failures: int, n: int, all_failures: int, total: int) -> float:
    """The mid-p-value of `fisher_tail`: not exact at any one count, but not held back by there being few counts."""
    beyond = fisher_tail(failures + 1, n, all_failures, total) if failures < min(n, all_failures) else 0.0
    return (fisher_tail(failures, n, all_failures, total) + beyond) / 2


def sign_tail(lost: int, gained: int) -> float:
    """P(at least ``lost`` of the scenarios that changed are worse) if worse and better were equally likely."""
    changed = lost + gained
    return sum(math.comb(changed, k) for k in range(lost, changed + 1)) / 2**changed


def sum_mid_p(count: int, chances: Sequence[float]) -> float:
    """Mid-p of at least ``count`` successes in independent trials with these ``chances`` (Poisson binomial)."""
    import numpy as np

    # Weights of 0 .. count successes, and of more in the last place: nothing is taken from 1, so that a small tail
    # keeps its digits.
    weights = np.zeros(count + 2)
    weights[0] = 1.0
    for chance in chances:
        moved = weights[:-1] * chance
        weights[:-1] -= moved
        weights[1:] += moved
    return min(1.0, float(weights[-1] + weights[-2] / 2))


def benjamini_hochberg(p: Sequence[float]) -> list[float]:
    """Adjusted p-values (q), in the order of ``p``: those at most r are rejected at false discovery rate r."""
    order = sorted(range(len(p)), key=lambda i: p[i], reverse=True)
    found, least = [1.0] * len(p), 1.0
    for behind, i in enumerate(order):
        least = min(least, p[i] * (len(p) / (len(p) - behind)))
        found[i] = least
    return found


def difference(failures: int, n: int, rest_failures: int, rest_n: int, confidence: float) -> tuple[float, float]:
    """Interval of the failure rate of a slice less that of the rest (both n > 0).

    Method 10: with Wilson's bounds l, u of either rate p, d - sqrt((p1 - l1)^2 + (u2 - p2)^2) to
    d + sqrt((u1 - p1)^2 + (p2 - l2)^2), where d = p1 - p2.
    """
    below, above = _wilson_distances(failures, n, confidence)
    rest_below, rest_above = _wilson_distances(rest_failures, rest_n, confidence)
    d = failures / n - rest_failures / rest_n
    return max(-1.0, d - math.hypot(below, rest_above)), min(1.0, d + math.hypot(above, rest_below))


def _wilson_distances(count: int, n: int, confidence: float) -> tuple[float, float]:
    bounds = wilson(count, n, confidence)
    assert bounds.low is not None and bounds.high is not None
    return count / n - bounds.low, bounds.high - count / n
