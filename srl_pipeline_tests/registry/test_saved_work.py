"""Work folders in a bucket: another machine goes on from the last whole save, and never from half of one."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest

from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.registry.s3_bucket import Bucket
from srl_pipeline_tests.aws.moto_server import moto_server
from srl_pipeline_tests.aws.seaweedfs import seaweed_server
from srl_pipeline_tests.registry.store_contract import FILES, NAMES, Place, commit, held
from srl_pipeline_tests.registry.test_store_contract import delete, objects, place, put, remote

__all__ = ["moto_server", "place", "remote", "seaweed_server"]
pytestmark = pytest.mark.chain
PLACE = "_saved/poems/lanterns/v1/"
CHECKPOINT = {"_checkpoints/checkpoint-5/state.json": "step 5", "metrics.jsonl": "one\n", "twin.jsonl": "one\n"}


def write(work: Path, files: dict[str, str]) -> None:
    for name, text in files.items():
        (work / name).parent.mkdir(parents=True, exist_ok=True)
        (work / name).write_text(text)


def read(work: Path) -> dict[str, str]:
    """All files of a work folder but the store's own mark."""
    files = sorted(p for p in work.rglob("*") if p.is_file() and p.name != "_saved.json")
    return {p.relative_to(work).as_posix(): p.read_text() for p in files}


def saved(store: ArtifactStore, files: dict[str, str]) -> Path:
    work = store.work_folder(*NAMES)
    write(work, files)
    store.save_work(*NAMES)
    return work


def test_what_one_machine_saved_another_goes_on_from(remote: Place) -> None:
    saved(remote.store("one"), CHECKPOINT)
    assert read(remote.store("two").work_folder(*NAMES)) == CHECKPOINT


def test_a_folder_on_a_shared_disk_is_its_own_save(tmp_path: Path) -> None:
    store = ArtifactStore(tmp_path)
    work = saved(store, CHECKPOINT)
    assert {p.name for p in work.iterdir()} == {"_checkpoints", "metrics.jsonl", "twin.jsonl"}
    assert read(store.work_folder(*NAMES)) == CHECKPOINT


def test_a_machine_keeps_what_it_did_since_its_own_save(remote: Place) -> None:
    work = saved(remote.store("one"), CHECKPOINT)
    write(work, {"metrics.jsonl": "one\ntwo\n"})
    assert read(remote.opened_again("one").work_folder(*NAMES)) == CHECKPOINT | {"metrics.jsonl": "one\ntwo\n"}


def test_a_machine_that_was_overtaken_goes_on_from_the_other_ones_save(remote: Place) -> None:
    saved(remote.store("one"), CHECKPOINT)
    later = {"_checkpoints/checkpoint-9/state.json": "step 9", "metrics.jsonl": "one\ntwo\n"}
    shutil.rmtree(remote.store("two").work_folder(*NAMES) / "_checkpoints")
    (remote.store("two").work_folder(*NAMES) / "twin.jsonl").unlink()
    saved(remote.store("two"), later)
    assert read(remote.store("one").work_folder(*NAMES)) == later


def test_a_save_that_was_cut_off_before_its_index_leaves_the_one_before(
    remote: Place, monkeypatch: pytest.MonkeyPatch
) -> None:
    work = saved(remote.store("one"), CHECKPOINT)
    write(work, {"_checkpoints/checkpoint-9/state.json": "step 9"})

    def cut(self: Bucket, key: str, data: bytes) -> None:
        raise ArtifactError("The machine is gone.", where=key, mend="")

    with monkeypatch.context() as patch:
        patch.setattr(Bucket, "put", cut)
        with pytest.raises(ArtifactError, match="gone"):
            remote.store("one").save_work(*NAMES)
    assert len([o for o in objects(remote) if "/files/" in o]) == 3
    assert read(remote.store("two").work_folder(*NAMES)) == CHECKPOINT


def test_only_what_changed_is_uploaded(remote: Place) -> None:
    work = saved(remote.store("one"), CHECKPOINT)
    kept = [o for o in objects(remote) if "/files/" in o]
    delete(remote, kept[0])  # were it written again, it would be back
    write(work, {"metrics.jsonl": "one\ntwo\n"})
    remote.store("one").save_work(*NAMES)
    assert kept[0] not in objects(remote)


def test_folders_of_other_processes_are_not_saved(remote: Place) -> None:
    saved(remote.store("one"), CHECKPOINT | {"_peer_1/state": "mine"})
    assert read(remote.store("two").work_folder(*NAMES)) == CHECKPOINT


def test_what_became_an_artifact_is_not_gone_on_from(remote: Place) -> None:
    saved(remote.store("one"), CHECKPOINT)
    made = commit(remote.store("one"), passed=False)
    assert set(made.manifest.digests) == {*FILES, "metrics.jsonl", "twin.jsonl"}
    assert read(remote.store("two").work_folder(*NAMES)) == {}
    assert json.loads(remote.bucket.read(f"{remote.prefix}{PLACE}index.json").data)["files"] == {}  # type: ignore[union-attr]


def test_a_commit_of_work_that_was_never_saved_writes_no_index(remote: Place) -> None:
    assert set(held(commit(remote.store("one")))) == set(FILES)
    assert not [o for o in objects(remote) if o.startswith("_saved")]


def test_a_saved_file_that_was_altered_is_refused(remote: Place) -> None:
    saved(remote.store("one"), CHECKPOINT)
    for key in [o for o in objects(remote) if "/files/" in o]:
        put(remote, key, b"other")
    with pytest.raises(ArtifactError, match=r"is altered[\s\S]*_saved/poems/lanterns/v1/index.json"):
        remote.store("two").work_folder(*NAMES)
    assert not (remote.store("two").root / "_work/poems/lanterns/v1/metrics.jsonl").exists()


def test_a_save_whose_files_have_expired_is_told_and_the_work_begins_anew(
    remote: Place, caplog: pytest.LogCaptureFixture
) -> None:
    saved(remote.store("one"), CHECKPOINT)
    delete(remote, next(o for o in objects(remote) if "/files/" in o))
    assert read(remote.store("two").work_folder(*NAMES)) == {}
    assert "their time was over" in caplog.text


@pytest.mark.parametrize("name", ["../outside", "/etc/passwd", "a/../../b", "_saved.json", "."])
def test_an_index_that_leads_out_of_the_folder_is_refused(remote: Place, name: str) -> None:
    put(remote, f"{PLACE}index.json", json.dumps({"save": "x", "files": {name: "0" * 16}}).encode())
    with pytest.raises(ArtifactError, match="outside of its folder"):
        remote.store("two").work_folder(*NAMES)


def test_an_index_that_cannot_be_read_is_told_with_its_place(remote: Place) -> None:
    put(remote, f"{PLACE}index.json", b"{")
    with pytest.raises(ArtifactError, match=r"not readable[\s\S]*index.json"):
        remote.store("two").work_folder(*NAMES)
