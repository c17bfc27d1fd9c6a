"""Removing from every store, and a whole cleaning of a bucket: as on one machine, with another machine beside it."""

from __future__ import annotations

import time

import pytest

from srl_pipeline.errors import ArtifactError
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.retention import clean, look
from srl_pipeline_tests.aws.moto_server import moto_server
from srl_pipeline_tests.aws.seaweedfs import seaweed_server
from srl_pipeline_tests.registry.store_contract import FILES, NAMES, Place, commit, held
from srl_pipeline_tests.registry.test_store_contract import objects, place, remote
from srl_pipeline_tests.retention.garden import STRICT, TYPE, Garden

__all__ = ["moto_server", "place", "remote", "seaweed_server"]


def test_what_is_removed_is_gone_on_every_machine(place: Place) -> None:
    commit(place.store("one"))
    held(place.store("two").require(*NAMES))  # a copy is there now
    place.store("one").remove(*NAMES)
    assert place.store("two").find(*NAMES) is None
    assert place.store("two").versions(*NAMES[:2]) == []
    assert place.store("one").stored(*NAMES).size == 0
    assert not place.store("one").folder(*NAMES).exists()
    with pytest.raises(ArtifactError, match="does not exist"):
        place.store("two").require(*NAMES)


def test_removing_what_is_not_there_is_no_error(place: Place) -> None:
    place.store().remove(*NAMES)
    assert place.store().names(*NAMES[:2]) == []


def test_what_was_removed_can_be_made_again(place: Place) -> None:
    commit(place.store("one"))
    place.store("one").remove(*NAMES)
    commit(place.store("two"))
    assert held(place.store("one").require(*NAMES)) == FILES


def test_a_store_tells_what_it_has_and_how_large_it_is(place: Place) -> None:
    assert place.store().shelves() == []
    before = time.time()
    commit(place.store("one"))
    commit(place.store("one"), version="v2", passed=False)
    store = place.store("two")
    assert store.shelves() == [("poems", "lanterns")]
    assert store.names("poems", "lanterns") == ["v1", "v2"]
    stored = store.stored(*NAMES)
    assert sum(len(data) for data in FILES.values()) < stored.size < 5000
    assert before - 5 <= stored.changed <= time.time() + 5


@pytest.mark.chain
def test_a_removal_that_dies_after_the_manifest_leaves_nothing_visible(remote: Place) -> None:
    commit(remote.store("one"))
    remote.bucket.delete([remote.prefix + "/".join((*NAMES, "manifest.json"))])
    store = remote.opened_again("two")
    assert store.find(*NAMES) is None and store.names(*NAMES[:2]) == ["v1"]
    store.remove(*NAMES)
    assert objects(remote) == []


@pytest.mark.chain
def test_a_commit_of_another_machine_in_the_middle_of_a_removal_is_never_half(remote: Place) -> None:
    store = remote.store("one")
    commit(store)
    whole, bucket = store.bucket.delete, store.bucket  # type: ignore[attr-defined]

    def delete(keys: list[str]) -> None:
        whole(keys)
        if keys[0].endswith("manifest.json") and not committed:
            committed.append(commit(remote.store("two")))  # it counts on files that go next

    committed: list[object] = []
    bucket.delete = delete
    store.remove(*NAMES)
    assert committed and remote.opened_again("three").find(*NAMES) is None
    commit(remote.opened_again("three"))
    assert held(remote.opened_again("four").require(*NAMES)) == FILES


@pytest.mark.chain
def test_a_bucket_is_cleaned_as_a_folder_is(remote: Place) -> None:
    garden = Garden(remote.store("one"))
    for number in (1, 2, 3, 4, 5, 6):
        garden.generation(number)
    garden.name(current="regi2", previous="regi1")
    other: ArtifactStore = remote.store("two")
    other.require("weaknesses", TYPE, "weak1")
    seen = look(garden.store, TYPE, STRICT)
    done = clean(garden.store, TYPE, STRICT)
    assert done.removed == seen.removed and ("weaknesses", "weak1") in {(r.asset, r.data_version) for r in done.removed}
    there = garden.there()
    assert {("registered_model", "regi1"), ("registered_model", "regi2"), ("srl_checkpoint", "srl_1")} <= there
    assert ("registered_model", "regi3") not in there
    assert all(any(key.startswith(f"{a}/{TYPE}/{v}/") for a, v in there) for key in objects(remote) if key[0] != "_")
    assert clean(garden.store, TYPE, STRICT).removed == []
