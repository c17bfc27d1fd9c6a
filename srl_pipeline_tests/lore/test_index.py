from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from srl_pipeline.errors import ArtifactError
from srl_pipeline.lore import Embedder, LoreError, write_index
from srl_pipeline.lore import index as index_module
from srl_pipeline.lore.index import is_approximate, open_index, stored_chunks, stored_vectors
from srl_pipeline.lore.searches import matching, nearest
from srl_pipeline.model_types import Pack
from srl_pipeline_tests.chaos.disks import may_mount, small_disk

from .conftest import SpyEmbedder, tiny_chunks


def test_chunks_come_back_as_they_were_written(pack: Pack, embedder: Embedder, tmp_path: Path) -> None:
    chunks = tiny_chunks(pack)
    write_index(tmp_path / "index", chunks, embedder)
    assert [s.chunk for s in stored_chunks(open_index(tmp_path / "index"))] == chunks


def test_a_first_index_embeds_every_chunk(pack: Pack, spy: SpyEmbedder, tmp_path: Path) -> None:
    counts = write_index(tmp_path / "index", tiny_chunks(pack), spy)
    assert counts.embedded == counts.chunks == len(spy.encoded) and counts.kept == 0


def test_only_changed_chunks_are_embedded_again(pack: Pack, spy: SpyEmbedder, tmp_path: Path) -> None:
    chunks = tiny_chunks(pack)
    write_index(tmp_path / "one", chunks, spy)
    spy.encoded.clear()
    changed = [replace(chunks[0], text=chunks[0].text + " And no higher."), *chunks[1:]]
    counts = write_index(tmp_path / "two", changed, spy, previous=tmp_path / "one")
    assert spy.encoded == [changed[0].indexed_text]
    assert (counts.embedded, counts.kept, counts.dropped) == (1, len(chunks) - 1, 1)


def test_an_unchanged_corpus_embeds_nothing(pack: Pack, spy: SpyEmbedder, tmp_path: Path) -> None:
    write_index(tmp_path / "one", tiny_chunks(pack), spy)
    spy.encoded.clear()
    write_index(tmp_path / "two", tiny_chunks(pack), spy, previous=tmp_path / "one")
    assert spy.encoded == []


def test_kept_vectors_are_those_of_the_previous_index(pack: Pack, embedder: Embedder, tmp_path: Path) -> None:
    chunks = tiny_chunks(pack)
    write_index(tmp_path / "one", chunks, embedder)
    write_index(tmp_path / "two", chunks[2:], embedder, previous=tmp_path / "one")
    one, two = (stored_vectors(open_index(tmp_path / name)) for name in ("one", "two"))
    assert all(np.array_equal(two[c.content_hash], one[c.content_hash]) for c in chunks[2:])


def test_vectors_of_another_embedder_are_not_kept(pack: Pack, spy: SpyEmbedder, tmp_path: Path) -> None:
    write_index(tmp_path / "one", tiny_chunks(pack), spy)
    spy.version = "another"
    counts = write_index(tmp_path / "two", tiny_chunks(pack), spy, previous=tmp_path / "one")
    assert counts.kept == 0 and counts.embedded == counts.chunks


def test_what_an_interrupted_build_left_is_replaced(pack: Pack, embedder: Embedder, tmp_path: Path) -> None:
    write_index(tmp_path / "index", tiny_chunks(pack), embedder)
    write_index(tmp_path / "index", tiny_chunks(pack)[:2], embedder)
    assert open_index(tmp_path / "index").count_rows() == 2


def test_no_chunks_are_refused(embedder: Embedder, tmp_path: Path) -> None:
    with pytest.raises(LoreError, match="no lore to index"):
        write_index(tmp_path / "index", [], embedder)


def test_a_folder_without_an_index_is_refused(tmp_path: Path) -> None:
    with pytest.raises(LoreError, match="no lore index"):
        open_index(tmp_path)


def test_reading_an_index_changes_no_file_of_it(tiny_index: Path, embedder: Embedder) -> None:
    before = {p: p.stat().st_mtime_ns for p in tiny_index.rglob("*")}
    table = open_index(tiny_index)
    nearest(table, embedder.encode(["granite"]), 3)
    matching(table, "granite", 3)
    assert {p: p.stat().st_mtime_ns for p in tiny_index.rglob("*")} == before


def test_the_vector_search_is_exact(tiny_index: Path, embedder: Embedder) -> None:
    table = open_index(tiny_index)
    queries = embedder.encode(["granite in the forest", "bread"])
    vectors = stored_vectors(table)
    for query, hits in zip(queries, nearest(table, queries, 3), strict=True):
        best = sorted((float(v @ query) for v in vectors.values()), reverse=True)[:3]
        assert [cosine for _, cosine in hits] == pytest.approx(best, abs=1e-4)


def test_more_queries_than_go_at_once_are_answered_in_order(
    tiny_index: Path, embedder: Embedder, monkeypatch: pytest.MonkeyPatch
) -> None:
    table = open_index(tiny_index)
    vectors = embedder.encode(["granite", "bread", "wrecks", "sparks", "rain"])
    together = nearest(table, vectors, 4)
    monkeypatch.setattr("srl_pipeline.lore.searches.QUERIES_AT_ONCE", 2)
    assert nearest(table, vectors, 4) == together


def test_full_text_search_finds_other_forms_of_a_word(tiny_index: Path) -> None:
    assert matching(open_index(tiny_index), "wrecked", 3)[0][0] == "region-salt-coast#2"


@pytest.mark.parametrize("text", ["", "the of and", 'granite" AND (', "zzz"])
def test_full_text_search_takes_any_text(tiny_index: Path, text: str) -> None:
    found = matching(open_index(tiny_index), text, 3)
    assert bool(found) == ("granite" in text)


def test_a_large_table_gets_an_approximate_index(
    pack: Pack, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "ANN_FROM_ROWS", 300)
    first = tiny_chunks(pack)[0]
    chunks = [replace(first, id=f"a#{i}", text=f"House number {i} is of stone {i % 7}.") for i in range(300)]
    write_index(tmp_path / "index", chunks, embedder)
    table = open_index(tmp_path / "index")
    assert {index.columns[0] for index in table.list_indices()} == {"indexed_text", "vector"}
    assert nearest(table, embedder.encode([chunks[5].indexed_text]), 1)[0][0][0] == "a#5"


def test_what_the_approximate_index_finds_has_exact_cosines_and_hardly_misses_anything(
    pack: Pack, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(index_module, "ANN_FROM_ROWS", 300)
    first = tiny_chunks(pack)[0]
    chunks = [replace(first, id=f"a#{i}", text=f"House {i} has {i % 11} doors and {i % 7} roofs.") for i in range(600)]
    write_index(tmp_path / "index", chunks, embedder)
    table = open_index(tmp_path / "index")
    vectors = stored_vectors(table)
    matrix = np.stack([vectors[c.content_hash] for c in chunks])
    queries = embedder.encode(["three doors", "a house of six roofs", "number 99"])
    hits = nearest(table, queries, 10)
    cosines = [dict(found) for found in hits]
    exact = [{chunks[i].id: float((matrix @ q)[i]) for i in np.argsort(-(matrix @ q))[:10]} for q in queries]
    assert is_approximate(table)
    assert sum(len(own.keys() & best.keys()) for own, best in zip(cosines, exact, strict=True)) >= 27
    assert all(
        own[chunk] == pytest.approx(best[chunk], abs=1e-4)
        for own, best in zip(cosines, exact, strict=True)
        for chunk in own.keys() & best.keys()
    )


def test_a_small_table_has_no_approximate_index(tiny_index: Path) -> None:
    assert not is_approximate(open_index(tiny_index))


def test_tokens_of_a_kept_text_are_not_counted_again(
    pack: Pack, embedder: Embedder, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    chunks = tiny_chunks(pack)
    write_index(tmp_path / "one", chunks, embedder)
    counted: list[str] = []
    monkeypatch.setattr(type(embedder), "count_tokens", lambda _, text: counted.append(text) or 7)
    changed = [replace(chunks[0], text="Another text."), *chunks[1:]]
    write_index(tmp_path / "two", changed, embedder, previous=tmp_path / "one")
    one, two = (stored_chunks(open_index(tmp_path / name)) for name in ("one", "two"))
    assert counted == ["Another text."]
    assert [s.tokens for s in two] == [7, *(s.tokens for s in one[1:])]


def test_a_disk_that_is_really_full_is_told_of_with_a_remedy(pack: Pack, embedder: Embedder, tmp_path: Path) -> None:
    if not may_mount(tmp_path):
        pytest.skip("this process may not mount")
    with small_disk(tmp_path) as disk:
        disk.fill(leave=4096)
        with pytest.raises(ArtifactError, match=r"The disk is full(.|\n)*mend: +Free space") as told:
            write_index(tmp_path / "index", tiny_chunks(pack), embedder)
        assert told.value.where == str(tmp_path / "index")
        disk.make_room()
        write_index(tmp_path / "index", tiny_chunks(pack), embedder)
        assert len(stored_chunks(open_index(tmp_path / "index"))) == len(tiny_chunks(pack))
