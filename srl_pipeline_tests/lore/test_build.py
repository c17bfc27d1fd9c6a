from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from srl_pipeline.config import LoreConfig
from srl_pipeline.lore import (
    LoreError,
    LoreRetriever,
    build_lore_index,
    index_folder,
    load_documents,
    lore_data_version,
)
from srl_pipeline.lore.embedder import embedder_folder
from srl_pipeline.model_types import Pack, read_pack
from srl_pipeline.registry import ArtifactStore

from .tiny_world import scenario


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "store")


def edited(pack: Pack, folder: Path) -> Pack:
    """The pack after a designer changed one section."""
    file = folder / "lore" / "region-moss-vale.md"
    file.write_text(
        file.read_text(encoding="utf-8").replace("drinks the rain", "drinks all the rain"), encoding="utf-8"
    )
    return read_pack(folder)


def test_the_artifact_passes_its_gates_and_can_be_read(store: ArtifactStore, pack: Pack) -> None:
    built = build_lore_index(store, pack, LoreConfig())
    found = store.require("lore_index", pack.name, built.artifact.data_version)
    assert {g.name for g in found.manifest.gates} == {"non_empty", "unique_ids", "dimension", "facts_in_prose"}
    assert LoreRetriever(index_folder(found), LoreConfig()).bundle(scenario()).citations


def test_retrieval_quality_is_among_the_metrics(store: ArtifactStore, pack: Pack) -> None:
    metrics = build_lore_index(store, pack, LoreConfig()).manifest.metrics
    assert (metrics["recall_at_5"], metrics["bundle_recall"], metrics["fact_recall"]) == (1.0, 1.0, 1.0)
    assert (metrics["documents"], metrics["chunks"], metrics["embedded"]) == (5.0, 7.0, 7.0)


def test_unchanged_lore_is_not_indexed_again(store: ArtifactStore, pack: Pack) -> None:
    first = build_lore_index(store, pack, LoreConfig())
    second = build_lore_index(store, pack, LoreConfig())
    assert second.reused and second.artifact.data_version == first.artifact.data_version


def test_an_edited_section_is_the_only_one_embedded_again(store: ArtifactStore, pack: Pack, tmp_path: Path) -> None:
    first = build_lore_index(store, pack, LoreConfig())
    second = build_lore_index(store, edited(pack, tmp_path / "houses"), LoreConfig())
    counts = {name: second.manifest.metrics[name] for name in ("embedded", "kept", "dropped")}
    assert counts == {"embedded": 1.0, "kept": 6.0, "dropped": 1.0}
    assert second.manifest.notes["previous"] == first.artifact.data_version


def test_a_damaged_earlier_index_costs_its_vectors_and_nothing_else(
    store: ArtifactStore, pack: Pack, tmp_path: Path
) -> None:
    first = build_lore_index(store, pack, LoreConfig())
    (data,) = (index_folder(first.artifact) / "chunks.lance" / "data").iterdir()
    data.write_bytes(b"broken")
    second = build_lore_index(store, edited(pack, tmp_path / "houses"), LoreConfig())
    assert second.manifest.metrics["kept"] == 0.0 and not second.manifest.failed_gates


def test_the_version_is_known_without_building(store: ArtifactStore, pack: Pack) -> None:
    built = build_lore_index(store, pack, LoreConfig())
    assert built.artifact.data_version == lore_data_version(pack, LoreConfig())


def test_the_version_follows_lore_and_configuration(pack: Pack, tmp_path: Path) -> None:
    versions = {lore_data_version(pack, LoreConfig()), lore_data_version(pack, LoreConfig(max_chunk_words=40))}
    assert len(versions | {lore_data_version(edited(pack, tmp_path / "houses"), LoreConfig())}) == 3


def test_the_version_does_not_depend_on_where_the_embedder_lies(pack: Pack, tmp_path: Path) -> None:
    shutil.copytree(embedder_folder("minilm"), tmp_path / "copy")
    assert lore_data_version(pack, LoreConfig(embedder=str(tmp_path / "copy"))) == lore_data_version(pack, LoreConfig())


def test_the_lore_is_pinned_without_its_pack_folder(store: ArtifactStore, pack: Pack, tmp_path: Path) -> None:
    built = build_lore_index(store, pack, LoreConfig())
    shutil.rmtree(tmp_path / "houses")
    assert load_documents(built.artifact) == pack.documents


def test_pinned_lore_that_cannot_be_read_is_an_error_with_its_place(store: ArtifactStore, pack: Pack) -> None:
    artifact = build_lore_index(store, pack, LoreConfig()).artifact
    (artifact.path / "documents.json").write_text(json.dumps([{"id": "x"}]))
    with pytest.raises(LoreError, match=r"documents\.json"):
        load_documents(artifact)
