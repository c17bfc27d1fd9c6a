"""What the suite found and what was mended: each by itself, without chance."""

from __future__ import annotations

import errno
import time
from pathlib import Path

import pytest

from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.registry.artifacts import MANIFEST, disk_errors
from srl_pipeline.teachers.calls.claims import Claims
from srl_pipeline_tests.registry.store_contract import NAMES, manifest


@pytest.fixture
def store(tmp_path: Path) -> ArtifactStore:
    return ArtifactStore(tmp_path / "artifacts")


def test_half_a_manifest_of_a_commit_that_died_is_no_file_of_the_artifact(store: ArtifactStore) -> None:
    work = store.work_folder(*NAMES)
    (work / "poem.txt").write_text("dusk")
    (work / f"{MANIFEST}.tmp").write_text('{"asset": "po')
    assert set(store.commit(work, manifest()).manifest.digests) == {"poem.txt"}
    store.require(*NAMES)


def test_a_disk_that_is_full_when_the_manifest_is_written_costs_no_checkpoint(
    store: ArtifactStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = store.work_folder(*NAMES)
    (work / "_checkpoint").write_text("step 7")

    def full(path: Path, text: str) -> None:
        with disk_errors(path):
            raise OSError(errno.ENOSPC, "No space left on device", str(path))

    with monkeypatch.context() as patch, pytest.raises(ArtifactError, match="finished work is kept"):
        patch.setattr("srl_pipeline.registry.artifacts.write_durably", full)
        store.commit(work, manifest())
    assert (work / "_checkpoint").read_text() == "step 7"


def test_a_disk_that_reports_an_error_is_told_of_with_a_remedy(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="The disk reports an error") as told, disk_errors(tmp_path):
        raise OSError(errno.EIO, "Input/output error")
    assert str(tmp_path) in str(told.value)


def test_a_full_disk_that_a_library_in_rust_tells_of_has_the_same_words(tmp_path: Path) -> None:
    with pytest.raises(ArtifactError, match="The disk is full"), disk_errors(tmp_path):
        raise RuntimeError("lance error: LanceError(IO): No space left on device (os error 28), structural.rs:191:9")


def test_another_error_of_a_library_passes_through(tmp_path: Path) -> None:
    with pytest.raises(RuntimeError, match="schema"), disk_errors(tmp_path):
        raise RuntimeError("lance error: the schema does not fit")


def test_claims_of_processes_that_died_go_with_the_next_start_and_those_that_are_held_stay(tmp_path: Path) -> None:
    (tmp_path / "claims").mkdir()
    (tmp_path / "claims" / "of the dead").touch()
    with Claims(tmp_path / "claims").claim("held", time.sleep):
        Claims(tmp_path / "claims")
        assert [p.name for p in (tmp_path / "claims").iterdir()] == ["held"]
    assert list((tmp_path / "claims").iterdir()) == []
