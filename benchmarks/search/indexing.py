"""Build and update the benchmark's index by the project's own code, and say what that took.

Embedding 80,000 documents takes minutes, so their vectors are kept in the cache, with what it took to make them; the
index is written anew each time.
"""

from __future__ import annotations

import json
import shutil
from collections.abc import Sequence
from dataclasses import asdict, dataclass
from pathlib import Path

from benchmarks.search.corpus import amended
from benchmarks.search.embedders import MeteredEmbedder, PreparedEmbedder
from srl_pipeline.canonical import digest, digest_file, pretty
from srl_pipeline.clock import StopWatch, now_iso
from srl_pipeline.config import LoreConfig
from srl_pipeline.lore import Chunk, Embedder, chunk_documents, write_index
from srl_pipeline.lore import embedder as embedder_module
from srl_pipeline.model_types import LoreDocument

_VECTORS, _FIGURES = "vectors.npy", "embedding.json"


@dataclass(frozen=True)
class EmbeddingFigures:
    """What it took to embed the passages of an index."""

    passages: int
    seconds: float
    cpu_seconds: float
    """Processor time of all threads."""
    measured_at: str


@dataclass(frozen=True)
class IndexFigures:
    """What it took to make an index."""

    documents: int
    changed: int
    """Documents that the previous index did not hold; all of them when there was none."""
    embedding: EmbeddingFigures
    writing_seconds: float
    """All but the embedding: cut the documents, write the table and its two indices."""
    seconds: float

    @property
    def documents_per_second(self) -> float:
        return self.documents / self.seconds


@dataclass(frozen=True)
class BuiltIndex:
    """An index, what it holds and what it took."""

    folder: Path
    chunks: list[Chunk]
    figures: IndexFigures
    embedded_earlier: bool
    """Whether the vectors were in the cache; the embedding's figures are then those of the run that made them."""


def build(
    cache: Path, documents: Sequence[LoreDocument], config: LoreConfig, embedder: Embedder, *, again: bool
) -> BuiltIndex:
    """Write the index of ``documents`` into the cache.

    Vectors are taken from there, unless ``again``, when they are of the same text, embedder and code.
    """
    place = cache / f"lore-{len(documents)}-{_key(documents, config, embedder)}"
    file = place / _FIGURES
    earlier = file.is_file() and not again
    folder = place / "index"
    if earlier:
        embedder = _prepared(place, documents, config, embedder)
    meter = MeteredEmbedder(embedder)
    seconds, chunks = _write(folder, documents, config, meter, None)
    if earlier:
        embedding = EmbeddingFigures(**json.loads(file.read_text(encoding="utf-8")))
    else:
        embedding = _embedding(meter)
        _keep(place, meter, embedding)
    figures = _figures(documents, len(documents), embedding, seconds - meter.seconds)
    return BuiltIndex(folder, chunks, figures, embedded_earlier=earlier)


def _key(documents: Sequence[LoreDocument], config: LoreConfig, embedder: Embedder) -> str:
    """Hash of everything that decides the vectors, and of the code whose speed is measured."""
    texts = [chunk.indexed_text for chunk in chunk_documents(documents, config.max_chunk_words)]
    return digest([texts, embedder.version, digest_file(Path(embedder_module.__file__))])


def update(
    built: BuiltIndex,
    documents: Sequence[LoreDocument],
    share: float,
    config: LoreConfig,
    embedder: Embedder,
    *,
    seed: int,
) -> IndexFigures:
    """What it takes to make the next index after a ``share`` of ``documents`` has changed; that index is not kept."""
    after = amended(documents, share, seed)
    changed = sum(old is not new for old, new in zip(documents, after, strict=True))
    folder = built.folder.with_name("updated")
    meter = MeteredEmbedder(embedder)
    try:
        seconds, _ = _write(folder, after, config, meter, built.folder)
    finally:
        shutil.rmtree(folder, ignore_errors=True)
    return _figures(documents, changed, _embedding(meter), seconds - meter.seconds)


def _write(
    folder: Path, documents: Sequence[LoreDocument], config: LoreConfig, embedder: Embedder, previous: Path | None
) -> tuple[float, list[Chunk]]:
    watch = StopWatch()
    chunks = chunk_documents(documents, config.max_chunk_words)
    write_index(folder, chunks, embedder, previous)
    return watch.seconds, chunks


def _embedding(meter: MeteredEmbedder) -> EmbeddingFigures:
    return EmbeddingFigures(len(meter.vectors), round(meter.seconds, 3), round(meter.cpu_seconds, 3), now_iso())


def _figures(
    documents: Sequence[LoreDocument], changed: int, embedding: EmbeddingFigures, writing_seconds: float
) -> IndexFigures:
    return IndexFigures(
        documents=len(documents),
        changed=changed,
        embedding=embedding,
        writing_seconds=round(writing_seconds, 3),
        seconds=round(writing_seconds + embedding.seconds, 3),
    )


def _keep(place: Path, meter: MeteredEmbedder, embedding: EmbeddingFigures) -> None:
    import numpy as np

    np.save(place / _VECTORS, np.stack(list(meter.vectors.values())))
    # Last, so that vectors of an interrupted run are not taken for whole ones.
    (place / _FIGURES).write_text(pretty(asdict(embedding)), encoding="utf-8")


def _prepared(place: Path, documents: Sequence[LoreDocument], config: LoreConfig, inner: Embedder) -> Embedder:
    """An embedder that knows the vectors of ``documents``; they lie in the order of the distinct passages."""
    import numpy as np

    texts = dict.fromkeys(chunk.indexed_text for chunk in chunk_documents(documents, config.max_chunk_words))
    return PreparedEmbedder(inner, dict(zip(texts, np.load(place / _VECTORS), strict=True)))
