"""Model A, the lore retriever: indexes a pack's lore, answers a scenario with a cited bundle within a token budget."""

from srl_pipeline.lore.build import build_lore_index, index_folder, load_documents, lore_data_version
from srl_pipeline.lore.chunks import Chunk, chunk_document, chunk_documents
from srl_pipeline.lore.embedder import Embedder, embedder_version, load_embedder
from srl_pipeline.lore.errors import EmbedderError, LoreError
from srl_pipeline.lore.index import IndexCounts, write_index
from srl_pipeline.lore.quality import bundle_recall, fact_recall, recall_at_k
from srl_pipeline.lore.retriever import LoreRetriever

__all__ = [
    "Chunk",
    "Embedder",
    "EmbedderError",
    "IndexCounts",
    "LoreError",
    "LoreRetriever",
    "build_lore_index",
    "bundle_recall",
    "chunk_document",
    "chunk_documents",
    "embedder_version",
    "fact_recall",
    "index_folder",
    "load_documents",
    "load_embedder",
    "lore_data_version",
    "recall_at_k",
    "write_index",
]
