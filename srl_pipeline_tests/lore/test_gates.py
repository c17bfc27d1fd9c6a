from __future__ import annotations

from dataclasses import replace

import numpy as np

from srl_pipeline.lore import chunk_document
from srl_pipeline.lore.gates import index_gates

from .tiny_world import document

LORE = document("## Law\nWalls of granite.\n\n## Rain\nIt rains.", stone="granite")
CHUNKS = chunk_document(LORE, 90)
VECTORS = {c.content_hash: np.array([0.6, 0.8], dtype=np.float32) for c in CHUNKS}


def failed(*args: object) -> set[str]:
    return {gate.name for gate in index_gates(*args) if not gate.passed}  # type: ignore[arg-type]


def test_a_sound_index_passes_every_gate() -> None:
    assert failed([LORE], CHUNKS, VECTORS, 2) == set()


def test_a_document_without_an_indexed_passage_is_named() -> None:
    empty = document("", document_id="silent")
    gate = index_gates([LORE, empty], CHUNKS, VECTORS, 2)[0]
    assert not gate.passed and "silent" in gate.message


def test_a_repeated_chunk_id_fails() -> None:
    assert failed([LORE], [*CHUNKS, CHUNKS[0]], VECTORS, 2) == {"unique_ids"}


def test_vectors_of_another_dimension_fail() -> None:
    assert failed([LORE], CHUNKS, VECTORS, 3) == {"dimension"}


def test_a_vector_that_is_not_a_number_fails() -> None:
    broken = VECTORS | {CHUNKS[0].content_hash: np.array([np.nan, 0.0], dtype=np.float32)}
    assert failed([LORE], CHUNKS, broken, 2) == {"dimension"}


def test_a_fact_that_the_prose_leaves_out_fails() -> None:
    unstated = LORE.model_copy(update={"facts": {"stone": "flint"}})
    assert failed([unstated], [replace(c, facts=()) for c in CHUNKS], VECTORS, 2) == {"facts_in_prose"}
