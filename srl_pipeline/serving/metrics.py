"""What a server counts, in the Prometheus text format."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable, Mapping
from threading import Lock

from srl_pipeline.serving.journal import LiveRequest, ShadowRequest

PREFIX = "srl_serving_"
HELP = {
    "requests_total": ("counter", "Requests that a model was asked."),
    "errors_total": ("counter", "Requests on which the model failed, by what it raised."),
    "verified_total": ("counter", "Answers that Model C judged, by its verdict."),
    "tokens_total": ("counter", "Tokens generated."),
    "latency_seconds": ("summary", "Seconds of answering, without waiting for a turn."),
    "refused_total": ("counter", "Requests refused because too many waited."),
    "shadows_dropped_total": ("counter", "Requests that were not put to the shadow, by why."),
    "alarms_total": ("counter", "Alarms that led to a decision, by what was done."),
    "waiting": ("gauge", "Live requests under way or waiting."),
    "degraded": ("gauge", "1 where /healthz tells of a problem."),
    "model_info": ("gauge", "1 for each model in memory."),
}
"""Name without prefix -> type and meaning."""
Labels = tuple[tuple[str, str], ...]


class Counters:
    """Counts since the server began. Safe to use from threads."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._values: defaultdict[tuple[str, Labels], float] = defaultdict(float)

    def add(self, name: str, labels: Mapping[str, str] | None = None, value: float = 1.0) -> None:
        """Add to a counter."""
        with self._lock:
            self._values[name, tuple(sorted((labels or {}).items()))] += value

    def request(self, row: LiveRequest) -> None:
        """Count what the journal is told."""
        role = "shadow" if isinstance(row, ShadowRequest) else "live"
        of = {"model_type": row.model_type, "role": role, "version": row.version}
        self.add("requests_total", of)
        self.add("tokens_total", of, row.tokens)
        self.add("latency_seconds_sum", of, row.latency_seconds)
        self.add("latency_seconds_count", of)
        if row.failed:
            self.add("errors_total", of | {"kind": row.error})
        if row.verified is not None:
            self.add("verified_total", of | {"correct": str(row.verified).lower()})

    def text(self, gauges: Iterable[tuple[str, dict[str, str], float]]) -> str:
        """Everything counted, and ``gauges``: name, labels, value."""
        with self._lock:
            found = dict(self._values)
        found |= {(name, tuple(sorted(labels.items()))): value for name, labels, value in gauges}
        lines: list[str] = []
        for family, (kind, meaning) in HELP.items():
            lines += [f"# HELP {PREFIX}{family} {meaning}", f"# TYPE {PREFIX}{family} {kind}"]
            names = (f"{family}_sum", f"{family}_count") if kind == "summary" else (family,)
            samples = sorted(key for key in found if key[0] in names)
            lines += [f"{PREFIX}{name}{_labels(labels)} {found[name, labels]:.10g}" for name, labels in samples]
        return "\n".join(lines) + "\n"


def _labels(labels: Labels) -> str:
    if not labels:
        return ""
    return "{" + ",".join(f'{name}="{_escaped(value)}"' for name, value in labels) + "}"


def _escaped(value: str) -> str:
    return value.replace("\\", r"\\").replace('"', r"\"").replace("\n", r"\n")
