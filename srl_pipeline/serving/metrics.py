"""What a server counts, as Prometheus metrics in a registry of its own."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping

from prometheus_client import CollectorRegistry, Counter, Summary, generate_latest
from prometheus_client.core import GaugeMetricFamily, Metric
from prometheus_client.registry import Collector

from srl_pipeline.serving.journal import LiveRequest, ShadowRequest

PREFIX = "srl_serving_"
MODEL = ("model_type", "role", "version")
COUNTERS = {
    "requests_total": (MODEL, "Requests that a model was asked."),
    "errors_total": ((*MODEL, "kind"), "Requests on which the model failed, by what it raised."),
    "verified_total": ((*MODEL, "correct"), "Answers that Model C judged, by its verdict."),
    "tokens_total": (MODEL, "Tokens generated."),
    "refused_total": ((), "Requests refused because too many waited."),
    "shadows_dropped_total": (("why",), "Requests that were not put to the shadow, by why."),
    "alarms_total": (("act", "model_type"), "Alarms that led to a decision, by what was done."),
}
"""Name without prefix -> labels and meaning."""
GAUGES = {
    "waiting": ((), "Live requests under way or waiting."),
    "degraded": ((), "1 where /healthz tells of a problem."),
    "model_info": (("model_type", "alias", "version"), "1 for each model in memory."),
}
"""Name without prefix -> labels and meaning."""
Gauges = Iterable[tuple[str, Mapping[str, str], float]]
"""Name, labels and value of now."""


class Counters:
    """Counts since the server began. Safe to use from threads."""

    def __init__(self) -> None:
        self._registry = CollectorRegistry()
        self._counters = {
            name: Counter(PREFIX + name, meaning, labels, registry=self._registry)
            for name, (labels, meaning) in COUNTERS.items()
        }
        self._latency = Summary(
            PREFIX + "latency_seconds",
            "Seconds of answering, without waiting for a turn.",
            MODEL,
            registry=self._registry,
        )

    def add(self, name: str, labels: Mapping[str, str] | None = None, value: float = 1.0) -> None:
        """Add to one of `COUNTERS`; raises ValueError for other labels than its own."""
        counter = self._counters[name]
        (counter.labels(**labels) if labels else counter).inc(value)

    def request(self, row: LiveRequest) -> None:
        """Count what the journal is told."""
        role = "shadow" if isinstance(row, ShadowRequest) else "live"
        of = {"model_type": row.model_type, "role": role, "version": row.version}
        self.add("requests_total", of)
        self.add("tokens_total", of, row.tokens)
        self._latency.labels(**of).observe(row.latency_seconds)
        if row.failed:
            self.add("errors_total", of | {"kind": row.error})
        if row.verified is not None:
            self.add("verified_total", of | {"correct": str(row.verified).lower()})

    def text(self, gauges: Gauges) -> str:
        """Everything counted, and ``gauges``, which name some of `GAUGES`, in the text format."""
        return generate_latest(_Scrape(self._registry, gauges)).decode()


class _Scrape(Collector):
    def __init__(self, counted: Collector, gauges: Gauges) -> None:
        self._counted, self._gauges = counted, gauges

    def collect(self) -> Iterator[Metric]:
        for family in self._counted.collect():
            # the times at which series began can be left out by the library for the whole process only
            family.samples = [sample for sample in family.samples if not sample.name.endswith("_created")]
            yield family
        families = {
            name: GaugeMetricFamily(PREFIX + name, meaning, labels=labels) for name, (labels, meaning) in GAUGES.items()
        }
        for name, labels, value in self._gauges:
            families[name].add_metric([labels[label] for label in GAUGES[name][0]], value)
        yield from families.values()
