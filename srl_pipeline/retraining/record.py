"""Every automatic run, and every one that was refused, is a decision with its reason."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from srl_pipeline.registry import Decision, Decisions
from srl_pipeline.retraining.records import Refusal, Regeneration

KEY = "run_key"
GENERATION = "generation.generation"


def record(
    decisions: Decisions, requests: Iterable[Regeneration], refusals: Iterable[Refusal], at: str
) -> list[Decision]:
    """Keep what was decided; a new generation becomes the one that later runs are of.

    A request that was recorded before (the sensor's cursor was lost in a crash) is not recorded twice.
    """
    return [
        *(_started(decisions, request, at) for request in requests),
        *(decisions.record(_refused(refusal, at)) for refusal in refusals),
    ]


def _started(decisions: Decisions, request: Regeneration, at: str) -> Decision:
    for earlier in decisions.decisions(request.model_type, kind="retraining", last=10):
        if earlier.evidence.get(KEY) == request.run_key:
            return earlier
    evidence: dict[str, Any] = {KEY: request.run_key, "assets": list(request.assets)}
    settings: dict[str, Any] = {}
    if request.generation is not None:
        evidence["generation"] = settings[GENERATION] = request.generation
    told = f"Generation {request.generation} is begun." if request.generation else "What rests on it is made again."
    decision = Decision(
        at=at,
        model_type=request.model_type,
        kind="retraining",
        verdict="change",
        subject=", ".join(request.triggers),
        before="",
        after="a run was started",
        reasons=[request.why, told],
        evidence=evidence,
    )
    return decisions.record(decision, settings=settings)


def _refused(refusal: Refusal, at: str) -> Decision:
    return Decision(
        at=at,
        model_type=refusal.model_type,
        kind="retraining",
        verdict="no change",
        subject=", ".join(refusal.triggers),
        before="",
        after="",
        reasons=[f"Nothing was started: {refusal.why}."],
    )
