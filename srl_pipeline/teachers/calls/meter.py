"""What the calls of one generation were like: counts, tokens, money, latency."""

from __future__ import annotations

import math
from collections import Counter
from threading import Lock

from pydantic import Field

from srl_pipeline.contracts import Record
from srl_pipeline.registry import Nanos, dollars
from srl_pipeline.teachers.calls.records import CallError, PermanentError, RateLimitError, Usage

BUCKET = 1.05
"""Ratio of neighbouring latency buckets: percentiles are at most 5 % too high, and memory stays the same."""
SHORTEST = 1e-4


class Metered(Record):
    """The state of a meter at one moment."""

    calls: int = Field(description="Answered by the teacher, in this process.")
    cached: int = Field(description="Answered by the cache.")
    input_tokens: int
    cached_input_tokens: int
    output_tokens: int
    cost: Nanos = Field(description="Of the answers.")
    lost: int = Field(description="Tries without an answer that the vendor may bill: counted in full.")
    lost_cost: Nanos
    overruns: int = Field(description="Answers that cost more than was set aside for them.")
    retries: int
    rate_limits: int
    failures: dict[str, int] = Field(description="Kind of failed try -> how many.")
    latency_p50: float = Field(description="Seconds from question to answer of one try; 0 without any.")
    latency_p95: float
    latency_max: float

    def metrics(self) -> dict[str, float]:
        """Flat figures for a manifest."""
        flat = {f"calls_{name}": float(value) for name, value in self if isinstance(value, int | float)}
        flat["calls_cost_usd"] = dollars(int(flat.pop("calls_cost")))
        flat["calls_lost_usd"] = dollars(int(flat.pop("calls_lost_cost")))
        flat["calls_answered"] = flat.pop("calls_calls")
        return flat | {f"calls_failures_{kind}": float(n) for kind, n in sorted(self.failures.items())}


class Meter:
    """Counts; safe to use from threads. Its memory does not grow with the calls."""

    def __init__(self) -> None:
        self._lock = Lock()
        self._counts: Counter[str] = Counter()
        self._failures: Counter[str] = Counter()
        self._latencies: Counter[int] = Counter()
        self._slowest = 0.0

    def hit(self) -> None:
        """The cache had the answer."""
        with self._lock:
            self._counts["cached"] += 1

    def answered(self, usage: Usage, cost: Nanos, held: Nanos) -> None:
        """An answer was paid; ``held`` was set aside for it."""
        with self._lock:
            self._counts.update(
                calls=1,
                input_tokens=usage.input_tokens,
                cached_input_tokens=usage.cached_input_tokens,
                output_tokens=usage.output_tokens,
                cost=cost,
                overruns=cost > held,
            )

    def took(self, seconds: float) -> None:
        """So long the endpoint took to answer."""
        with self._lock:
            self._latencies[max(0, math.ceil(math.log(max(seconds, SHORTEST) / SHORTEST, BUCKET)))] += 1
            self._slowest = max(self._slowest, seconds)

    def lost(self, amount: Nanos) -> None:
        """What was set aside for a try counts as spent, for the vendor may bill it."""
        with self._lock:
            self._counts.update(lost=1, lost_cost=amount)

    def failed(self, error: CallError) -> None:
        """A try brought no answer."""
        kind = "permanent" if isinstance(error, PermanentError) else "transient"
        if isinstance(error, RateLimitError):
            kind = "rate_limit"
        elif error.billed == "unknown":
            kind = "unknown_outcome"
        with self._lock:
            self._failures[kind] += 1
            self._counts["rate_limits"] += kind == "rate_limit"

    def retried(self) -> None:
        """A call is tried again."""
        with self._lock:
            self._counts["retries"] += 1

    def snapshot(self) -> Metered:
        """All figures so far."""
        with self._lock:
            return Metered(
                **{name: self._counts[name] for name in _COUNTED},
                failures=dict(self._failures),
                latency_p50=self._percentile(0.5),
                latency_p95=self._percentile(0.95),
                latency_max=self._slowest,
            )

    def _percentile(self, share: float) -> float:
        wanted = share * self._latencies.total()
        seen = 0
        for bucket in sorted(self._latencies):
            seen += self._latencies[bucket]
            if seen >= wanted:
                return min(SHORTEST * BUCKET**bucket, self._slowest)
        return 0.0


_COUNTED = (
    "calls",
    "cached",
    "input_tokens",
    "cached_input_tokens",
    "output_tokens",
    "cost",
    "lost",
    "lost_cost",
    "overruns",
    "retries",
    "rate_limits",
)
