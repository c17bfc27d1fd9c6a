"""Hard constraints, then a score. Pure.

The score of a candidate is ``w_quality * quality + w_cost * cost + w_latency * latency``; the weights sum to one.

- quality: its pass rate, a share in 0..1.
- cost: ``r / (r + x)`` in 0..1, where ``x`` is its `usd_per_accepted` and ``r`` the reference. Free is 1, as dear as
  the reference is 0.5, twice as dear is a third.
- latency: the same of `latency_p50_seconds`.

The reference is the incumbent's figure, so that a third candidate never comes between two others. Where that is 0 (a
free teacher) or unknown it is the least figure above 0 among the candidates that meet all hard constraints. Where all
are 0 every part is 1. Figures count only as ratios: in cents, or in milliseconds, every score is the same. With all
else equal a dearer or a slower candidate never scores higher, and a better one never lower.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Mapping, Sequence

from srl_pipeline.config import SelectionConfig
from srl_pipeline.selection.records import Assessment, Candidate, Constraint, Hindrance, Measurement, Refusal, Score

_CONSTRAINT_OF: dict[Hindrance, Constraint] = {
    "unavailable": "availability",
    "down": "measurement",
    "budget": "measurement",
    "unmeasured": "measurement",
}


def assess(
    candidates: Sequence[Candidate], measured: Mapping[str, Measurement], incumbent: str, config: SelectionConfig
) -> list[Assessment]:
    """Every candidate with its refusals or its score, in the order given; ``measured`` is by name."""
    found = [
        Assessment(candidate=c, measurement=(m := measured.get(c.name)), refusals=list(refusals(c, m, config)))
        for c in candidates
    ]
    usd = reference(found, incumbent, "usd_per_accepted")
    seconds = reference(found, incumbent, "latency_p50_seconds")
    return [a if a.refusals else a.model_copy(update={"score": _score(a, usd, seconds, config)}) for a in found]


def refusals(candidate: Candidate, measured: Measurement | None, config: SelectionConfig) -> Iterator[Refusal]:
    """Every hard constraint that a candidate does not meet; none for one that may be scored.

    ``min_pass_rate`` is compared with the measured rate itself and not with a bound of its interval: with a few tasks
    a bound would say more of their number than of the candidate.
    """
    if candidate.problem:
        yield Refusal(constraint="availability", why=candidate.problem)
    if not candidate.training_allowed:
        yield Refusal(constraint="terms", why="Its terms do not allow training a model on its outputs.")
    if not candidate.price_known:
        yield Refusal(constraint="price", why="Its price is not known, and an unknown cost is not paid.")
    if candidate.problem or not candidate.training_allowed or not candidate.price_known:
        return
    if measured is None or measured.hindrance:
        kind: Constraint = _CONSTRAINT_OF[measured.hindrance] if measured and measured.hindrance else "measurement"
        yield Refusal(constraint=kind, why=(measured.problem if measured else "") or "It was not measured.")
        return
    yield from _by_figures(measured, config)


def _by_figures(measured: Measurement, config: SelectionConfig) -> Iterator[Refusal]:
    rate = finite(measured.pass_rate.value)
    usd = finite(measured.usd_per_accepted)
    if rate is None:
        yield _unknown("share of verified tasks")
        return
    if rate < config.min_pass_rate:
        yield Refusal(
            constraint="quality",
            why=f"{rate:.0%} of its {measured.tasks} tasks were verified; selection.min_pass_rate is "
            f"{config.min_pass_rate:.0%}.",
        )
    elif measured.accepted == 0:
        yield Refusal(constraint="quality", why=f"None of its {measured.tasks} tasks was verified.")
    elif usd is None:
        yield _unknown("cost")
    elif (cap := config.max_usd_per_accepted) is not None and usd > cap:
        yield Refusal(
            constraint="cost",
            why=f"${usd:.5g} for an accepted one; selection.max_usd_per_accepted is ${cap:.5g}.",
        )
    if config.weights.latency > 0 and finite(measured.latency_p50_seconds) is None:
        yield _unknown("latency")
    elif (most := config.max_latency_p95_seconds) is not None:
        slow = finite(measured.latency_p95_seconds)
        if slow is None:
            yield _unknown("latency")
        elif slow > most:
            yield Refusal(
                constraint="latency",
                why=f"{slow:.3g} s at the 95th percentile; selection.max_latency_p95_seconds is {most:.3g} s.",
            )


def reference(found: Sequence[Assessment], incumbent: str, figure: str) -> float | None:
    """What a figure of every candidate is compared with; None where all are 0, or there is none."""
    own = [_figure(a, figure) for a in found if a.name == incumbent]
    if own and own[0]:
        return own[0]
    return min((x for a in found if not a.refusals and (x := _figure(a, figure))), default=None)


def _score(assessment: Assessment, usd: float | None, seconds: float | None, config: SelectionConfig) -> Score:
    assert assessment.measurement is not None  # it has no refusals, so it was measured
    quality = finite(assessment.measurement.pass_rate.value) or 0.0
    cost = _part(_figure(assessment, "usd_per_accepted"), usd)
    latency = _part(_figure(assessment, "latency_p50_seconds"), seconds)
    weights = config.weights
    total = weights.quality * quality + weights.cost * cost + weights.latency * latency
    return Score(quality=quality, cost=cost, latency=latency, total=total)


def _part(value: float | None, compared_with: float | None) -> float:
    """``r / (r + x)``; an unknown latency is 0, which counts only where its weight is 0."""
    if value is None:
        return 0.0
    # as a ratio: of very large or small figures the sum would overflow, or lose the smaller one
    return 1.0 if value == 0 or compared_with is None else 1 / (1 + value / compared_with)


def finite(value: float | None) -> float | None:
    """A figure that can be counted with; NaN and infinity are as good as none."""
    return value if value is not None and math.isfinite(value) else None


def _figure(assessment: Assessment, name: str) -> float | None:
    return finite(getattr(assessment.measurement, name)) if assessment.measurement else None


def _unknown(what: str) -> Refusal:
    return Refusal(constraint="measurement", why=f"Its {what} was not measured, or is no number.")
