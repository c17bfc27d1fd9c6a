"""What a promotion is decided on: two models' answers to the same scenarios, and what the training measured. Data only.

Nothing is made up: a figure that was not measured is absent, one that is no number stays one.
"""

from __future__ import annotations

import math
from typing import TypeAlias

from pydantic import Field

from srl_pipeline.contracts import Gate, Record
from srl_pipeline.evaluation.latency import latency
from srl_pipeline.evaluation.results import Episode, StageResult

Pairs: TypeAlias = list[tuple[Episode, Episode]]
"""(opponent's, candidate's) answers to the same scenario."""


class Side(Record):
    """One of the two models."""

    name: str = Field(description="As sentences call it: 'the candidate', 'the current model', 'its own base'.")
    result: StageResult
    rule_set: str = Field(description="Version of the rules that judged it.")
    lore_index: str
    asked: str = Field(description="Hash of the settings and the program that asked it; empty: not recorded.")
    weights: dict[str, str] = Field(description="File of trained weights -> content hash; empty for a base.")


class Evidence(Record):
    """All of it."""

    candidate: Side
    opponent: Side | None = Field(description="The current model; without one the candidate's base; None: unmeasured.")
    first: bool = Field(description="No model is current.")
    kl: float | None = Field(description="Mean KL a token of RLVR to its start; None: not measured.")
    probes: list[Gate] = Field(description="What watched the training, from the manifests of its stages.")
    stages: list[str] = Field(description="Training stages that the probes are asked of.")
    skills: dict[str, str] = Field(description="Rule id -> skill.")


def figures(result: StageResult) -> dict[str, float]:
    """The figures of an evaluation by their names in `tracking.METRICS`; what was not measured is absent."""
    n = len(result.episodes)
    found: dict[str, float | None] = {"peak_memory_mb": result.peak_memory_mb}
    if n:
        found |= {
            "pass_rate": sum(e.correct for e in result.episodes) / n,
            "reward_mean": math.fsum(e.reward for e in result.episodes) / n,
            "format_rate": sum(e.format_ok for e in result.episodes) / n,
            "hard_violation_rate": sum(bool(e.hard_broken) for e in result.episodes) / n,
        }
    if alone := latency(result.latencies, result.latency_tokens):
        found |= {
            "latency_p50_seconds": alone.p50,
            "latency_p95_seconds": alone.p95,
            "latency_p99_seconds": alone.p99,
            "tokens_per_second": alone.tokens_per_second,
        }
    return {name: value for name, value in found.items() if value is not None}


def pairs_of(before: StageResult, after: StageResult) -> Pairs:
    """The answers of both to the scenarios that both tried."""
    earlier = {e.scenario_id: e for e in before.episodes}
    return [(earlier[e.scenario_id], e) for e in after.episodes if e.scenario_id in earlier]
