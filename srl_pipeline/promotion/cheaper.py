"""Whether a candidate is cheaper than the current model, and not by chance. Pure.

Wall times are noise as well as speed: the same requests of both are compared, timed on the same kind of machine at
about the same time.
"""

from __future__ import annotations

from srl_pipeline.config import PromotionConfig
from srl_pipeline.evaluation.results import StageResult
from srl_pipeline.evaluation.timing import near
from srl_pipeline.evaluation.wording import p_value, percent
from srl_pipeline.promotion.evidence import figures
from srl_pipeline.tracking import METRICS
from srl_pipeline.weaknesses.exact import sign_tail

COST = "latency_p50_seconds"
"""What must fall."""
TIMES = (COST, "latency_p95_seconds", "latency_p99_seconds", "tokens_per_second")
MEMORY = "peak_memory_mb"
"""Speaks against a candidate only: it is one figure of a process that may have done more, so no test is made of it."""


def cheaper(current: StageResult, candidate: StageResult, config: PromotionConfig) -> tuple[bool, str]:
    """Whether the median latency falls by the share, which is no accident, and no resource is worse by more than that.

    Scenario by scenario: a one-sided sign test on the times of both. The second of the two says why, or why not.
    """
    if problem := _times_apart(current, candidate):
        return False, f"it is not shown to be cheaper: {problem}"
    before, after, by = figures(current), figures(candidate), config.cheaper_by
    saved, title = 1 - after[COST] / before[COST], METRICS[COST].title
    if saved < by:
        return False, f"not cheaper: {title} does not fall by {percent(by)}"
    times = list(zip(current.latencies, candidate.latencies, strict=True))
    faster, slower = sum(a < b for b, a in times), sum(a > b for b, a in times)
    fall = f"{title} falls by {percent(saved)}, {faster} of {len(times)} requests are faster"
    if (p := sign_tail(faster, slower)) > 1 - config.confidence:
        return False, f"it is not shown to be cheaper: {fall}, which may be chance ({p_value(p)})"
    worse = {name: _worse(name, before[name], after[name]) for name in (*TIMES, MEMORY)}
    if losing := [name for name, share in worse.items() if share > by]:
        return False, f"{fall}, but {METRICS[losing[0]].title} is {percent(worse[losing[0]])} worse"
    return True, f"cheaper: {fall} ({p_value(p)})"


def _times_apart(current: StageResult, candidate: StageResult) -> str:
    """Why the times of two evaluations cannot be compared; empty where they can."""
    for result, name in ((candidate, "candidate"), (current, "current model")):
        if not result.latencies:
            return f"the latency of the {name} was not measured"
    n = len(candidate.latencies)
    timed = [[e.scenario_id for e in result.episodes[:n]] for result in (current, candidate)]
    if len(current.latencies) != n or timed[0] != timed[1]:
        return "they were not timed on the same scenarios"
    if not near(current.measured_at, candidate.measured_at):
        return "they were not timed within a day of each other"
    if current.machine != candidate.machine or not candidate.machine:
        return "they were not timed on the same kind of machine"
    return ""


def _worse(name: str, before: float, after: float) -> float:
    """By which share a figure is worse; negative where it is better."""
    return after / before - 1 if METRICS[name].better == "lower" else before / after - 1
