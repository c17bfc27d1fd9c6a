"""Make the ``lore_index`` artifact of a pack: the index, the lore that it pins, and how well it retrieves."""

from __future__ import annotations

import json
import logging
import random
from pathlib import Path

from srl_pipeline.canonical import digest, dumps, seed_of
from srl_pipeline.clock import StopWatch
from srl_pipeline.config import LoreConfig
from srl_pipeline.contracts import Scenario
from srl_pipeline.errors import ArtifactError, GateError
from srl_pipeline.lore.chunks import chunk_documents
from srl_pipeline.lore.embedder import embedder_version, load_embedder
from srl_pipeline.lore.errors import LoreError
from srl_pipeline.lore.gates import index_gates
from srl_pipeline.lore.index import IndexCounts, open_index, stored_vectors, write_index
from srl_pipeline.lore.quality import bundle_recall, fact_recall, recall_at_k
from srl_pipeline.lore.retriever import LoreRetriever
from srl_pipeline.model_types import LoreDocument, Pack
from srl_pipeline.registry import ArtifactStore, Built, Outcome, StoredArtifact, build_or_reuse, code_version
from srl_pipeline.verification import ScenarioSpace, valid_axes

log = logging.getLogger("srl_pipeline")

ASSET = "lore_index"
INDEX = "index"
DOCUMENTS = "documents.json"
MEASURED_SCENARIOS = 60
# What these files write is what an index holds; how it is read later does not make it another index.
WRITERS = ("lore/chunks.py", "lore/index.py", "lore/embedder.py")


def lore_data_version(pack: Pack, config: LoreConfig) -> str:
    """Version of a pack's lore index: hash of corpus, embedder, configuration and the code that writes it.

    Cheap enough for a sensor: it loads no model.
    """
    return digest(
        {
            "lore": pack.lore_version,
            "embedder": embedder_version(config.embedder),
            # The embedder counts by its content, not by the folder it was read from.
            "config": config.model_dump(mode="json", exclude={"embedder"}),
            "code": code_version(*WRITERS),
        }
    )


def build_lore_index(store: ArtifactStore, pack: Pack, config: LoreConfig) -> Built:
    """Return the index of a pack's lore, embedding only what the newest earlier version does not hold."""
    return build_or_reuse(
        store,
        ASSET,
        pack.name,
        inputs={},
        config=config.model_dump(mode="json"),
        code=code_version("lore"),
        make=lambda work: _make(work, pack, config, newest_usable(store, pack.name)),
        data_version=lore_data_version(pack, config),
        seeds={"measured scenarios": seed_of(ASSET, pack.name)},
    )


def newest_usable(store: ArtifactStore, model_type: str) -> StoredArtifact | None:
    """The newest earlier index that is whole, for its vectors. A damaged one costs time, never correctness."""
    for artifact in reversed(store.versions(ASSET, model_type)):
        try:
            return store.require(ASSET, model_type, artifact.data_version)
        except (ArtifactError, GateError) as error:
            log.warning("Vectors of an earlier lore index are not used. %s", error)
    return None


def index_folder(artifact: StoredArtifact) -> Path:
    """The LanceDB folder of a lore_index artifact, for `LoreRetriever`."""
    return artifact.path / INDEX


def load_documents(artifact: StoredArtifact) -> dict[str, LoreDocument]:
    """The lore that an index pins, by document id: the pack's folder is not needed."""
    file = artifact.path / DOCUMENTS
    try:
        documents = [LoreDocument.model_validate(d) for d in json.loads(file.read_text(encoding="utf-8"))]
    except (OSError, ValueError) as error:
        raise LoreError(
            f"The pinned lore is not readable: {error}",
            where=str(file),
            mend="Delete this artifact's folder and materialize lore_index again.",
        ) from error
    return {d.id: d for d in documents}


def _make(work: Path, pack: Pack, config: LoreConfig, previous: StoredArtifact | None) -> Outcome:
    watch = StopWatch()
    documents = [document for _, document in sorted(pack.documents.items())]
    embedder = load_embedder(config.embedder)
    chunks = chunk_documents(documents, config.max_chunk_words)
    counts = write_index(work / INDEX, chunks, embedder, index_folder(previous) if previous else None)
    (work / DOCUMENTS).write_text(dumps([d.model_dump(mode="json") for d in documents]), encoding="utf-8")
    log.info("lore_index[%s]: %d chunks, %d embedded, %d kept", pack.name, counts.chunks, counts.embedded, counts.kept)
    seconds = watch.seconds
    return Outcome(
        metrics=_metrics(pack, counts, seconds) | _measure(work / INDEX, pack, config),
        gates=index_gates(documents, chunks, stored_vectors(open_index(work / INDEX)), embedder.dimension),
        notes={"previous": previous.data_version} if previous else {},
    )


def _metrics(pack: Pack, counts: IndexCounts, seconds: float) -> dict[str, float]:
    return {
        "documents": float(len(pack.documents)),
        "chunks": float(counts.chunks),
        "embedded": float(counts.embedded),
        "kept": float(counts.kept),
        "dropped": float(counts.dropped),
        "seconds": round(seconds, 3),
    }


def _measure(folder: Path, pack: Pack, config: LoreConfig) -> dict[str, float]:
    """Retrieval quality on seeded scenarios of the pack."""
    scenarios = sample_scenarios(pack, MEASURED_SCENARIOS)
    answers = LoreRetriever(folder, config).bundles_and_rankings(scenarios)
    bundles = [bundle for bundle, _ in answers]
    return {
        "recall_at_5": recall_at_k([ranking for _, ranking in answers], scenarios, 5),
        "bundle_recall": bundle_recall(bundles, scenarios),
        "fact_recall": fact_recall(bundles, scenarios, pack.documents),
    }


def sample_scenarios(pack: Pack, count: int) -> list[Scenario]:
    """Seeded possible scenarios, to measure on; the same for every version of the lore."""
    space = ScenarioSpace(pack)
    rng = random.Random(seed_of(ASSET, pack.name))
    return [space.scenario(valid_axes(space, rng), where="lore quality") for _ in range(count)]
