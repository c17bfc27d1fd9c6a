"""One contract for all artifact stores: a local folder, S3 as moto emulates it, and SeaweedFS, a real S3 server."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from itertools import count
from pathlib import Path

import pytest
from botocore.exceptions import ClientError

from srl_pipeline.contracts import Manifest
from srl_pipeline.errors import ArtifactError, GateError
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.registry.artifacts import MANIFEST
from srl_pipeline.registry.places import STORE, store_at
from srl_pipeline_tests.aws.moto_server import REGION, moto_server
from srl_pipeline_tests.aws.seaweedfs import seaweed_server
from srl_pipeline_tests.registry.store_contract import (
    FILES,
    NAMES,
    Place,
    commit,
    held,
    maker,
    manifest,
    same_everywhere,
)

__all__ = ["moto_server", "seaweed_server"]
S3 = (pytest.param("moto", marks=pytest.mark.chain), pytest.param("seaweedfs", marks=pytest.mark.chain))


def _empty(kind: str, request: pytest.FixtureRequest, folder: Path, patch: pytest.MonkeyPatch) -> Place:
    """A place with nothing in it, which the environment names."""
    patch.delenv(STORE, raising=False)
    patch.setenv("SRL_HOME", str(folder / "home"))
    if kind == "local":
        return Place(folder, "")
    request.getfixturevalue({"moto": "moto_server", "seaweedfs": "seaweed_server"}[kind])
    bucket = f"artifacts-{uuid.uuid4().hex[:12]}"
    found = Place(folder, f"s3://{bucket}/studio/models")
    region = {"CreateBucketConfiguration": {"LocationConstraint": REGION}} if kind == "moto" else {}
    found.bucket.client.create_bucket(Bucket=bucket, **region)
    found.bucket.client.put_bucket_versioning(Bucket=bucket, VersioningConfiguration={"Status": "Enabled"})
    patch.setenv(STORE, found.address)
    return found


@pytest.fixture(params=["local", *S3])
def place(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Each of the places."""
    return _empty(request.param, request, tmp_path, monkeypatch)


@pytest.fixture(params=["local", pytest.param("seaweedfs", marks=pytest.mark.chain)])
def real(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Each of the places that nothing emulates."""
    return _empty(request.param, request, tmp_path, monkeypatch)


@pytest.fixture(params=S3)
def remote(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Place:
    """Each of the places that are reached by requests."""
    return _empty(request.param, request, tmp_path, monkeypatch)


def objects(place: Place) -> list[str]:
    """All keys below the store's prefix."""
    return [key.removeprefix(place.prefix) for key in place.bucket.keys(place.prefix)]


def put(place: Place, key: str, data: bytes) -> None:
    place.bucket.client.put_object(Bucket=place.bucket.name, Key=f"{place.prefix}{key}", Body=data)


def delete(place: Place, key: str) -> None:
    place.bucket.client.delete_object(Bucket=place.bucket.name, Key=f"{place.prefix}{key}")


def test_an_artifact_comes_back_as_it_was_made(place: Place) -> None:
    made = commit(place.store("one"))
    found = place.store("two").require(*NAMES)
    assert held(found) == held(made) == FILES
    assert found.manifest == made.manifest
    assert found.manifest.metrics == {"lines": 3.0}


def test_a_process_finds_the_store_by_its_address(place: Place) -> None:
    commit(place.store())
    assert held(store_at(place.store().address).require(*NAMES)) == FILES


def test_what_is_found_has_its_files_where_its_path_says(place: Place) -> None:
    commit(place.store("one"))
    found = place.store("two").find(*NAMES)
    assert found is not None
    assert (found.path / "poem.txt").read_bytes() == b"dusk"


def test_an_artifact_with_a_large_file_comes_back(place: Place) -> None:
    weights = bytes(range(256)) * (20 * 4096)
    commit(place.store("one"), {"weights": weights})
    assert held(place.store("two").require(*NAMES)) == {"weights": weights}


def test_an_artifact_without_files_comes_back(place: Place) -> None:
    commit(place.store("one"), {})
    assert held(place.store("two").require(*NAMES)) == {}


def test_what_is_not_there_is_not_found_and_says_how_to_make_it(place: Place) -> None:
    assert place.store().find(*NAMES) is None
    assert place.store().versions("poems", "lanterns") == []
    with pytest.raises(ArtifactError, match="Materialize poems for lanterns"):
        place.store().require(*NAMES)


def test_an_artifact_in_the_making_is_not_visible(place: Place) -> None:
    (place.store().work_folder(*NAMES) / "poem.txt").write_text("half")
    assert place.store().find(*NAMES) is None


def test_a_work_folder_is_found_again_by_the_next_process(place: Place) -> None:
    (place.store().work_folder(*NAMES) / "_checkpoint").write_text("step 7")
    assert (place.opened_again().work_folder(*NAMES) / "_checkpoint").read_text() == "step 7"


def test_private_files_of_the_work_folder_are_left_out(place: Place) -> None:
    work = place.store("one").work_folder(*NAMES)
    (work / "_checkpoint").mkdir()
    (work / "_checkpoint" / "state").write_text("x")
    assert set(commit(place.store("one")).manifest.digests) == set(FILES)
    assert {p.name for p in place.store("two").require(*NAMES).path.iterdir()} == {
        "empty",
        "leer",
        "poem.txt",
        "sub",
        MANIFEST,
    }
    assert not work.exists()


def test_a_failed_gate_is_refused_with_its_name_and_message(place: Place) -> None:
    commit(place.store(), passed=False)
    assert place.store().find(*NAMES) is not None
    with pytest.raises(GateError, match="'scansion': it limps"):
        place.store().require(*NAMES)


def test_a_failed_artifact_is_replaced_also_where_it_was_copied_to(place: Place) -> None:
    commit(place.store("one"), {"poem.txt": b"bad", "old.txt": b"x"}, passed=False)
    failed = place.store("two").find(*NAMES)
    assert failed is not None
    assert (failed.path / "old.txt").read_bytes() == b"x"
    commit(place.store("one"), {"poem.txt": b"good"})
    assert held(place.store("two").require(*NAMES)) == {"poem.txt": b"good"}
    assert not (place.store("two").require(*NAMES).path / "old.txt").exists()


def test_a_good_artifact_is_never_replaced(place: Place) -> None:
    commit(place.store("one"), {"poem.txt": b"first"})
    assert held(commit(place.store("two"), {"poem.txt": b"second"})) == {"poem.txt": b"first"}
    assert held(place.store("one").require(*NAMES)) == {"poem.txt": b"first"}


def test_versions_are_listed_oldest_first(place: Place) -> None:
    for version, month in (("b", "01"), ("a", "02"), ("c", "02")):
        commit(place.store(), {"x": b"x"}, version=version, created=f"2026-{month}-01T00:00:00+00:00")
    assert [a.data_version for a in place.store("two").versions("poems", "lanterns")] == ["b", "a", "c"]


def test_files_that_are_gone_from_the_store_are_named(place: Place) -> None:
    made = commit(place.store())
    assert place.store("two").missing(made) == []
    if place.remote:
        delete(place, next(key for key in objects(place) if key.endswith("notes.txt")))
    else:
        (made.path / "sub" / "deeper" / "notes.txt").unlink()
    assert place.store("two").missing(made) == ["sub/deeper/notes.txt"]


def test_a_name_that_leads_out_of_the_store_is_refused(place: Place) -> None:
    store = place.store()
    for name in ("..", ".", "", "a/b", "/etc", "../../x", "a\0b"):
        for names in ((name, "lanterns", "v1"), ("poems", name, "v1"), ("poems", "lanterns", name)):
            for ask in (store.find, store.require, store.work_folder, store.folder, store.place):
                with pytest.raises(ArtifactError, match="cannot be part of an artifact's path"):
                    ask(*names)


def test_a_manifest_that_names_a_file_outside_is_refused(place: Place) -> None:
    commit(place.store())
    for name in ("../poem.txt", "/etc/poem.txt", "a/../../b", ".", "a//b", MANIFEST):
        overwrite_manifest(place, manifest().model_copy(update={"digests": {name: "0" * 16}}).model_dump_json())
        with pytest.raises(ArtifactError, match="outside of its artifact"):
            place.store("two").require(*NAMES)


def test_a_damaged_manifest_is_an_error_and_never_counts_as_absent(place: Place) -> None:
    commit(place.store())
    for text in ("", "{", "[]", "\x00"):
        overwrite_manifest(place, text)
        with pytest.raises(ArtifactError, match="manifest is not readable"):
            place.store().find(*NAMES)
        with pytest.raises(ArtifactError, match="manifest is not readable"):
            place.store().versions("poems", "lanterns")


def overwrite_manifest(place: Place, text: str) -> None:
    if place.remote:
        put(place, f"{'/'.join(NAMES)}/{MANIFEST}", text.encode())
    else:
        (place.store().folder(*NAMES) / MANIFEST).write_text(text)


@pytest.mark.parametrize("passed", [True, False])
def test_of_commits_at_the_same_time_by_threads_one_whole_artifact_is_left(place: Place, passed: bool) -> None:
    stores = [place.store(f"machine {number}") for number in range(4)]

    def make(number: int) -> dict[str, bytes]:
        work = stores[number].root / "made" / str(number)
        made = commit(stores[number], same_everywhere(str(number)), work=work, passed=passed)
        return held(made) if passed else {}  # what failed may be replaced at any moment

    with ThreadPoolExecutor(4) as pool:
        told = list(pool.map(make, range(4)))
    found = place.store("another").find(*NAMES)
    assert found is not None
    wholes = [same_everywhere(str(number)) for number in range(4)]
    assert held(found) in wholes
    if passed:
        assert told == [held(found)] * 4


def test_of_commits_at_the_same_time_by_processes_one_whole_artifact_is_left(real: Place) -> None:
    processes = [maker(number, real) for number in range(2)]
    end = time.monotonic() + 60
    while not all((real.folder / f"ready-{number}").exists() for number in range(2)) and time.monotonic() < end:
        time.sleep(0.01)
    (real.folder / "go").touch()
    for process in processes:
        _, said = process.communicate(timeout=60)
        assert process.returncode == 0, said.decode()
    assert held(real.store("another").require(*NAMES)) in [same_everywhere(str(number)) for number in range(2)]


# What follows is only of stores that are reached by requests.


class Killed(Exception):
    """Stands for the end of the process."""


def kill_at(store: ArtifactStore, number: int, when: str) -> Callable[[], int]:
    """Let the request of this number, and all after it, fail before it is sent, or after its answer came."""
    seen = count()
    last = [-1]

    def strike(**_: object) -> None:
        last[0] = next(seen)
        if last[0] >= number:
            raise Killed

    store.bucket.client.meta.events.register(f"{when}.s3", strike)  # type: ignore[attr-defined]
    return lambda: last[0]


@pytest.mark.parametrize("when", ["before-send", "after-call"])
def test_a_crash_at_any_request_of_a_commit_leaves_all_or_nothing_and_a_retry_completes(
    remote: Place, when: str
) -> None:
    crashes, files = 0, {"poem.txt": b"dusk", "sub/empty": b""}
    for number in count():
        version = f"v{number}"
        store = remote.opened_again("one")
        kill_at(store, number, when)
        try:
            commit(store, files, version=version)
        except Killed:
            crashes += 1
        else:
            break
        other = remote.store("two")
        found = other.find("poems", "lanterns", version)
        manifest_was_written = when == "after-call" and f"poems/lanterns/{version}/{MANIFEST}" in objects(remote)
        assert (found is not None) == manifest_was_written
        if found:
            assert held(other.require("poems", "lanterns", version)) == files
        commit(remote.store("one"), files, version=version)
        assert held(other.require("poems", "lanterns", version)) == files
    assert crashes >= len(files) + 2  # look for one, every file, the manifest


def test_checkpoints_are_kept_until_the_artifact_is_committed(remote: Place) -> None:
    store = remote.opened_again()
    work = store.work_folder(*NAMES)
    (work / "_checkpoint").write_text("step 7")
    kill_at(store, 3, "before-send")
    with pytest.raises(Killed):
        commit(store)
    assert (work / "_checkpoint").read_text() == "step 7"


def test_a_copy_that_was_altered_or_lost_a_file_is_fetched_again(remote: Place) -> None:
    commit(remote.store("one"))
    copy = remote.store("two").require(*NAMES).path
    (copy / "poem.txt").write_bytes(b"dawn")
    assert held(remote.store("two").require(*NAMES)) == FILES
    (copy / "sub" / "deeper" / "notes.txt").unlink()
    assert held(remote.store("two").require(*NAMES)) == FILES
    (copy / MANIFEST).write_text("{")
    assert held(remote.store("two").require(*NAMES)) == FILES


def test_a_sound_copy_is_not_fetched_again(remote: Place) -> None:
    commit(remote.store("one"))
    remote.store("two").require(*NAMES)
    store = remote.opened_again("two")
    asked = kill_at(store, 1, "before-send")  # the manifest, and nothing else
    assert held(store.require(*NAMES)) == FILES
    assert asked() == 0


def test_to_find_an_artifact_takes_one_request_and_no_file(remote: Place) -> None:
    commit(remote.store("one"))
    store = remote.opened_again("two")
    asked = kill_at(store, 1, "before-send")
    assert store.find(*NAMES) is not None
    assert asked() == 0
    assert not store.folder(*NAMES).exists()


def test_a_file_that_was_altered_in_the_bucket_is_refused_by_name(remote: Place) -> None:
    commit(remote.store("one"))
    key = next(key for key in objects(remote) if key.endswith("/poem.txt"))
    put(remote, key, b"dawn")
    with pytest.raises(ArtifactError, match=r"File poem\.txt is altered") as caught:
        remote.store("two").require(*NAMES)
    assert caught.value.where == f"{remote.address}/{key}"
    assert not remote.store("two").folder(*NAMES).exists()


def test_a_file_that_is_gone_from_the_bucket_is_refused_by_its_place(remote: Place) -> None:
    commit(remote.store("one"))
    key = next(key for key in objects(remote) if key.endswith("/poem.txt"))
    delete(remote, key)
    with pytest.raises(ArtifactError, match="object is not there") as caught:
        remote.store("two").require(*NAMES)
    assert caught.value.where == f"{remote.address}/{key}"


def test_copies_made_at_the_same_time_are_whole(remote: Place) -> None:
    commit(remote.store("one"))
    with ThreadPoolExecutor(4) as pool:
        found = list(pool.map(lambda _: held(remote.store("two").require(*NAMES)), range(4)))
    assert found == [FILES] * 4


def test_every_object_is_uploaded_with_its_sha256(remote: Place) -> None:
    commit(remote.store(), {"small": b"x", "large": bytes(20 << 20)})
    for key in objects(remote):
        head = remote.bucket.client.head_object(
            Bucket=remote.bucket.name, Key=f"{remote.prefix}{key}", ChecksumMode="ENABLED"
        )
        assert head.get("ChecksumSHA256"), key


@pytest.mark.parametrize("name", ["..", "."])
def test_a_listed_key_that_leads_out_of_the_store_is_refused(remote: Place, name: str) -> None:
    commit(remote.store())
    try:
        put(remote, f"poems/lanterns/{name}/{MANIFEST}", Manifest.model_dump_json(manifest()).encode())
    except ClientError:
        pytest.skip("this server keeps no such key")
    with pytest.raises(ArtifactError, match="cannot be part of an artifact's path"):
        remote.store("two").versions("poems", "lanterns")


def test_the_manifest_of_another_artifact_is_refused(remote: Place) -> None:
    commit(remote.store())
    overwrite_manifest(remote, manifest("v2").model_dump_json())
    with pytest.raises(ArtifactError, match="of another artifact"):
        remote.store("two").find(*NAMES)
