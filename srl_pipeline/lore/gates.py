"""What must hold of a lore index before anything downstream reads it. Pure."""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from srl_pipeline.contracts import Gate
from srl_pipeline.lore.chunks import Chunk
from srl_pipeline.model_types.documents import LoreDocument

if TYPE_CHECKING:
    import numpy as np
    from numpy.typing import NDArray

SHOWN = 3
"""Offenders that a message names."""


def index_gates(
    documents: Sequence[LoreDocument],
    chunks: Sequence[Chunk],
    vectors: Mapping[str, NDArray[np.float32]],
    dimension: int,
) -> list[Gate]:
    """The gates of a lore index.

    Args:
        documents: The corpus.
        chunks: What was cut from it.
        vectors: Content hash -> vector, as read back from the index.
        dimension: Length that the embedder gives its vectors.
    """
    import numpy as np

    indexed = {c.document_id for c in chunks if c.content_hash in vectors}
    unstated = [d.id for d in documents if d.unstated_facts()]
    repeated = [i for i, n in Counter(c.id for c in chunks).items() if n > 1]
    # A vector of another length than 1 (or not a number) would make its similarities mean nothing.
    odd = [h for h, v in vectors.items() if v.shape != (dimension,) or not abs(float(np.linalg.norm(v)) - 1.0) < 1e-3]
    return [
        _none("non_empty", [d.id for d in documents if d.id not in indexed], "documents without an indexed passage"),
        _none("unique_ids", repeated, "chunk ids that stand twice"),
        _none("dimension", odd, f"vectors that are not {dimension} long and of length 1"),
        _none("facts_in_prose", unstated, "documents whose prose leaves out a fact"),
    ]


def _none(name: str, offenders: Sequence[str], what: str) -> Gate:
    """A gate that passes when there are no ``offenders``; its value is their number."""
    shown = ", ".join(offenders[:SHOWN]) + (", …" if len(offenders) > SHOWN else "")
    message = f"{len(offenders)} {what}: {shown}" if offenders else ""
    return Gate(name=name, passed=not offenders, value=float(len(offenders)), threshold=0.0, message=message)
