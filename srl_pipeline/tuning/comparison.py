"""Is the tuned model better than prompting alone? Verified solutions per dollar, on the same tasks. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

from pydantic import Field

from srl_pipeline.canonical import seed_of
from srl_pipeline.contracts import Record
from srl_pipeline.evaluation.statistics import RESAMPLES, Estimate, Paired, paired

CONFIDENCE = 0.98
"""Two-sided. With a dozen tasks the bootstrap is too narrow: a tuned model that is as good as its base then wins in 2
to 4 of 100 comparisons (docs/tuning.md), where the nominal level is 1."""


class Solved(Record):
    """One task, by one teacher."""

    scenario_id: str
    accepted: bool = Field(description="Model C verified the solution.")
    usd: float = Field(ge=0, description="US dollars for all calls of the task, rejected answers included.")


class Comparison(Record):
    """Two teachers on the same tasks."""

    tasks: int
    base_accepted: int
    tuned_accepted: int
    base_usd: float
    tuned_usd: float
    pass_rate: Paired = Field(description="Change of the share of verified tasks.")
    per_usd: Estimate = Field(
        description="Verified solutions a dollar: tuned less base, with its interval; no value where either is free."
    )
    better: bool
    why: str = Field(description="One sentence.")


def compare(base: Sequence[Solved], tuned: Sequence[Solved]) -> Comparison:
    """Judge ``tuned`` against ``base``; raises ValueError unless both did the same tasks.

    Better means that the interval of the difference of verified solutions per dollar lies above zero: the percentile
    bootstrap of a ratio of sums over paired tasks (Efron and Tibshirani 1993, chapter 8), seeded. Where either costs
    nothing the ratio says nothing, and the paired interval of the pass rates decides.
    """
    others = {solved.scenario_id: solved for solved in tuned}
    pairs = [(before, others[before.scenario_id]) for before in base if before.scenario_id in others]
    if len(pairs) < len(base) or len(base) != len(others):
        raise ValueError("both teachers must have done the same tasks")
    change = paired([b.accepted for b, _ in pairs], [t.accepted for _, t in pairs], CONFIDENCE)
    per_usd = _per_usd(pairs)
    accepted, usd = sum(t.accepted for _, t in pairs), sum(t.usd for _, t in pairs)
    better, why = _verdict(change, per_usd, accepted)
    return Comparison(
        tasks=len(pairs),
        base_accepted=sum(b.accepted for b, _ in pairs),
        tuned_accepted=accepted,
        base_usd=sum(b.usd for b, _ in pairs),
        tuned_usd=usd,
        pass_rate=change,
        per_usd=per_usd,
        better=better,
        why=why,
    )


def _verdict(change: Paired, per_usd: Estimate, accepted: int) -> tuple[bool, str]:
    if accepted == 0:
        return False, "The tuned model solved none of the tasks."
    free = per_usd.value is None
    found = change.difference if free else per_usd
    measure = "share of verified tasks (a teacher is free)" if free else "verified solutions per dollar"
    if found.low is None or found.high is None or found.value is None:
        return False, f"The {measure} cannot be compared: there are too few tasks."
    interval = f"{found.value:+.3g} ({CONFIDENCE:.0%} interval {found.low:+.3g} to {found.high:+.3g})"
    if found.low > 0:
        return True, f"The tuned model is better than prompting alone by its {measure}: {interval}."
    word = "worse" if found.high < 0 else "not measurably better"
    return False, f"The tuned model is {word} than prompting alone by its {measure}: {interval}."


def _per_usd(pairs: Sequence[tuple[Solved, Solved]]) -> Estimate:
    import numpy as np

    n = len(pairs)
    nothing = Estimate(value=None, low=None, high=None, n=n)
    # columns: accepted and dollars of base, accepted and dollars of tuned
    data = np.array([[b.accepted, b.usd, t.accepted, t.usd] for b, t in pairs], dtype=float).reshape(n, 4)
    if n == 0 or not data[:, 1].sum() > 0 or not data[:, 3].sum() > 0:
        return nothing
    rows = np.random.default_rng(seed_of("bootstrap of a ratio")).integers(0, n, size=(RESAMPLES, n))
    sums = data[rows].sum(axis=1)
    sums = sums[(sums[:, 1] > 0) & (sums[:, 3] > 0)]  # of resamples that cost something: a ratio needs a denominator
    low, high = np.quantile(_difference(sums), [(1 - CONFIDENCE) / 2, (1 + CONFIDENCE) / 2])
    return Estimate(value=float(_difference(data.sum(axis=0))), low=float(low), high=float(high), n=n)


def _difference(sums: Any) -> Any:
    return sums[..., 2] / sums[..., 3] - sums[..., 0] / sums[..., 1]
