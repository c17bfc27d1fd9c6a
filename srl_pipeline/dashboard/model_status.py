"""From what was read of one model type to what is shown of it. Pure; figures that are not finite are left out."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

from srl_pipeline.dashboard.records import Evaluation, Failure, ModelStatus, Stage, Trend, WeakSpots
from srl_pipeline.evaluation.statistics import Estimate, wilson
from srl_pipeline.registry import Alias, Decision, Entry
from srl_pipeline.tracking import series

if TYPE_CHECKING:
    from srl_pipeline.weaknesses import Weaknesses

TRENDS = {"pass_rate": "eval_report", "latency_p50_seconds": "eval_report", "chain_cost_usd": "registered_model"}
"""Figure -> the asset that measures it."""
SHOWN = 12
"""Evaluations that a trend shows."""
STAGES = ("base", "warmup", "srl", "rlvr")


@dataclass(frozen=True)
class Pieces:
    """What was read of a model type. Entries oldest first, decisions newest first."""

    model_type: str
    reports: Sequence[Entry] = ()
    registered: Sequence[Entry] = ()
    judged_now: Mapping[str, float] = field(default_factory=dict[str, float])
    """Figures of the current model by today's rules; empty where it was not judged by them."""
    aliases: Mapping[Alias, str] = field(default_factory=dict[Alias, str])
    decisions: Sequence[Decision] = ()
    lost: Sequence[Alias] = ()
    weaknesses: Weaknesses | None = None
    failures: Sequence[Failure] = ()


def status_of(pieces: Pieces) -> ModelStatus:
    """What is shown of a model type."""
    newest = pieces.reports[-1] if pieces.reports else None
    version = pieces.aliases.get("current", "")
    made = next((e for e in reversed(pieces.registered) if e.data_version == version), None)
    weak = _weak(pieces.weaknesses)
    return ModelStatus(
        model_type=pieces.model_type,
        current=_current(pieces, version, made) if version else None,
        since=_since(pieces.decisions, version),
        candidate=pieces.aliases.get("candidate", ""),
        newest=_evaluation(newest) if newest else None,
        stages=_stages(newest.metrics) if newest else [],
        last_decision=pieces.decisions[0] if pieces.decisions else None,
        alarms=_alarms(pieces, newest, weak),
        lost=list(pieces.lost),
        weak=weak,
        trends=_trends(pieces),
        runs_on=dict(made.inputs) if made else {},
        preset=made.preset if made else "",
        failed_runs=len(pieces.failures),
    )


def finite(metrics: Mapping[str, float]) -> dict[str, float]:
    """Without what is NaN or infinite."""
    return {name: value for name, value in metrics.items() if math.isfinite(value)}


def solved_of(metrics: Mapping[str, float], suffix: str = "") -> Estimate:
    """The pass rate with its 95 % interval, from figures that may lack it."""
    rate, n = metrics.get(f"pass_rate{suffix}"), int(metrics.get(f"n{suffix}", 0))
    if rate is None or n < 1 or not 0 <= rate <= 1:
        return Estimate(value=rate, low=None, high=None, n=max(0, n))
    return wilson(round(rate * n), n)


def _current(pieces: Pieces, version: str, made: Entry | None) -> Evaluation:
    """The promoted model: its own report, and over that what today's rules say of it."""
    then = {e.data_version: e for e in pieces.reports}.get(made.inputs.get("eval_report", "")) if made else None
    metrics = finite({**(then.metrics if then else {}), **pieces.judged_now})
    return Evaluation(version=version, at=then.at if then else "", solved=solved_of(metrics), metrics=metrics)


def _evaluation(entry: Entry) -> Evaluation:
    metrics = finite(entry.metrics)
    return Evaluation(
        version=entry.data_version,
        at=entry.at,
        solved=solved_of(metrics),
        metrics=metrics,
        failed_gates=entry.failed_gates,
    )


def _stages(metrics: Mapping[str, float]) -> list[Stage]:
    known = finite(metrics)
    return [Stage(stage=name, solved=solved_of(known, f"_{name}")) for name in STAGES if f"pass_rate_{name}" in known]


def _since(decisions: Sequence[Decision], version: str) -> str:
    moves = (d for d in decisions if d.kind in ("promotion", "rollback") and d.verdict == "change")
    newest = next(moves, None)
    return newest.at if newest and version and newest.after == version else ""


def _trends(pieces: Pieces) -> list[Trend]:
    became = {d.after for d in pieces.decisions if d.kind == "promotion" and d.verdict == "change"}
    models = [e for e in pieces.registered if e.data_version in became]
    promoted = {e.data_version for e in models} | {e.inputs.get("eval_report", "") for e in models}
    sources = {"eval_report": pieces.reports, "registered_model": pieces.registered}
    trends: list[Trend] = []
    for metric, asset in TRENDS.items():
        points = series(sources[asset], metric)[-SHOWN:]
        marked = [p.data_version for p in points if p.data_version in promoted]
        trends.append(Trend(metric=metric, points=points, promoted=marked))
    return trends


def _weak(found: Weaknesses | None) -> WeakSpots | None:
    if found is None:
        return None
    worse = [r.sentence for r in found.regressions] + [f.sentence for f in found.alarms]
    return WeakSpots(sentences=[w.sentence for w in found.found], regressions=list(dict.fromkeys(worse)))


def _alarms(pieces: Pieces, newest: Entry | None, weak: WeakSpots | None) -> list[str]:
    alarms = [f"The files of the {alias} model ({pieces.aliases[alias][:12]}) are gone." for alias in pieces.lost]
    if newest and newest.failed_gates:
        alarms.append(f"The newest evaluation failed its gate: {', '.join(newest.failed_gates)}.")
    if newest and newest.not_finite:
        alarms.append(f"The newest evaluation has figures that are no numbers: {', '.join(newest.not_finite)}.")
    recent = [f for f in pieces.failures if newest is None or f.time > newest.at]
    if recent:
        runs = "One run has" if len(recent) == 1 else f"{len(recent)} runs have"
        alarms.append(f"{runs} failed since the newest evaluation; the last said: {recent[-1].message}")
    return alarms + (weak.regressions if weak else [])
