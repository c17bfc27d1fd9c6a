"""The lore index: one LanceDB table of chunks with their vectors and a full-text index, in a folder of its own.

Writing is incremental: vectors of chunks that the previous index holds, made by the same embedder, are copied. LanceDB
gives its files random names, so two indexes of the same lore differ in their digests; a lore index is therefore
versioned by the content that it was made from, never by its files.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from srl_pipeline.lore.chunks import Chunk
from srl_pipeline.lore.embedder import Embedder
from srl_pipeline.lore.errors import LoreError
from srl_pipeline.registry.artifacts import disk_errors

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

TABLE = "chunks"
ANN_FROM_ROWS = 5_000
"""From this size on the vector search goes by compressed vectors; below, it compares all vectors as they are, which
takes about 2 ms per 1,000 of them."""
ANN_PARTITION = 8_192
"""Vectors of one partition of the approximate index."""
ANN_BITS = 4
"""Bits kept of each dimension. Measured at 80,000 vectors: with one bit and all partitions read the nearest ten are two
thirds right before `searches.REFINE` mends them, with four 95 % (docs/retrieval.md)."""
_EMBEDDER = b"embedder"


@dataclass(frozen=True)
class IndexCounts:
    """What writing an index took."""

    chunks: int
    embedded: int
    kept: int
    """Chunks whose vector was copied from the previous index."""
    dropped: int
    """Chunks of the previous index that are no more."""


@dataclass(frozen=True)
class StoredChunk:
    """A chunk as an index holds it."""

    chunk: Chunk
    tokens: int
    """Length of the text in the embedder's tokens."""


def write_index(folder: Path, chunks: Sequence[Chunk], embedder: Embedder, previous: Path | None = None) -> IndexCounts:
    """Write the index of ``chunks`` (at least one) into ``folder``, replacing what lies there."""
    import lancedb
    import numpy as np
    from lancedb.index import FTS, IvfRq

    if not chunks:
        raise LoreError("There is no lore to index.", where=str(folder), mend="Add prose to the documents in lore/.")
    known = _known(previous, embedder) if previous else _Known({}, {})
    hashes = [c.content_hash for c in chunks]
    # Equal chunks are embedded once.
    new = {h: c.indexed_text for h, c in zip(hashes, chunks, strict=True) if h not in known.vectors}
    vectors = known.vectors | dict(zip(new, embedder.encode(list(new.values())), strict=True)) if new else known.vectors
    tokens = [t if (t := known.tokens.get(c.text)) is not None else embedder.count_tokens(c.text) for c in chunks]

    matrix = np.stack([vectors[h] for h in hashes]).astype(np.float32)
    shutil.rmtree(folder, ignore_errors=True)
    with disk_errors(folder):
        folder.parent.mkdir(parents=True, exist_ok=True)
        table = lancedb.connect(folder).create_table(TABLE, _arrow(chunks, hashes, tokens, matrix, embedder))
        table.create_index("indexed_text", config=FTS())
        if len(chunks) >= ANN_FROM_ROWS:
            partitions = max(1, len(chunks) // ANN_PARTITION)
            compressed = IvfRq(distance_type="cosine", num_bits=ANN_BITS, num_partitions=partitions)
            table.create_index("vector", config=compressed)
    kept = sum(h not in new for h in hashes)
    return IndexCounts(len(chunks), len(new), kept, len(known.vectors.keys() - set(hashes)))


def _arrow(
    chunks: Sequence[Chunk],
    hashes: Sequence[str],
    tokens: Sequence[int],
    matrix: NDArray[np.float32],
    embedder: Embedder,
) -> Any:
    """The table's rows; the embedder's version goes into the schema, for readers to compare."""
    import pyarrow as pa

    words = pa.list_(pa.string())
    columns: dict[str, tuple[Any, Sequence[Any]]] = {
        "id": (pa.string(), [c.id for c in chunks]),
        "document_id": (pa.string(), [c.document_id for c in chunks]),
        "title": (pa.string(), [c.title for c in chunks]),
        "heading": (pa.string(), [c.heading for c in chunks]),
        "tags": (words, [list(c.tags) for c in chunks]),
        "facts": (words, [list(c.facts) for c in chunks]),
        "document_facts": (words, [list(c.document_facts) for c in chunks]),
        "text": (pa.string(), [c.text for c in chunks]),
        "indexed_text": (pa.string(), [c.indexed_text for c in chunks]),
        "content_hash": (pa.string(), hashes),
        "tokens": (pa.int32(), tokens),
    }
    arrays = [pa.array(values, type=kind) for kind, values in columns.values()]
    arrays.append(pa.FixedSizeListArray.from_arrays(pa.array(matrix.reshape(-1)), embedder.dimension))
    fields = [pa.field(name, kind) for name, (kind, _) in columns.items()]
    fields.append(pa.field("vector", pa.list_(pa.float32(), embedder.dimension)))
    return pa.Table.from_arrays(arrays, schema=pa.schema(fields, metadata={_EMBEDDER: embedder.version.encode()}))


def open_index(folder: Path) -> Any:
    """The LanceDB table of an index; raises LoreError when there is none."""
    import lancedb

    if not (folder / f"{TABLE}.lance").is_dir():
        raise LoreError("There is no lore index.", where=str(folder), mend="Materialize lore_index first.")
    return lancedb.connect(folder).open_table(TABLE)


def embedder_of(table: Any) -> str:
    """Version of the embedder that made the table's vectors."""
    return (table.schema.metadata or {}).get(_EMBEDDER, b"").decode()


def is_approximate(table: Any) -> bool:
    """Whether the vector search goes by an approximate index; without one it compares all vectors."""
    return any("vector" in index.columns for index in table.list_indices())


def stored_chunks(table: Any) -> list[StoredChunk]:
    """All chunks, in the order in which they were written."""
    names = ["id", "document_id", "title", "heading", "tags", "facts", "document_facts", "text", "tokens"]
    rows = table.search().select(names).limit(table.count_rows()).to_list()
    return [
        StoredChunk(
            Chunk(
                id=row["id"],
                document_id=row["document_id"],
                title=row["title"],
                heading=row["heading"],
                tags=tuple(row["tags"]),
                facts=tuple(row["facts"]),
                document_facts=tuple(row["document_facts"]),
                text=row["text"],
            ),
            row["tokens"],
        )
        for row in rows
    ]


def stored_vectors(table: Any) -> dict[str, NDArray[np.float32]]:
    """Content hash -> vector."""
    import numpy as np

    rows = table.search().select(["content_hash", "vector"]).limit(table.count_rows()).to_arrow()
    vectors = rows["vector"].combine_chunks()
    matrix = np.asarray(vectors.flatten(), dtype=np.float32).reshape(len(rows), -1)
    return dict(zip(rows["content_hash"].to_pylist(), matrix, strict=True))


@dataclass(frozen=True)
class _Known:
    """What need not be computed again."""

    vectors: dict[str, NDArray[np.float32]]
    """By content hash."""
    tokens: dict[str, int]
    """By text."""


def _known(previous: Path, embedder: Embedder) -> _Known:
    """What the previous index knows, or nothing when another embedder made it."""
    table = open_index(previous)
    if embedder_of(table) != embedder.version:
        return _Known({}, {})
    rows = table.search().select(["text", "tokens"]).limit(table.count_rows()).to_arrow()
    tokens = dict(zip(rows["text"].to_pylist(), rows["tokens"].to_pylist(), strict=True))
    return _Known(stored_vectors(table), tokens)
