"""What is measured of a search: recall, agreement with a reference, latency. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from statistics import fmean


@dataclass(frozen=True)
class Latency:
    """Milliseconds of single questions, asked one after another."""

    p50: float
    p95: float


@dataclass(frozen=True)
class SearchFigures:
    """One search over one corpus."""

    search: str
    recall_at_1: float
    recall_at_5: float
    recall_at_10: float
    """Shares of questions whose one relevant document is among the first 1, 5, 10."""
    agreement: float | None
    """Share of the first ten of its exact reference that are among its own, averaged; None for one without."""
    search_ms: Latency
    """With the question's vector at hand."""
    total_ms: Latency | None
    """With the embedding of the question; None where that was not measured."""


def recall_at(rankings: Sequence[Sequence[str]], relevant: Sequence[str], k: int) -> float:
    """Share of questions whose ``relevant`` document is among the first ``k`` of their ranking."""
    return fmean(document in ranking[:k] for ranking, document in zip(rankings, relevant, strict=True))


def agreement(rankings: Sequence[Sequence[str]], reference: Sequence[Sequence[str]], k: int) -> float:
    """Share of the reference's first ``k`` that a ranking's first ``k`` hold, over questions with a reference."""
    shares = [
        len(set(own[:k]) & set(other[:k])) / len(other[:k])
        for own, other in zip(rankings, reference, strict=True)
        if other
    ]
    return fmean(shares) if shares else 1.0


def latency(seconds: Sequence[float]) -> Latency:
    """Percentiles, interpolated, in milliseconds."""
    import numpy as np

    p50, p95 = np.percentile(seconds, [50, 95]) * 1000
    return Latency(round(float(p50), 3), round(float(p95), 3))
