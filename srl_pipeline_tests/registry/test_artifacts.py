"""The artifact store: what is visible is complete, and what may be used is unaltered and passed its gates."""

from __future__ import annotations

import errno
import os
from pathlib import Path

import pytest

from srl_pipeline.errors import ArtifactError, GateError
from srl_pipeline.registry import ArtifactStore, StoredArtifact
from srl_pipeline.registry.artifacts import MANIFEST, write_durably
from srl_pipeline_tests.registry.store_contract import manifest

NAMES = ("poems", "lanterns", "v1")


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def commit(store: ArtifactStore, text: str = "dusk", **given: object) -> StoredArtifact:
    what = manifest(**given)  # type: ignore[arg-type]
    work = store.work_folder("poems", "lanterns", what.data_version)
    (work / "sub").mkdir(exist_ok=True)
    (work / "sub" / "poem.txt").write_text(text)
    return store.commit(work, what)


def test_a_committed_artifact_can_be_used(store: ArtifactStore) -> None:
    made = commit(store)
    assert store.require(*NAMES) == made
    assert (made.path / "sub" / "poem.txt").read_text() == "dusk"


def test_an_artifact_in_the_making_is_not_visible(store: ArtifactStore) -> None:
    (store.work_folder(*NAMES) / "poem.txt").write_text("half")
    assert store.find(*NAMES) is None
    assert store.versions("poems", "lanterns") == []


def test_an_artifact_that_is_not_there_says_how_to_make_it(store: ArtifactStore) -> None:
    with pytest.raises(ArtifactError, match="Materialize poems for lanterns"):
        store.require(*NAMES)


def test_a_kill_between_the_manifest_and_the_rename_leaves_nothing_visible(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(source: Path, target: Path) -> None:
        if target == store.folder(*NAMES):
            raise KeyboardInterrupt
        source.rename(target)

    with monkeypatch.context() as patch:
        patch.setattr(Path, "replace", killed)
        with pytest.raises(KeyboardInterrupt):
            commit(store)
    assert store.find(*NAMES) is None
    assert commit(store, "dawn").path.is_dir()


def test_a_kill_before_the_manifest_is_complete_leaves_nothing_visible(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def killed(handle: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            commit(store)
    assert store.find(*NAMES) is None
    assert not (store.work_folder(*NAMES) / MANIFEST).exists()


def test_a_folder_without_a_manifest_is_no_artifact_and_does_not_stand_in_the_way(store: ArtifactStore) -> None:
    left = store.folder(*NAMES) / "half.txt"
    left.parent.mkdir(parents=True)
    left.write_text("what a crash left")
    assert store.find(*NAMES) is None
    made = commit(store)
    assert store.require(*NAMES) == made
    assert not left.exists()


@pytest.mark.parametrize("change", ["other", ""])
def test_an_altered_file_is_refused_by_name(store: ArtifactStore, change: str) -> None:
    file = commit(store).path / "sub" / "poem.txt"
    file.write_text(change)
    with pytest.raises(ArtifactError, match=r"File sub/poem\.txt is altered") as caught:
        store.require(*NAMES)
    assert caught.value.where == str(file)


def test_a_missing_file_is_refused_by_name(store: ArtifactStore) -> None:
    (commit(store).path / "sub" / "poem.txt").unlink()
    with pytest.raises(ArtifactError, match=r"File sub/poem\.txt is missing"):
        store.require(*NAMES)


@pytest.mark.parametrize("text", ["", "{", "{}", "[]", "\x00"])
def test_a_damaged_manifest_is_an_error_and_never_counts_as_absent(store: ArtifactStore, text: str) -> None:
    (commit(store).path / MANIFEST).write_text(text)
    with pytest.raises(ArtifactError, match="manifest is not readable"):
        store.find(*NAMES)


def test_a_failed_gate_is_refused_with_its_name_and_message(store: ArtifactStore) -> None:
    commit(store, passed=False)
    with pytest.raises(GateError, match="'scansion': it limps"):
        store.require(*NAMES)


def test_a_failed_artifact_is_replaced_by_the_next_commit(store: ArtifactStore) -> None:
    commit(store, "bad", passed=False)
    commit(store, "good")
    assert (store.require(*NAMES).path / "sub" / "poem.txt").read_text() == "good"


def test_a_good_artifact_is_never_replaced(store: ArtifactStore) -> None:
    commit(store, "first")
    assert (commit(store, "second").path / "sub" / "poem.txt").read_text() == "first"


def test_private_files_of_the_work_folder_are_left_out(store: ArtifactStore) -> None:
    work = store.work_folder(*NAMES)
    (work / "_checkpoint").mkdir()
    (work / "_checkpoint" / "state").write_text("x")
    (work / "_note").write_text("x")
    assert {p.name for p in commit(store).path.iterdir()} == {"sub", MANIFEST}


def test_versions_are_listed_oldest_first(store: ArtifactStore) -> None:
    commit(store, version="b", created="2026-01-01T00:00:00+00:00")
    commit(store, version="a", created="2026-02-01T00:00:00+00:00")
    assert [a.data_version for a in store.versions("poems", "lanterns")] == ["b", "a"]


@pytest.mark.parametrize("name", ["..", ".", "", "a/b", "/etc", "../../x"])
def test_a_name_that_leads_out_of_the_store_is_refused(store: ArtifactStore, name: str) -> None:
    with pytest.raises(ArtifactError, match="cannot be part of an artifact's path"):
        store.find("poems", name, "v1")


@pytest.mark.parametrize(
    ("code", "words"),
    [(errno.ENOSPC, "disk is full"), (errno.EROFS, "read-only"), (errno.EACCES, "denied"), (errno.EDQUOT, "quota")],
)
def test_a_write_that_the_disk_refuses_at_the_edge_is_an_artifact_error(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch, code: int, words: str
) -> None:
    def refused(handle: int) -> None:
        raise OSError(code, os.strerror(code))

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", refused)
        with pytest.raises(ArtifactError, match=words):
            commit(store)
    assert store.find(*NAMES) is None


def test_a_durable_write_replaces_the_old_text_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    file = tmp_path / "note.json"
    write_durably(file, "old")

    def killed(handle: int) -> None:
        raise KeyboardInterrupt

    with monkeypatch.context() as patch:
        patch.setattr(os, "fsync", killed)
        with pytest.raises(KeyboardInterrupt):
            write_durably(file, "new")
    assert file.read_text() == "old"
    write_durably(file, "new")
    assert file.read_text() == "new"
