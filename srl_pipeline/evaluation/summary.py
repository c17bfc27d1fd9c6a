"""From what was measured to what it means: rates with intervals, slices and paired comparisons. Pure and JSON-able.

Every figure is measured or None; nothing that was not measured becomes 0.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, pairwise
from typing import Literal, TypeAlias

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.errors import PipelineError
from srl_pipeline.evaluation.latency import Latency, latency
from srl_pipeline.evaluation.results import Episode, EvaluationResults, StageResult, TrainingSummary
from srl_pipeline.evaluation.slices import (
    AxisLabels,
    BrokenRule,
    Slice,
    axis_labels,
    axis_slices,
    band_slices,
    broken_rules,
    skill_slices,
)
from srl_pipeline.evaluation.statistics import Estimate, Paired, mean, paired, wilson

BASE = "base"
Verdict: TypeAlias = Literal["improvement", "decline", "no measurable difference", "not measured"]


class StageSummary(Record):
    """One checkpoint on the held-out set. Rates are shares in 0..1."""

    stage: str
    data_version: str
    n: int
    pass_rate: Estimate
    reward: Estimate
    format_rate: Estimate
    hard_violation_rate: Estimate = Field(description="Episodes with at least one hard violation.")
    steps_ok: Estimate = Field(description="Steps an episode without structural error or hard violation.")
    tokens: Estimate = Field(description="Generated tokens an episode.")
    tokens_total: int
    seconds: float
    tokens_per_second: float | None = Field(description="Of the whole set at once.")
    peak_memory_mb: float
    latency: Latency | None = Field(default=None, description="Of one request at a time; None: it was not timed.")
    skills: list[Slice] = Field(description="Share of applicable rules that held; n is rule checks; no interval.")
    bands: list[Slice]
    axes: dict[str, list[Slice]]
    broken_rules: list[BrokenRule]


class Comparison(Record):
    """Two stages on the scenarios that both tried."""

    after: str
    before: str
    passed: Paired
    reward: Estimate = Field(description="Mean difference of the rewards.")
    steps_ok: Estimate = Field(description="Mean difference of the steps that are right.")
    verdict: Verdict


class TrainingFigures(Record):
    """What a training stage did; None: it did not measure that."""

    stage: str
    steps: int
    seconds: float
    generated_tokens: int
    trained_tokens: int
    kept_fraction: float | None = Field(description="Share of sampled groups that had a gradient (dynamic sampling).")
    kl: float | None = Field(description="Mean KL a token to the stage's start.")
    reward_first: float | None
    reward_last: float | None
    note: str = ""


class Summary(Record):
    """All of it."""

    model_type: str
    preset: str
    evaluation_version: int
    confidence: float
    stages: list[StageSummary]
    comparisons: list[Comparison]
    training: list[TrainingFigures]
    versions: dict[str, str]

    @property
    def final(self) -> StageSummary | None:
        """The last stage: what the chain ends with."""
        return self.stages[-1] if self.stages else None


def summarise(results: EvaluationResults) -> Summary:
    """The summary of ``results``; raises PipelineError when a stage, or a scenario within a stage, comes twice."""
    _refuse_twice(results)
    labels = axis_labels(e for stage in results.stages for e in stage.episodes)
    return Summary(
        model_type=results.model_type,
        preset=results.preset,
        evaluation_version=results.evaluation_version,
        confidence=results.confidence,
        stages=[_stage(stage, results, labels) for stage in results.stages],
        comparisons=[_compare(a, b, results.confidence) for a, b in _pairs(results.stages)],
        training=[_training(t) for t in results.training],
        versions=results.versions,
    )


def verdict(change: Paired, confidence: float) -> Verdict:
    """What may be said of a change: a difference only when test and interval both show it."""
    low, high = change.difference.low, change.difference.high
    if change.p is None or low is None or high is None:
        return "not measured"
    if change.p >= 1 - confidence or low <= 0 <= high:
        return "no measurable difference"
    return "improvement" if low > 0 else "decline"


def _refuse_twice(results: EvaluationResults) -> None:
    named = [("stage", "the results", Counter(s.stage for s in results.stages))]
    named += [("scenario", f"stage {s.stage}", Counter(e.scenario_id for e in s.episodes)) for s in results.stages]
    for what, where, counts in named:
        if twice := [name for name, count in counts.items() if count > 1]:
            raise PipelineError(
                f"The {what} {twice[0]!r} comes {counts[twice[0]]} times, so pairs cannot be formed.",
                where=f"evaluation of {results.model_type}, {where}",
                mend="Evaluate every scenario once a stage; check the frozen evaluation.yaml for repetition.",
            )


def _pairs(stages: Sequence[StageResult]) -> Iterator[tuple[StageResult, StageResult]]:
    """(before, after): each stage against the one before it, then against base where that is another."""
    neighbours = list(pairwise(stages))
    base = [s for s in stages if s.stage == BASE]
    against_base = ((base[0], s) for s in stages if base and s is not base[0])
    return chain(neighbours, (pair for pair in against_base if pair not in neighbours))


def _stage(result: StageResult, results: EvaluationResults, labels: AxisLabels) -> StageSummary:
    episodes, confidence = result.episodes, results.confidence
    n = len(episodes)
    tokens_total = sum(e.tokens for e in episodes)
    return StageSummary(
        stage=result.stage,
        data_version=result.data_version,
        n=n,
        pass_rate=wilson(sum(e.correct for e in episodes), n, confidence),
        reward=mean([e.reward for e in episodes], confidence),
        format_rate=wilson(sum(e.format_ok for e in episodes), n, confidence),
        hard_violation_rate=wilson(sum(bool(e.hard_broken) for e in episodes), n, confidence),
        steps_ok=mean([e.steps_ok for e in episodes], confidence),
        tokens=mean([e.tokens for e in episodes], confidence),
        tokens_total=tokens_total,
        seconds=result.seconds,
        tokens_per_second=tokens_total / result.seconds if n and result.seconds > 0 else None,
        peak_memory_mb=result.peak_memory_mb,
        latency=latency(result.latencies, result.latency_tokens),
        skills=skill_slices(episodes, results.skills),
        bands=band_slices(episodes, confidence),
        axes=axis_slices(episodes, labels, confidence),
        broken_rules=broken_rules(episodes, results.skills),
    )


def _compare(before: StageResult, after: StageResult, confidence: float) -> Comparison:
    earlier = {e.scenario_id: e for e in before.episodes}
    pairs = [(earlier[e.scenario_id], e) for e in after.episodes if e.scenario_id in earlier]
    passed = paired([a.correct for a, _ in pairs], [b.correct for _, b in pairs], confidence)

    def change(of: Callable[[Episode], float]) -> Estimate:
        return mean([of(b) - of(a) for a, b in pairs], confidence)

    return Comparison(
        after=after.stage,
        before=before.stage,
        passed=passed,
        reward=change(lambda e: e.reward),
        steps_ok=change(lambda e: e.steps_ok),
        verdict=verdict(passed, confidence),
    )


def _training(summary: TrainingSummary) -> TrainingFigures:
    rewards = _measured(summary, "reward")
    return TrainingFigures(
        stage=summary.stage,
        steps=summary.steps,
        seconds=summary.seconds,
        generated_tokens=summary.generated_tokens,
        trained_tokens=summary.trained_tokens,
        kept_fraction=_metric(summary, "kept_fraction", _mean(_measured(summary, "kept_fraction"))),
        kl=_metric(summary, "kl", _mean(_measured(summary, "kl"))),
        reward_first=_metric(summary, "reward_first", rewards[0] if rewards else None),
        reward_last=_metric(summary, "reward_last", rewards[-1] if rewards else None),
        note=summary.note,
    )


def _metric(summary: TrainingSummary, name: str, otherwise: float | None) -> float | None:
    """The stage's own figure, else the one of its curve."""
    value = summary.metrics.get(name)
    return value if value is not None and math.isfinite(value) else otherwise


def _measured(summary: TrainingSummary, name: str) -> list[float]:
    return [row[name] for row in summary.curve if name in row and math.isfinite(row[name])]


def _mean(values: Sequence[float]) -> float | None:
    return math.fsum(values) / len(values) if values else None
