from __future__ import annotations

import hashlib
import shutil
import subprocess
import sys
import tarfile
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from benchmarks.search.corpus import amended, document, make_questions, shuffled, take
from benchmarks.search.download import Release, fetch
from benchmarks.search.embedders import MeteredEmbedder, PreparedEmbedder
from benchmarks.search.errors import BenchmarkError
from benchmarks.search.figures import agreement, latency, recall_at
from benchmarks.search.indexing import build, update
from benchmarks.search.measure import measure
from benchmarks.search.report import environment, show, targets, to_json
from benchmarks.search.searches import EXACT, FULL_TEXT, HYBRID, VECTOR, ExactSearch
from benchmarks.search.wordnet import Synset, parse_line, read_synsets
from srl_pipeline.canonical import dumps
from srl_pipeline.config import LoreConfig
from srl_pipeline.lore import Embedder, load_embedder
from srl_pipeline.lore.index import open_index, stored_vectors

DOG = (
    "02086723 05 n 03 dog 0 domestic_dog 0 Canis_familiaris 0 001 @ 02085998 n 0000 "
    '| a member of the genus Canis; kept by man; "the dog barked all night"; "dogs are loyal animals"  '
)
HEAD = "  1 This software and database is being provided to you, the LICENSEE, by Princeton University  \n"
WORDS = ["granite", "bread", "harbour", "thunder", "violin", "fox", "copper", "lantern", "orchard", "glacier", "clock"]


@pytest.fixture(scope="module")
def embedder() -> Embedder:
    return load_embedder("minilm")


@pytest.fixture(scope="module")
def synsets() -> list[Synset]:
    return [
        Synset(f"noun-{i:08d}", "noun", (word,), f"what people call {word}", (f"we have all seen the {word} there",))
        for i, word in enumerate(WORDS)
    ]


@pytest.fixture
def wordnet(tmp_path: Path) -> Path:
    folder = tmp_path / "dict"
    folder.mkdir()
    (folder / "data.noun").write_text(HEAD + DOG + "\n")
    for part in ("verb", "adj", "adv"):
        (folder / f"data.{part}").write_text(HEAD)
    return folder


def test_a_synset_has_words_a_definition_and_examples() -> None:
    assert parse_line(DOG, "noun") == Synset(
        "noun-02086723",
        "noun",
        ("dog", "domestic dog", "Canis familiaris"),
        "a member of the genus Canis; kept by man",
        ("the dog barked all night", "dogs are loyal animals"),
    )


def test_the_number_of_words_is_hexadecimal() -> None:
    words = " ".join(f"w{i} 0" for i in range(16))
    assert len(parse_line(f"00000001 00 n 10 {words} 000 | sixteen words", "noun").words) == 16


def test_an_adjectives_marker_is_no_part_of_the_word() -> None:
    assert parse_line("00000001 00 s 01 galore(ip) 0 000 | in great numbers", "adj").words == ("galore",)


@pytest.mark.parametrize("line", ["nonsense", "00000001 00 n 01 dog 0 000", "00000001 00 n 05 dog 0 000 | few words"])
def test_a_line_that_is_no_synset_is_refused_with_its_place(line: str, wordnet: Path) -> None:
    (wordnet / "data.verb").write_text(HEAD + line + "\n")
    with pytest.raises(BenchmarkError) as caught:
        read_synsets(wordnet)
    assert caught.value.where.endswith("data.verb:2")


def test_the_licence_at_the_head_is_no_synset(wordnet: Path) -> None:
    assert [s.id for s in read_synsets(wordnet)] == ["noun-02086723"]


def test_a_folder_without_wordnet_is_refused_by_the_missing_file(tmp_path: Path) -> None:
    with pytest.raises(BenchmarkError, match=r"data\.noun(.|\n)*--wordnet"):
        read_synsets(tmp_path)


def test_bytes_that_are_no_utf8_are_refused(wordnet: Path) -> None:
    (wordnet / "data.adv").write_bytes(b"\xff\xfe")
    with pytest.raises(BenchmarkError, match="UTF-8"):
        read_synsets(wordnet)


def test_a_question_is_in_no_document() -> None:
    synset = parse_line(DOG, "noun")
    question = make_questions([synset], 1)[0]
    assert question.text == "the dog barked all night" and question.document_id == synset.id
    assert question.text not in document(synset).prose


def test_fragments_are_no_questions(synsets: list[Synset]) -> None:
    assert make_questions([replace(synsets[0], examples=("deep water",))], 5) == []


def test_a_sentence_that_two_synsets_quote_is_no_question(synsets: list[Synset]) -> None:
    twice = [synsets[0], replace(synsets[1], examples=synsets[0].examples)]
    assert make_questions(twice, 5) == []


def test_a_small_corpus_is_part_of_a_larger_one(synsets: list[Synset]) -> None:
    order = shuffled(synsets, seed=1)
    assert take(order, 3) == take(order, 8)[:3] and order != synsets
    assert order == shuffled(synsets, seed=1) != shuffled(synsets, seed=2)


def test_synsets_that_read_alike_are_taken_once(synsets: list[Synset]) -> None:
    assert len(shuffled([*synsets, replace(synsets[0], id="noun-99999999")], seed=1)) == len(synsets)


def test_more_documents_than_there_are_is_refused(synsets: list[Synset]) -> None:
    with pytest.raises(BenchmarkError, match="80,000 documents are asked for, WordNet gives 11"):
        take(synsets, 80_000)


def test_an_update_changes_the_share_asked_for(synsets: list[Synset]) -> None:
    before = [document(s) for s in synsets[:10]]
    after = amended(before, 0.3, seed=1)
    assert sum(a.prose != b.prose for a, b in zip(after, before, strict=True)) == 3
    assert [a.id for a in after] == [b.id for b in before]


def test_recall_counts_questions_whose_document_is_among_the_first_k() -> None:
    rankings = [["a", "b"], ["b", "a"], ["c"], []]
    assert recall_at(rankings, ["a"] * 4, 1) == 0.25
    assert recall_at(rankings, ["a"] * 4, 2) == 0.5


def test_agreement_is_the_share_of_the_reference_that_is_found() -> None:
    assert agreement([["a", "x"], ["c", "d"]], [["a", "b"], ["d", "c"]], 2) == 0.75


def test_latency_is_in_milliseconds() -> None:
    found = latency([0.001] * 90 + [0.101] * 10)
    assert found.p50 == 1.0 and found.p95 == 101.0


def test_exact_search_orders_by_cosine() -> None:
    vectors = np.eye(4, dtype=np.float32)
    query = np.array([0.1, 0.7, 0.5, 0.2], dtype=np.float32)
    assert [i for i, _ in ExactSearch("abcd", vectors).nearest(query, 3)] == ["b", "c", "d"]
    assert len(ExactSearch("abcd", vectors).nearest(query, 10)) == 4


def test_a_prepared_embedder_never_embeds(embedder: Embedder) -> None:
    meter = MeteredEmbedder(embedder)
    prepared = PreparedEmbedder(meter, {"fox": np.ones(3, dtype=np.float32)})
    assert prepared.encode(["fox", "fox"]).shape == (2, 3) and not meter.vectors
    with pytest.raises(KeyError):
        prepared.encode(["hen"])


def test_an_update_embeds_what_changed_and_nothing_else(
    synsets: list[Synset], embedder: Embedder, tmp_path: Path
) -> None:
    documents = [document(s) for s in synsets[:10]]
    built = build(tmp_path, documents, LoreConfig(), embedder, again=False)
    changes = [update(built, documents, share, LoreConfig(), embedder, seed=1) for share in (0.0, 0.1, 0.5)]
    assert [(c.changed, c.embedding.passages) for c in changes] == [(0, 0), (1, 1), (5, 5)]
    assert built.figures.embedding.passages == 10


def test_vectors_in_the_cache_are_used_unless_they_are_to_be_made_again(
    synsets: list[Synset], embedder: Embedder, tmp_path: Path
) -> None:
    documents = [document(s) for s in synsets[:3]]
    runs = [build(tmp_path, documents, LoreConfig(), embedder, again=again) for again in (False, False, True)]
    assert [run.embedded_earlier for run in runs] == [False, True, False]
    assert runs[1].figures.embedding == runs[0].figures.embedding


def test_an_index_of_vectors_from_the_cache_is_the_same(
    synsets: list[Synset], embedder: Embedder, tmp_path: Path
) -> None:
    documents = [document(s) for s in [*synsets[:3], replace(synsets[0], id="noun-99999999")]]
    first = build(tmp_path, documents, LoreConfig(), embedder, again=False)
    made = stored_vectors(open_index(first.folder))
    second = build(tmp_path, documents, LoreConfig(), embedder, again=False)
    kept = stored_vectors(open_index(second.folder))
    assert second.chunks == first.chunks and kept.keys() == made.keys()
    assert all(np.array_equal(kept[content], made[content]) for content in made)


def test_vectors_of_other_text_are_not_taken_from_the_cache(
    synsets: list[Synset], embedder: Embedder, tmp_path: Path
) -> None:
    documents = [document(s) for s in synsets[:3]]
    build(tmp_path, documents, LoreConfig(), embedder, again=False)
    assert not build(tmp_path, amended(documents, 0.4, seed=1), LoreConfig(), embedder, again=False).embedded_earlier


def test_every_search_is_measured_and_reported(
    synsets: list[Synset], embedder: Embedder, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    questions = make_questions(synsets, 5)
    figures = measure(
        synsets, 11, questions, cache=tmp_path, config=LoreConfig(), embedder=embedder, again=False, seed=1
    )
    by_name = {s.search: s for s in figures.searches}
    # The table is small, so the vector search is exact; each word occurs in one document alone.
    assert not figures.approximate and by_name[VECTOR].agreement == 1.0
    assert by_name[VECTOR].recall_at_5 == by_name[EXACT].recall_at_5
    assert by_name[FULL_TEXT].recall_at_1 == by_name[HYBRID].recall_at_1 == 1.0
    assert by_name[FULL_TEXT].total_ms is None and by_name[HYBRID].total_ms is not None
    assert all(s.search_ms.p95 >= s.search_ms.p50 > 0 for s in figures.searches)

    where = environment("tests")
    show(where, [figures])
    printed = capsys.readouterr().out
    assert all(f"{name} " in printed for name in (VECTOR, FULL_TEXT, HYBRID)), printed
    assert '"search":"hybrid"' in dumps(to_json(where, [figures]))


def test_a_target_that_is_missed_says_so(synsets: list[Synset], embedder: Embedder, tmp_path: Path) -> None:
    questions = make_questions(synsets, 2)
    figures = measure(
        synsets, 11, questions, cache=tmp_path, config=LoreConfig(), embedder=embedder, again=False, seed=1
    )
    slow = replace(figures, built=replace(figures.built, seconds=11.0))
    assert [t["met"] for name, t in targets(slow).items() if "build" in name] == [False]


def archive_of(folder: Path, file: Path) -> str:
    """Pack ``folder`` as npm does, and return the archive's SHA-256."""
    with tarfile.open(file, "w:gz") as archive:
        archive.add(folder, "package/dict")
    return hashlib.sha256(file.read_bytes()).hexdigest()


def release(archive: Path, sha256: str, tool: str = "cp") -> Release:
    return Release("a release", (tool, str(archive), "wordnet.tgz"), "*.tgz", sha256, ())


def test_the_data_files_are_taken_out_of_the_pinned_archive(wordnet: Path, tmp_path: Path) -> None:
    archive = tmp_path / "made.tgz"
    pinned = release(archive, archive_of(wordnet, archive))
    folder, name = fetch(tmp_path / "cache", (pinned,))
    assert [s.id for s in read_synsets(folder)] == ["noun-02086723"] and name == "a release"
    archive.unlink()
    assert fetch(tmp_path / "cache", (pinned,))[0] == folder


def test_another_archive_than_the_pinned_one_is_refused(wordnet: Path, tmp_path: Path) -> None:
    archive = tmp_path / "made.tgz"
    archive_of(wordnet, archive)
    with pytest.raises(BenchmarkError, match="not the pinned one"):
        fetch(tmp_path / "cache", (release(archive, "0" * 64),))
    assert not list((tmp_path / "cache").iterdir())


def test_the_next_release_is_tried_when_one_cannot_be_had(wordnet: Path, tmp_path: Path) -> None:
    archive = tmp_path / "made.tgz"
    sha256 = archive_of(wordnet, archive)
    missing = release(archive, "1" * 64, tool="no-such-package-tool")
    assert fetch(tmp_path / "cache", (missing, release(archive, sha256)))[0].is_dir()


def test_a_fetch_that_fails_names_every_reason_and_the_way_round(tmp_path: Path) -> None:
    missing = release(tmp_path / "x.tgz", "1" * 64, tool="no-such-package-tool")
    failing = release(tmp_path / "x.tgz", "2" * 64)
    with pytest.raises(BenchmarkError, match=r"no-such-package-tool(.|\n)*x\.tgz(.|\n)*--wordnet"):
        fetch(tmp_path / "cache", (missing, failing))


def test_an_archive_without_the_files_leaves_nothing_behind(wordnet: Path, tmp_path: Path) -> None:
    shutil.rmtree(wordnet)
    wordnet.mkdir()
    archive = tmp_path / "made.tgz"
    pinned = release(archive, archive_of(wordnet, archive))
    with pytest.raises(BenchmarkError, match=r"has no data\."):
        fetch(tmp_path / "cache", (pinned,))
    assert not list((tmp_path / "cache").iterdir())


def test_the_script_says_what_is_wrong_and_how_to_mend_it(tmp_path: Path) -> None:
    script = Path(__file__).parents[2] / "benchmarks" / "retrieval.py"
    command = [sys.executable, str(script), "--quick", "--wordnet", str(tmp_path), "--cache", str(tmp_path / "cache")]
    done = subprocess.run(command, capture_output=True, text=True)
    assert done.returncode == 1 and "Traceback" not in done.stderr
    assert "data.noun" in done.stderr and "mend" in done.stderr
