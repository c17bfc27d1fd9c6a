"""Model A: the lore to read for a scenario: cited, deduplicated, within a token budget, honest about gaps."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Sequence
from pathlib import Path

from srl_pipeline.config import LoreConfig
from srl_pipeline.contracts import Citation, LoreBundle, Scenario
from srl_pipeline.lore.chunks import Chunk
from srl_pipeline.lore.embedder import Embedder, load_embedder
from srl_pipeline.lore.errors import LoreError
from srl_pipeline.lore.fusion import arrange, by_score, fuse, leading_documents, stating_passages
from srl_pipeline.lore.index import embedder_of, open_index, stored_chunks
from srl_pipeline.lore.searches import Found, Query, find

BRIEF = "the brief"


def queries_of(scenario: Scenario) -> list[Query]:
    """The brief as a whole, and each value of a categorical axis as a topic of its own."""
    topics = [f"{axis} {value}".replace("_", " ") for axis, value in scenario.axes.items() if isinstance(value, str)]
    return [Query(BRIEF, scenario.brief), *(Query(repr(topic), topic, topic=True) for topic in topics)]


class LoreRetriever:
    """Reads one lore index. Equal index, scenario and configuration give equal bundles.

    Args:
        folder: The index folder (of a lore_index artifact: `index_folder`).
        config: Embedder, candidates, fusion and budget.
        embedder: Instead of the one that ``config`` names; it must be the one that made the index.

    Raises:
        LoreError: There is no index, or another embedder made it.
    """

    def __init__(self, folder: Path, config: LoreConfig, embedder: Embedder | None = None) -> None:
        self._config = config
        self._table = open_index(folder)
        self._embedder = embedder or load_embedder(config.embedder)
        if embedder_of(self._table) != self._embedder.version:
            raise LoreError(
                f"The index was made by another embedder than {self._embedder.name!r}.",
                where=str(folder),
                mend="Materialize lore_index with this configuration, or name the embedder that made it.",
            )
        stored = stored_chunks(self._table)
        self._chunks = {s.chunk.id: s.chunk for s in stored}
        self._tokens = {s.chunk.id: s.tokens for s in stored}
        passages: defaultdict[str, list[Chunk]] = defaultdict(list)
        for chunk in self._chunks.values():
            passages[chunk.document_id].append(chunk)
        self._stating = {document: stating_passages(parts) for document, parts in passages.items()}

    def bundle(self, scenario: Scenario) -> LoreBundle:
        """The lore for one scenario; `bundles` is faster for many."""
        return self.bundles([scenario])[0]

    def bundles(self, scenarios: Sequence[Scenario]) -> list[LoreBundle]:
        """The lore for each scenario; queries are embedded together and equal ones are asked once."""
        return [bundle for bundle, _ in self.bundles_and_rankings(scenarios)]

    def bundles_and_rankings(self, scenarios: Sequence[Scenario]) -> list[tuple[LoreBundle, list[str]]]:
        """For each scenario its bundle, and the document of every passage, best first, as if there were no budget."""
        asked = [queries_of(scenario) for scenario in scenarios]
        distinct = list(dict.fromkeys(query for queries in asked for query in queries))
        answers = dict(zip(distinct, self._find(distinct), strict=True))
        result: list[tuple[LoreBundle, list[str]]] = []
        for queries in asked:
            found = [answers[query] for query in queries]
            order = self._distinct(arrange(found, self._chunks, self._stating, self._config.rrf_k))
            result.append((self._pack(found, order), [self._chunks[c].document_id for c in order]))
        return result

    def search(self, text: str, k: int = 5) -> list[Citation]:
        """The ``k`` passages that fit ``text`` best by reciprocal rank fusion; none when nothing is relevant."""
        found = self._find([Query("the question", text)])
        scores = fuse(found, self._config.rrf_k)
        return [self._cite(c, found, scores, {}) for c in self._distinct(by_score(scores, scores))[:k]]

    def _find(self, queries: Sequence[Query]) -> list[Found]:
        if not queries:
            return []
        return find(self._table, queries, self._embedder.encode([q.text for q in queries]), self._config.candidates)

    def _distinct(self, order: list[str]) -> list[str]:
        """Without passages that say word for word what an earlier one says."""
        first: dict[str, str] = {}
        for chunk_id in order:
            first.setdefault(self._chunks[chunk_id].text, chunk_id)
        return list(first.values())

    def _pack(self, found: list[Found], order: list[str]) -> LoreBundle:
        budget = self._config.budget_tokens
        leads = leading_documents(found, self._chunks)
        scores = fuse(found, self._config.rrf_k)
        chosen: list[str] = []
        used = 0
        for chunk_id in order:
            # A long passage that does not fit leaves its room to a shorter one after it.
            if used + self._tokens[chunk_id] <= budget:
                chosen.append(chunk_id)
                used += self._tokens[chunk_id]
        return LoreBundle(
            citations=[self._cite(chunk_id, found, scores, leads) for chunk_id in chosen],
            tokens=used,
            budget=budget,
            note=self._note(found, leads, [c for c in order if c not in chosen]),
        )

    def _cite(
        self, chunk_id: str, found: list[Found], scores: dict[str, float], leads: dict[str, list[str]]
    ) -> Citation:
        chunk = self._chunks[chunk_id]
        return Citation(
            chunk_id=chunk_id,
            document_id=chunk.document_id,
            heading=chunk.heading,
            text=chunk.text,
            tokens=self._tokens[chunk_id],
            score=round(scores.get(chunk_id, 0.0), 6),
            why=_why(chunk_id, found, leads.get(chunk.document_id, [])),
        )

    def _note(self, found: list[Found], leads: dict[str, list[str]], cut: list[str]) -> str:
        if not any(each.relevant for each in found):
            return "Nothing relevant was found: no word of any query occurs in the lore and no meaning comes near."
        notes: list[str] = []
        budget = f"The budget of {self._config.budget_tokens} tokens"
        if silent := [each.query.label for each in found if not each.relevant]:
            notes.append(f"Nothing relevant was found for {', '.join(silent)}.")
        lost = dict.fromkeys(
            label
            for c in cut
            if c in self._stating.get(self._chunks[c].document_id, [])
            for label in leads.get(self._chunks[c].document_id, [])
        )
        if lost:
            notes.append(f"{budget} cut passages that answer {', '.join(lost)}.")
        elif cut:
            notes.append(f"{budget} left out {len(cut)} lesser passages.")
        return " ".join(notes)


def _why(chunk_id: str, found: list[Found], leads: list[str]) -> str:
    """Which queries found a passage, at which ranks, and what its document answers."""
    parts = [f"both searches put its document first for {', '.join(leads)}"] if leads else []
    for each in found:
        ranks = [
            f"{name} {ranking.index(chunk_id) + 1}"
            for name, ranking in (("vector", each.by_vector), ("text", each.by_text))
            if each.relevant and chunk_id in ranking
        ]
        if ranks:
            parts.append(f"{each.query.label}: {', '.join(ranks)}")
    return "; ".join(parts) or "its document was found, and it states that document's facts"
