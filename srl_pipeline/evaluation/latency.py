"""How long one request takes when it is alone: percentiles of measured wall times. Pure.

A percentile is the nearest-rank one: the smallest measured time that at least that share of the times does not exceed.
It is always a time that was measured; below 100 measurements the 99th percentile is the slowest of them.
"""

from __future__ import annotations

import math
from collections.abc import Sequence

from pydantic import Field

from srl_pipeline.contracts import Record


class Latency(Record):
    """Seconds from prompt to finished answer, one request at a time, and how many requests were timed."""

    p50: float
    p95: float
    p99: float
    n: int
    tokens_per_second: float | None = Field(description="Generated tokens a second; None where no time passed.")


def latency(seconds: Sequence[float], tokens: int) -> Latency | None:
    """The figures of requests that took ``seconds`` and generated ``tokens`` in all; None without any."""
    if not seconds:
        return None
    total = math.fsum(seconds)
    return Latency(
        p50=percentile(seconds, 0.50),
        p95=percentile(seconds, 0.95),
        p99=percentile(seconds, 0.99),
        n=len(seconds),
        tokens_per_second=tokens / total if total > 0 else None,
    )


def percentile(values: Sequence[float], share: float) -> float:
    """Nearest-rank percentile; ``share`` in (0, 1]. Raises ValueError without values or beyond that range."""
    if not values or not 0 < share <= 1:
        raise ValueError(f"no percentile {share} of {len(values)} values")
    # decimals such as 0.95 are not exact in binary: 0.95 * 20 must be rank 19, not 20
    rank = math.ceil(round(share * len(values), 9))
    return sorted(values)[rank - 1]
