"""Wrappers of an embedder that let a benchmark see or skip the embedding."""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING

from srl_pipeline.clock import StopWatch
from srl_pipeline.lore import Embedder

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

    Vectors = NDArray[np.float32]


class _Wrapper:
    """Is its inner embedder in everything but ``encode``."""

    def __init__(self, inner: Embedder) -> None:
        self._inner = inner

    @property
    def name(self) -> str:
        return self._inner.name

    @property
    def version(self) -> str:
        return self._inner.version

    @property
    def dimension(self) -> int:
        return self._inner.dimension

    def encode(self, texts: list[str]) -> Vectors:
        return self._inner.encode(texts)

    def count_tokens(self, text: str) -> int:
        return self._inner.count_tokens(text)


class MeteredEmbedder(_Wrapper):
    """Measures the embedding of its last call, and keeps what came of it."""

    def __init__(self, inner: Embedder) -> None:
        super().__init__(inner)
        self.vectors: dict[str, Vectors] = {}
        """Text -> vector, of the last call."""
        self.seconds = 0.0
        self.cpu_seconds = 0.0
        """Processor time of all threads: unlike seconds it hardly depends on what else the machine does."""

    def encode(self, texts: list[str]) -> Vectors:
        watch, cpu = StopWatch(), time.process_time()
        vectors = self._inner.encode(texts)
        self.seconds, self.cpu_seconds = watch.seconds, time.process_time() - cpu
        self.vectors = dict(zip(texts, vectors, strict=True))
        return vectors


class PreparedEmbedder(_Wrapper):
    """Looks vectors up instead of making them, so that a search can be timed without the embedding."""

    def __init__(self, inner: Embedder, vectors: Mapping[str, Vectors]) -> None:
        super().__init__(inner)
        self._vectors = vectors

    def encode(self, texts: list[str]) -> Vectors:
        """Vectors [texts, dimension]; raises KeyError for a text that was not prepared."""
        import numpy as np

        return np.stack([self._vectors[text] for text in texts])
