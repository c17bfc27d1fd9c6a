"""Shared fixtures: the real embedder, a spy around it, the tiny pack and its index."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest

from srl_pipeline.config import LoreConfig
from srl_pipeline.lore import Chunk, Embedder, LoreRetriever, chunk_documents, load_embedder, write_index
from srl_pipeline.model_types import Pack, read_pack

from .tiny_world import write_pack


class SpyEmbedder:
    """The real embedder; remembers what it was asked to encode."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner
        self.name = inner.name
        self.version = inner.version
        self.dimension = inner.dimension
        self.encoded: list[str] = []

    def encode(self, texts: list[str]) -> Any:
        self.encoded += texts
        return self._inner.encode(texts)

    def count_tokens(self, text: str) -> int:
        return self._inner.count_tokens(text)


@pytest.fixture(scope="session")
def embedder() -> Embedder:
    return load_embedder("minilm")


@pytest.fixture
def spy(embedder: Embedder) -> SpyEmbedder:
    return SpyEmbedder(embedder)


@pytest.fixture
def pack(tmp_path: Path) -> Pack:
    return read_pack(write_pack(tmp_path / "houses"))


@pytest.fixture(scope="session")
def tiny_index(tmp_path_factory: pytest.TempPathFactory, embedder: Embedder) -> Path:
    root = tmp_path_factory.mktemp("tiny")
    write_index(root / "index", tiny_chunks(read_pack(write_pack(root / "houses"))), embedder)
    return root / "index"


@pytest.fixture(scope="session")
def retriever(tiny_index: Path) -> LoreRetriever:
    return LoreRetriever(tiny_index, LoreConfig())


def tiny_chunks(pack: Pack) -> list[Chunk]:
    return chunk_documents(pack.documents.values(), LoreConfig().max_chunk_words)
