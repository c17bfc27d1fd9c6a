"""The two searches over a lore index, by meaning and by words, and what they found."""

from __future__ import annotations

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

RELEVANT_COSINE = 0.25
"""Below this, MiniLM calls two texts unrelated. Measured: texts from outside the world reach at most 0.20 against a
pack's best chunk, the value of an axis reaches 0.47 to 0.83 against the document that binds it."""
QUERIES_AT_ONCE = 256
SEARCHES_AT_ONCE = 2
PROBES = 64
"""Partitions of the approximate index that a query reads: all, up to some 500,000 chunks. Skipping some saves little
and costs recall: short texts do not fall into clusters (docs/retrieval.md)."""
REFINE = 2
"""This many times the chunks asked for are compared again by their full vectors, which also makes cosines exact."""


@dataclass(frozen=True)
class Query:
    """A question to the index."""

    label: str
    """How a citation names it."""
    text: str
    topic: bool = False
    """Whether it asks for one thing (the value of an axis), so that one document answers it."""


@dataclass(frozen=True)
class Found:
    """What the two searches found for a query: chunk ids, best first."""

    query: Query
    by_vector: tuple[str, ...]
    by_text: tuple[str, ...]
    best_cosine: float

    @property
    def relevant(self) -> bool:
        """Whether a word of the query occurs in the lore or its meaning comes near."""
        return bool(self.by_text) or self.best_cosine >= RELEVANT_COSINE


def nearest(table: Any, vectors: NDArray[np.float32], limit: int) -> list[list[tuple[str, float]]]:
    """For each of the vectors [n, d] the ``limit`` nearest chunks as (id, cosine), best first."""
    found: list[list[tuple[str, float]]] = [[] for _ in vectors]
    for start in range(0, len(vectors), QUERIES_AT_ONCE):
        batch = list(vectors[start : start + QUERIES_AT_ONCE])
        search = table.search(batch, query_type="vector", vector_column_name="vector").distance_type("cosine")
        # Without an approximate index neither setting does anything.
        search = search.nprobes(PROBES).refine_factor(REFINE)
        rows = search.limit(limit).select(["id", "_distance"]).to_list()
        for row in rows:
            # A single query comes back without its number.
            found[start + row.get("query_index", 0)].append((row["id"], round(1.0 - row["_distance"], 6)))
    return [_best_first(hits) for hits in found]


def matching(table: Any, text: str, limit: int) -> list[tuple[str, float]]:
    """The ``limit`` chunks that match words of ``text`` best, as (id, BM25 score); stop words match nothing."""
    from lancedb.query import MatchQuery

    # A MatchQuery takes the text as words; a plain string would be parsed, and quotes in a brief would become phrases.
    words = MatchQuery(text, "indexed_text")  # pyright: ignore[reportCallIssue]  # the rest have defaults
    search = table.search(words, query_type="fts")
    rows = search.limit(limit).select(["id", "_score"]).to_list()
    return _best_first([(row["id"], round(row["_score"], 6)) for row in rows])


def find(table: Any, queries: Sequence[Query], vectors: NDArray[np.float32], limit: int) -> list[Found]:
    """Run both searches for each query; ``vectors`` [n, d] are the queries' own."""
    # A search mostly waits for LanceDB's own threads, so the two kinds run beside each other.
    with ThreadPoolExecutor(SEARCHES_AT_ONCE) as pool:
        by_vector = pool.submit(nearest, table, vectors, limit)
        by_text = list(pool.map(lambda query: matching(table, query.text, limit), queries))
    return [
        Found(
            query=query,
            by_vector=tuple(chunk for chunk, _ in near),
            by_text=tuple(chunk for chunk, _ in words),
            best_cosine=near[0][1] if near else 0.0,
        )
        for query, near, words in zip(queries, by_vector.result(), by_text, strict=True)
    ]


def _best_first(hits: list[tuple[str, float]]) -> list[tuple[str, float]]:
    """Ties are broken by id: LanceDB's own order of equals is not promised."""
    return sorted(hits, key=lambda hit: (-hit[1], hit[0]))
