"""The benchmark's figures as tables for people and as JSON for machines."""

from __future__ import annotations

import os
import platform
from dataclasses import asdict
from importlib.metadata import version
from typing import Any

from benchmarks.search.figures import Latency
from benchmarks.search.indexing import IndexFigures
from benchmarks.search.measure import CorpusFigures
from benchmarks.search.searches import EXACT, HYBRID, VECTOR
from srl_pipeline.cli.output import console, print_table
from srl_pipeline.clock import now_iso

LIBRARIES = ("lancedb", "numpy", "pyarrow", "torch", "transformers")
TARGET_CORPUS = 80_000
"""The targets speak of a corpus of this size."""
MAX_P50_MS, MAX_RECALL_GAP, MIN_DOCUMENTS_PER_SECOND = 10.0, 0.02, 150.0


def environment(wordnet: str) -> dict[str, Any]:
    """Where and with what the figures were made."""
    return {
        "measured_at": now_iso(),
        "wordnet": wordnet,
        "machine": f"{platform.machine()}, {os.cpu_count()} cores",
        "system": platform.system(),
        "python": platform.python_version(),
        "load_before": round(os.getloadavg()[0], 2),
        "niceness": os.nice(0),
        "libraries": {name: version(name) for name in LIBRARIES},
    }


def targets(figures: CorpusFigures) -> dict[str, dict[str, Any]]:
    """Each target with its figure, bound and whether it is met."""
    by_name = {search.search: search for search in figures.searches}
    p50 = by_name[HYBRID].search_ms.p50
    gap = by_name[EXACT].recall_at_10 - by_name[VECTOR].recall_at_10
    missed = 1.0 - (by_name[VECTOR].agreement or 0.0)
    rate = figures.built.documents_per_second
    return {
        "hybrid search p50 in ms, below": _target(p50, MAX_P50_MS, p50 < MAX_P50_MS),
        "recall@10 that the vector search loses against exact, at most": _target(
            gap, MAX_RECALL_GAP, gap <= MAX_RECALL_GAP
        ),
        "share of the exact first ten that it misses, at most": _target(
            missed, MAX_RECALL_GAP, missed <= MAX_RECALL_GAP
        ),
        "index build in documents/s, at least": _target(
            rate, MIN_DOCUMENTS_PER_SECOND, rate >= MIN_DOCUMENTS_PER_SECOND
        ),
    }


def _target(figure: float, bound: float, met: bool) -> dict[str, Any]:
    return {"figure": round(figure, 4), "bound": bound, "met": met}


def to_json(where: dict[str, Any], corpora: list[CorpusFigures]) -> dict[str, Any]:
    """Everything measured, as a JSON value."""
    return {
        "environment": where,
        "corpora": [
            asdict(c) | {"documents_per_second": c.built.documents_per_second, "targets": targets(c)} for c in corpora
        ],
    }


def show(where: dict[str, Any], corpora: list[CorpusFigures]) -> None:
    """Print the tables."""
    libraries = ", ".join(f"{name} {number}" for name, number in where["libraries"].items())
    console.print(
        f"{where['wordnet']}; {where['machine']}, Python {where['python']}; {libraries}; "
        f"load before {where['load_before']}, niceness {where['niceness']}\n"
    )
    for corpus in corpora:
        _show_searches(corpus)
        _show_index(corpus)
        if corpus.documents == TARGET_CORPUS:
            rows = [
                (name, t["figure"], t["bound"], "met" if t["met"] else "NOT MET") for name, t in targets(corpus).items()
            ]
            print_table("Targets at 80,000 documents", ("target", "figure", "bound", ""), rows)


def _show_searches(corpus: CorpusFigures) -> None:
    kind = "approximate index" if corpus.approximate else "no approximate index: the table is small"
    columns = ("search", "r@1", "r@5", "r@10", "found", "p50", "p95", "p50+e", "p95+e")
    rows = [
        (
            s.search,
            *(f"{r:.3f}" for r in (s.recall_at_1, s.recall_at_5, s.recall_at_10)),
            "–" if s.agreement is None else f"{s.agreement:.3f}",
            *_cells(s.search_ms),
            *(_cells(s.total_ms) if s.total_ms else ("–", "–")),
        )
        for s in corpus.searches
    ]
    print_table(f"{corpus.documents:,} documents, {corpus.questions:,} questions ({kind})", columns, rows)
    embedding = corpus.embedding_ms
    console.print(
        "exact: numpy over all vectors; exact hybrid: its fusion with full-text. r@k: recall at k; found: share of "
        "the exact (hybrid) first ten; p50, p95: milliseconds; +e: with the question's embedding.\n"
        f"Embedding one question: p50 {embedding.p50:.1f} ms, p95 {embedding.p95:.1f} ms. "
        f"Opening the index: {corpus.opening_seconds:.1f} s.\n"
    )


def _show_index(corpus: CorpusFigures) -> None:
    rows = [_index_row("build", corpus.built)] + [
        _index_row(f"{u.changed / u.documents:.0%} changed", u) for u in corpus.updates
    ]
    columns = ("seconds", "embedded", "embedding", "its CPU", "all else", "together", "docs/s")
    print_table(f"Index of {corpus.documents:,} documents", columns, rows)
    if corpus.embedded_earlier:
        console.print(f"The build's embedding was measured by an earlier run: {corpus.built.embedding.measured_at}.")
    console.print()


def _index_row(name: str, figures: IndexFigures) -> tuple[str, ...]:
    return (
        name,
        f"{figures.embedding.passages:,}",
        f"{figures.embedding.seconds:.1f}",
        f"{figures.embedding.cpu_seconds:.1f}",
        f"{figures.writing_seconds:.1f}",
        f"{figures.seconds:.1f}",
        f"{figures.documents_per_second:,.0f}",
    )


def _cells(figures: Latency) -> tuple[str, str]:
    return f"{figures.p50:.1f}", f"{figures.p95:.1f}"
