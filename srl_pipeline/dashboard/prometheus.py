"""What was gathered, as Prometheus metrics. Absent is what was not measured: no figure stands for it.

Label ``stage``: `newest` is the last stage of the newest evaluation, `current` the promoted model as measured last; of
the pass rate also base, warmup, srl and rlvr.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import get_args

from prometheus_client import CollectorRegistry, generate_latest
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from srl_pipeline.dashboard.gather import gather
from srl_pipeline.dashboard.records import Evaluation, Gathered, ModelStatus
from srl_pipeline.registry import Kind

QUANTILES = {"0.5": "latency_p50_seconds", "0.95": "latency_p95_seconds", "0.99": "latency_p99_seconds"}
VERDICTS = ("change", "no change")


class HomeCollector(Collector):
    """Gathers anew at each scrape."""

    def __init__(self, home: Path) -> None:
        self._home = home

    def collect(self) -> Iterable[Metric]:
        """The metrics of now."""
        return families(gather(self._home))

    def describe(self) -> Iterable[Metric]:
        """Nothing: whoever registers it does not pay for a scrape."""
        return ()


def registry_of(home: Path) -> CollectorRegistry:
    """A registry with the metrics of ``home`` alone."""
    registry = CollectorRegistry()
    registry.register(HomeCollector(home))
    return registry


def exposition(gathered: Gathered) -> str:
    """The text format that Prometheus and the textfile collector read."""

    class _Once(Collector):
        def collect(self) -> Iterable[Metric]:
            return families(gathered)

    registry = CollectorRegistry()
    registry.register(_Once())
    return generate_latest(registry).decode()


def families(gathered: Gathered) -> Iterator[Metric]:
    """Every metric, the same families whatever was measured."""
    yield from _quality(gathered.models)
    yield from _state(gathered.models)
    yield from _money(gathered)
    yield _decisions(gathered)
    failed = CounterMetricFamily("srl_failed_runs", "Runs that failed.", labels=["model_type"])
    for model in gathered.models:
        failed.add_metric([model.model_type], model.failed_runs)
    yield failed
    yield GaugeMetricFamily("srl_unreadable", "Pieces of the installation that cannot be read.", len(gathered.problems))


def _quality(models: Iterable[ModelStatus]) -> Iterator[Metric]:
    rate = GaugeMetricFamily(
        "srl_pass_rate", "Share of held-out scenarios that are solved.", labels=["model_type", "stage"]
    )
    hard = GaugeMetricFamily(
        "srl_hard_violation_rate", "Share of answers that break a hard rule.", labels=["model_type", "stage"]
    )
    # a summary: only of one may a sample have the label quantile
    latency = Metric("srl_latency_seconds", "Wall time of one request, alone, in the evaluation.", "summary")
    for model in models:
        for found in model.stages:
            _add(rate, [model.model_type, found.stage], found.solved.value)
        for stage, evaluation in (("newest", model.newest), ("current", model.current)):
            if evaluation is None:
                continue
            labels = [model.model_type, stage]
            _add(rate, labels, evaluation.solved.value)
            _add(hard, labels, evaluation.metrics.get("hard_violation_rate"))
            for quantile, name in QUANTILES.items():
                if (value := evaluation.metrics.get(name)) is not None:
                    told = {"model_type": model.model_type, "stage": stage, "quantile": quantile}
                    latency.add_sample("srl_latency_seconds", told, value)
    yield from (rate, hard, latency)


def _state(models: Iterable[ModelStatus]) -> Iterator[Metric]:
    info = GaugeMetricFamily(
        "srl_model_info", "1 for the model that an alias names.", labels=["model_type", "alias", "version"]
    )
    waiting = GaugeMetricFamily("srl_candidate_waiting", "1 where a candidate waits.", labels=["model_type"])
    lost = GaugeMetricFamily("srl_artifact_lost", "1: the files of an alias are gone.", labels=["model_type", "alias"])
    weak = GaugeMetricFamily("srl_weaknesses", "Weak slices of the newest model.", labels=["model_type"])
    worse = GaugeMetricFamily(
        "srl_regressions", "Figures and slices worse than the promoted model's.", labels=["model_type"]
    )
    at = GaugeMetricFamily(
        "srl_last_evaluation_timestamp_seconds", "When the newest evaluation was made.", labels=["model_type"]
    )
    for model in models:
        name = [model.model_type]
        aliases = {"current": model.current.version if model.current else "", "candidate": model.candidate}
        for alias, version in aliases.items():
            if version:
                info.add_metric([*name, alias, version], 1)
        for alias in ("current", "previous", "candidate"):
            lost.add_metric([*name, alias], alias in model.lost)
        waiting.add_metric(name, bool(model.candidate))
        if model.weak is not None:
            weak.add_metric(name, len(model.weak.sentences))
            worse.add_metric(name, len(model.weak.regressions))
        _add(at, name, _seconds(model.newest))
    yield from (info, waiting, lost, weak, worse, at)


def _money(gathered: Gathered) -> Iterator[Metric]:
    spent = GaugeMetricFamily("srl_spend_usd", "Spent and set aside this calendar month (UTC).", labels=["scope"])
    cap = GaugeMetricFamily("srl_budget_cap_usd", "Most that may be spent in a month.", labels=["scope"])
    for one in gathered.spent:
        spent.add_metric([one.scope], one.usd + one.held_usd)
        _add(cap, [one.scope], one.cap_usd)
    yield from (spent, cap)


def _decisions(gathered: Gathered) -> Metric:
    counts = {(c.model_type, c.kind, c.verdict): c.count for c in gathered.counts}
    # zeros, too: Prometheus sees no increase in a series that begins with its first event
    for model in gathered.models:
        for kind in get_args(Kind):
            for verdict in VERDICTS:
                counts.setdefault((model.model_type, kind, verdict), 0)
    family = CounterMetricFamily("srl_decisions", "Decisions that were kept.", labels=["model_type", "kind", "verdict"])
    for labels, count in sorted(counts.items()):
        family.add_metric(labels, count)
    return family


def _add(family: GaugeMetricFamily, labels: list[str], value: float | None) -> None:
    if value is not None:
        family.add_metric(labels, value)


def _seconds(evaluation: Evaluation | None) -> float | None:
    try:
        at = datetime.fromisoformat(evaluation.at) if evaluation else None
    except ValueError:
        return None
    return (at if at.tzinfo else at.replace(tzinfo=UTC)).timestamp() if at else None
