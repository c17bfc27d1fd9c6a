"""The searches that are compared. All but the exact one are the project's own; that one is numpy over all vectors."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from srl_pipeline.config import LoreConfig
from srl_pipeline.lore import Chunk, Embedder, LoreRetriever
from srl_pipeline.lore.fusion import by_score, fuse
from srl_pipeline.lore.index import open_index, stored_vectors
from srl_pipeline.lore.searches import Found, Query, matching, nearest

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

DEPTH = 10
"""Passages that each search is asked for: the largest k of recall@k."""
EXACT, VECTOR, FULL_TEXT = "exact", "vector", "full-text"
HYBRID, EXACT_HYBRID = "hybrid", "exact hybrid"

Search = Callable[[str], list[str]]
"""From a question's text to ids of documents, best first."""


class ExactSearch:
    """Compares a query with every vector: the reference that an approximate index is held against."""

    def __init__(self, ids: Sequence[str], vectors: NDArray[np.float32]) -> None:
        """``vectors`` [n, d] are of length 1, in the order of ``ids``."""
        self._ids = list(ids)
        self._vectors = vectors

    def nearest(self, query: NDArray[np.float32], limit: int) -> list[tuple[str, float]]:
        """The ``limit`` nearest to ``query`` [d] as (id, cosine), best first."""
        import numpy as np

        cosines = self._vectors @ query
        limit = min(limit, len(cosines))
        best = np.argpartition(-cosines, limit - 1)[:limit]
        return [(self._ids[i], float(cosines[i])) for i in best[np.argsort(-cosines[best], kind="stable")]]


def exact_search(folder: Path, chunks: Sequence[Chunk]) -> ExactSearch:
    """Exact search over the vectors that the index in ``folder`` holds of ``chunks``."""
    import numpy as np

    vectors = stored_vectors(open_index(folder))
    return ExactSearch([c.id for c in chunks], np.stack([vectors[c.content_hash] for c in chunks]))


def make_searches(folder: Path, exact: ExactSearch, config: LoreConfig, embedder: Embedder) -> dict[str, Search]:
    """Each search over the index in ``folder`` by its name; ``embedder`` embeds the questions."""
    table = open_index(folder)
    retriever = LoreRetriever(folder, config, embedder)

    def by_exact_vectors(text: str) -> list[str]:
        return _documents(chunk for chunk, _ in exact.nearest(embedder.encode([text])[0], DEPTH))

    def by_vector(text: str) -> list[str]:
        return _documents(chunk for chunk, _ in nearest(table, embedder.encode([text]), DEPTH)[0])

    def by_words(text: str) -> list[str]:
        return _documents(chunk for chunk, _ in matching(table, text, DEPTH))

    def by_both(text: str) -> list[str]:
        return _documents(citation.chunk_id for citation in retriever.search(text, DEPTH))

    def by_both_exact(text: str) -> list[str]:
        near = exact.nearest(embedder.encode([text])[0], config.candidates)
        words = matching(table, text, config.candidates)
        found = Found(Query("", text), tuple(c for c, _ in near), tuple(c for c, _ in words), near[0][1])
        scores = fuse([found], config.rrf_k)
        return _documents(by_score(scores, scores)[:DEPTH])

    return {
        EXACT: by_exact_vectors,
        VECTOR: by_vector,
        FULL_TEXT: by_words,
        HYBRID: by_both,
        EXACT_HYBRID: by_both_exact,
    }


def _documents(chunks: Iterable[str]) -> list[str]:
    """Documents of chunk ids (``<document>#<ordinal>``), each once, in order."""
    return list(dict.fromkeys(chunk.rpartition("#")[0] for chunk in chunks))
