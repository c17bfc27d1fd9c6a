"""Measure all searches and the index over one corpus."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from benchmarks.search.corpus import Question, document, take
from benchmarks.search.embedders import PreparedEmbedder
from benchmarks.search.figures import Latency, SearchFigures, agreement, latency, recall_at
from benchmarks.search.indexing import IndexFigures, build, update
from benchmarks.search.searches import (
    DEPTH,
    EXACT,
    EXACT_HYBRID,
    HYBRID,
    VECTOR,
    Search,
    exact_search,
    make_searches,
)
from benchmarks.search.wordnet import Synset
from srl_pipeline.clock import StopWatch
from srl_pipeline.config import LoreConfig
from srl_pipeline.lore import Embedder
from srl_pipeline.lore.index import is_approximate, open_index

WARM_UP = 20
"""Questions asked before the clock counts: the first ones open files and fill caches."""
UPDATE_SHARES = (0.0, 0.01, 0.05)
_REFERENCE = {VECTOR: EXACT, HYBRID: EXACT_HYBRID}
"""What an approximate search is held against."""

_EMBEDDED = (VECTOR, HYBRID)
"""The project's searches that embed the question; they are also timed with that."""


@dataclass(frozen=True)
class CorpusFigures:
    """Everything measured over one corpus."""

    documents: int
    chunks: int
    questions: int
    approximate: bool
    """Whether the vector search goes by an approximate index; a small table is compared vector by vector."""
    built: IndexFigures
    embedded_earlier: bool
    """Whether the embedding's figures are those of an earlier run."""
    updates: list[IndexFigures]
    opening_seconds: float
    """Time until a retriever over the index can be asked."""
    embedding_ms: Latency
    """Embedding of one question alone."""
    searches: list[SearchFigures]


def measure(
    synsets: Sequence[Synset],
    count: int,
    questions: Sequence[Question],
    *,
    cache: Path,
    config: LoreConfig,
    embedder: Embedder,
    again: bool,
    seed: int,
) -> CorpusFigures:
    """Figures of the first ``count`` synsets; the questions' own synsets must be among them."""
    documents = [document(synset) for synset in take(synsets, count)]
    built = build(cache, documents, config, embedder, again=again)
    updates = [update(built, documents, share, config, embedder, seed=seed) for share in UPDATE_SHARES]

    exact = exact_search(built.folder, built.chunks)
    texts = [question.text for question in questions]
    prepared = PreparedEmbedder(embedder, dict(zip(texts, embedder.encode(texts), strict=True)))
    watch = StopWatch()
    without = make_searches(built.folder, exact, config, prepared)
    opening = watch.seconds
    with_embedding = make_searches(built.folder, exact, config, embedder)
    relevant = [question.document_id for question in questions]
    answers = {name: ask_all(search, texts) for name, search in without.items()}
    embedding = latency(ask_all(lambda text: [str(len(embedder.encode([text])))], texts)[1])
    return CorpusFigures(
        documents=count,
        chunks=len(built.chunks),
        questions=len(questions),
        approximate=is_approximate(open_index(built.folder)),
        built=built.figures,
        embedded_earlier=built.embedded_earlier,
        updates=updates,
        opening_seconds=round(opening, 3),
        embedding_ms=embedding,
        searches=[
            SearchFigures(
                search=name,
                recall_at_1=recall_at(rankings, relevant, 1),
                recall_at_5=recall_at(rankings, relevant, 5),
                recall_at_10=recall_at(rankings, relevant, 10),
                agreement=agreement(rankings, answers[_REFERENCE[name]][0], DEPTH) if name in _REFERENCE else None,
                search_ms=latency(seconds),
                total_ms=latency(ask_all(with_embedding[name], texts)[1]) if name in _EMBEDDED else None,
            )
            for name, (rankings, seconds) in answers.items()
        ],
    )


def ask_all(search: Search, texts: Sequence[str]) -> tuple[list[list[str]], list[float]]:
    """The rankings of all texts, asked one after another, and the seconds that each took."""
    for text in texts[:WARM_UP]:
        search(text)
    rankings: list[list[str]] = []
    seconds: list[float] = []
    for text in texts:
        watch = StopWatch()
        rankings.append(search(text))
        seconds.append(watch.seconds)
    return rankings, seconds
