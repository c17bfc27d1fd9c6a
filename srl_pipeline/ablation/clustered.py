"""Means and paired changes over scenarios that were tried with several seeds and several samples.

An observation is the mean x[s, j] of one scenario j with one seed s. Observations of one scenario are alike, and so are
those of one training run: they are not independent cases. The interval is that of the pigeonhole bootstrap (Owen,
Annals of Applied Statistics 1 (2007) 386-411): with weights u[s] and w[j], which count how often seed s and scenario j
were drawn with replacement,

    mean* = sum(u[s] w[j] x[s, j]) / sum(u[s] w[j])        over the pairs (s, j) that were observed,

and the percentiles of `RESAMPLES` such means. With one seed only scenarios are drawn: the interval then says nothing of
other training runs. Of a change, x is the difference of the two arms at the same seed and scenario.

Where the outcomes are yes or no and there is one seed, the exact formulas of `evaluation.statistics` are taken instead.
Beside every change stands the sign test (Dixon and Mood 1946, two-sided, exact) over scenarios: how many became better
and how many worse, which few scenarios cannot deceive as they can a bootstrap.
"""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence

import numpy as np

from srl_pipeline.canonical import seed_of
from srl_pipeline.evaluation.statistics import RESAMPLES, Estimate, Paired, mcnemar_exact, paired, wilson

Observations = Mapping[tuple[int, str], float]
"""(seed, scenario) -> value."""


def rate(observed: Observations, confidence: float) -> Estimate:
    """Mean of shares in 0..1; ``n`` counts scenarios.

    Shares that are all 0, or all 1, have no spread to draw from: Wilson's interval for as many cases as there are
    scenarios stands in, which is wide enough however alike the episodes of a scenario are.
    """
    values, scenarios = list(observed.values()), len({name for _, name in observed})
    single = len({seed for seed, _ in observed}) == 1
    if values and all(v in (0.0, 1.0) for v in values) and (single or len(set(values)) == 1):
        return wilson(round(math.fsum(values) / len(values) * scenarios), scenarios, confidence)
    return average(observed, confidence)


def average(observed: Observations, confidence: float) -> Estimate:
    """Mean with its interval; without spread in the values the interval is None. ``n`` counts scenarios."""
    scenarios = len({name for _, name in observed})
    if not observed:
        return Estimate(value=None, low=None, high=None, n=0)
    values = list(observed.values())
    value = math.fsum(values) / len(values)
    if len(set(values)) < 2:
        return Estimate(value=value, low=None, high=None, n=scenarios)
    low, high = np.quantile(_resampled(observed), [(1 - confidence) / 2, (1 + confidence) / 2])
    return Estimate(value=value, low=float(low), high=float(high), n=scenarios)


def change(before: Observations, after: Observations, confidence: float, *, shares: bool) -> Paired:
    """Change from ``before`` to ``after`` at the seeds and scenarios that both have; ``shares``: of values in 0..1.

    ``gained`` and ``lost`` count scenarios that became better and worse in the mean over seeds; ``p`` is the
    sign test's, which for one seed and yes or no is McNemar's.
    """
    both = sorted(before.keys() & after.keys())
    seeds = {seed for seed, _ in both}
    if shares and len(seeds) == 1 and all(x[key] in (0.0, 1.0) for key in both for x in (before, after)):
        return paired([before[key] == 1.0 for key in both], [after[key] == 1.0 for key in both], confidence)
    differences = {key: after[key] - before[key] for key in both}
    by_scenario: dict[str, list[float]] = {}
    for (_, scenario), difference in differences.items():
        by_scenario.setdefault(scenario, []).append(difference)
    sums = [math.fsum(found) for found in by_scenario.values()]
    gained, lost = sum(s > 1e-12 for s in sums), sum(s < -1e-12 for s in sums)  # thirds do not add up to 0 exactly
    return Paired(
        difference=average(differences, confidence),
        gained=gained,
        lost=lost,
        p=mcnemar_exact(gained, lost) if sums else None,
    )


def _resampled(observed: Observations) -> np.ndarray:
    """Means of resampled seeds and scenarios; a resample that meets no observed pair gives none."""
    seeds, scenarios = sorted({s for s, _ in observed}), sorted({j for _, j in observed})
    values, there = np.zeros((2, len(seeds), len(scenarios)))
    for (seed, scenario), value in observed.items():
        place = seeds.index(seed), scenarios.index(scenario)
        values[place], there[place] = value, 1.0
    rng = np.random.default_rng(seed_of("pigeonhole bootstrap"))
    u = _counts(rng, len(seeds)) if len(seeds) > 1 else np.ones((RESAMPLES, 1))
    w = _counts(rng, len(scenarios))
    weight = ((u @ there) * w).sum(axis=1)
    met = weight > 0
    return ((u @ values) * w).sum(axis=1)[met] / weight[met]


def _counts(rng: np.random.Generator, size: int) -> np.ndarray:
    """How often each of ``size`` clusters was drawn: ``[RESAMPLES, size]``."""
    return rng.multinomial(size, np.full(size, 1 / size), size=RESAMPLES).astype(float)


def pooled(observations: Sequence[tuple[int, str, Sequence[float]]]) -> dict[tuple[int, str], float]:
    """Observations from (seed, scenario, values of its episodes); those without any value are left out."""
    return {(seed, name): math.fsum(values) / len(values) for seed, name, values in observations if values}
