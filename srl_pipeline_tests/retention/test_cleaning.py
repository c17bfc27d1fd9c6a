"""Cleaning an installation: what is in use stays whole, whenever it ends, and whoever is at work beside it."""

from __future__ import annotations

import json
import shutil
import tempfile
import threading
from collections.abc import Callable
from contextlib import closing, suppress
from datetime import timedelta
from pathlib import Path

import pytest

from srl_pipeline.clock import now
from srl_pipeline.config import RetentionConfig
from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.generation.drawing.earlier import Earlier, find_earlier, gains, newest_measured
from srl_pipeline.generation.drawing.feedback import REMEMBERED
from srl_pipeline.launchers.lock import exclusive
from srl_pipeline.registry import ArtifactStore, Conflict, entry_of
from srl_pipeline.registry.artifacts import MANIFEST, Stored
from srl_pipeline.registry.places import open_decisions, open_history
from srl_pipeline.retention import clean, look
from srl_pipeline.retention.needs import GENERATIONS
from srl_pipeline_tests.retention.garden import EDGES, STRICT, TYPE, Garden


@pytest.fixture(scope="module")
def planted(tmp_path_factory: pytest.TempPathFactory) -> Garden:
    """Eight generations; the second model is current, the first is the one before it, the eighth awaits a decision."""
    made = Garden(ArtifactStore(tmp_path_factory.mktemp("planted") / "home" / "artifacts"))
    for number in range(1, 9):
        made.generation(number)
    made.name(current="regi2", previous="regi1", candidate="regi8")
    return made


@pytest.fixture
def garden(planted: Garden, tmp_path: Path) -> Garden:
    """Such a one for each test."""
    shutil.copytree(planted.store.home, tmp_path / "home")
    return Garden(ArtifactStore(tmp_path / "home" / "artifacts"), planted.days)


def chain(number: int, *without: str) -> set[tuple[str, str]]:
    return {(asset, f"{asset[:4]}{number}") for asset in EDGES if asset not in without}


def files(garden: Garden) -> set[Path]:
    """All files of the installation but locks."""
    return {p for p in garden.store.home.rglob("*") if p.is_file() and p.suffix != ".lock"}


def test_models_in_use_keep_all_that_they_rest_on(garden: Garden) -> None:
    garden.clean()
    there = garden.there()
    for number in (1, 2, 8):
        assert chain(number, "weaknesses") <= there


def test_what_nothing_needs_goes_with_its_files(garden: Garden) -> None:
    before = garden.there()
    done = garden.clean()
    gone = {
        ("registered_model", "regi3"),
        ("srl_checkpoint", "srl_3"),
        ("eval_report", "eval3"),
        ("weaknesses", "weak1"),
    }
    assert gone <= before - garden.there()
    assert before - garden.there() == {(one.asset, one.data_version) for one in done.removed}
    assert not garden.store.folder("registered_model", TYPE, "regi3").exists()
    assert list((garden.store.root / "_work").glob("removed-*")) == []
    assert all(one.bytes > 1000 for one in done.removed) and done.removed_bytes >= 1000 * len(done.removed)


def test_a_look_changes_nothing_and_tells_what_a_cleaning_does(garden: Garden) -> None:
    before = files(garden)
    seen = look(garden.store, TYPE, STRICT)
    assert files(garden) == before and seen.removed and not seen.deleted
    done = garden.clean()
    assert done.removed == seen.removed and done.deleted


def test_a_look_at_an_empty_installation_makes_no_file(tmp_path: Path) -> None:
    assert look(ArtifactStore(tmp_path / "home" / "artifacts"), TYPE, STRICT).kept == []
    assert not (tmp_path / "home").exists()


def test_a_second_cleaning_finds_nothing(garden: Garden) -> None:
    garden.clean()
    again = garden.clean()
    assert again.removed == [] and again.leftovers == []


def test_every_trajectory_stays_for_no_later_generation_may_repeat_it(garden: Garden) -> None:
    garden.plant("trajectories", "bad", {"rule_set": "rule3"}, generation=3, passed=False)
    garden.plant("trajectories", "worse", {"rule_set": "rule3"}, generation=3, passed=False)
    garden.clean()
    versions = {version for asset, version in garden.there() if asset == "trajectories"}
    assert versions == {*(f"traj{number}" for number in range(1, 9)), "worse"}  # the newest failure can be looked at


def steering(earlier: Earlier) -> list[object]:
    recent = earlier.generations[-REMEMBERED:]
    return [[g.trajectories for g in earlier.generations], recent, newest_measured(earlier), list(gains(earlier))[-4:]]


def test_the_next_generation_is_steered_as_if_nothing_had_been_removed(garden: Garden) -> None:
    assert GENERATIONS == REMEMBERED
    before = steering(find_earlier(garden.store, TYPE, 99))
    assert garden.clean().removed
    assert steering(find_earlier(garden.store, TYPE, 99)) == before


def test_so_it_is_where_the_newest_generations_were_not_trained(garden: Garden) -> None:
    for number in range(9, 15):
        sources = {"lore_index": "lore8", "rule_set": "rule8"}
        garden.plant("trajectories", f"traj{number}", sources, generation=number)
    before = steering(find_earlier(garden.store, TYPE, 99))
    assert garden.clean().removed
    assert steering(find_earlier(garden.store, TYPE, 99)) == before


def test_what_is_young_stays(garden: Garden) -> None:
    week = now() - timedelta(days=7)
    garden.plant("weaknesses", "weak_young", {"eval_report": "eval3"}, created=week)
    garden.plant("weaknesses", "weak_newest", {"eval_report": "eval8"}, created=now())
    garden.clean(RetentionConfig(keep=1, keep_days=8))
    assert {("weaknesses", "weak_young"), ("eval_report", "eval3"), ("srl_checkpoint", "srl_3")} <= garden.there()
    garden.clean(RetentionConfig(keep=1, keep_days=6))
    assert ("weaknesses", "weak_young") not in garden.there()


def test_what_was_paid_for_stays(garden: Garden) -> None:
    garden.plant("tuning_dataset", "data3", {"verified_rewards": "veri3", "trajectories": "traj3"})
    garden.plant("tuning_dataset", "data4", {"verified_rewards": "veri4", "trajectories": "traj4"})
    garden.plant("trajectories", "dear", {"rule_set": "rule3"}, generation=3, passed=False, cost=2.5)
    garden.plant("trajectories", "cheap", {"rule_set": "rule3"}, generation=3, passed=False)
    garden.clean()
    kept = {("tuning_dataset", "data3"), ("verified_rewards", "veri3"), ("trajectories", "dear")}
    assert kept <= garden.there()


def test_an_old_version_that_a_run_found_again_stays(garden: Garden) -> None:
    found = garden.store.require("srl_checkpoint", TYPE, "srl_3").manifest
    with closing(open_history(garden.store.home)) as history:
        history.append(entry_of(found))
    garden.clean()
    assert {("srl_checkpoint", "srl_3"), ("verified_rewards", "veri3")} <= garden.there()


def test_a_run_that_finds_an_old_version_while_it_is_cleaned_waits_and_makes_no_half_thing(garden: Garden) -> None:
    lock = garden.store.root / "_locks" / f"srl_checkpoint-{TYPE}.lock"
    waited, found = threading.Event(), list[bool]()

    def make() -> None:
        with exclusive(lock, waited.set):
            found.append(garden.store.find("srl_checkpoint", TYPE, "srl_3") is not None)

    maker = threading.Thread(target=make)

    def begin() -> str:  # the locks are held, and nothing was looked at yet
        maker.start()
        assert waited.wait(10)
        return ""

    clean(garden.store, TYPE, STRICT, begin)
    maker.join(10)
    assert found == [False]  # it builds anew, from inputs that it asks for itself


def test_nothing_is_removed_while_something_is_being_made(garden: Garden) -> None:
    before = garden.there()
    lock = garden.store.root / "_locks" / f"rlvr_checkpoint-{TYPE}.lock"
    with exclusive(lock, lambda: None), pytest.raises(PipelineError, match="rlvr_checkpoint of lanterns is being made"):
        garden.clean()
    assert garden.there() == before


def test_nothing_is_removed_while_a_run_is_under_way_elsewhere(garden: Garden) -> None:
    before = garden.there()
    with pytest.raises(PipelineError, match="run 7 is under way: nothing of lanterns was removed"):
        clean(garden.store, TYPE, STRICT, lambda: "run 7 is under way")
    assert garden.there() == before


def test_two_do_not_clean_at_once(garden: Garden) -> None:
    lock = garden.store.root / "_locks" / "cleaning.lock"
    with exclusive(lock, lambda: None), pytest.raises(PipelineError, match="Another process is cleaning"):
        garden.clean()


def test_an_unreadable_manifest_stops_the_cleaning_of_its_type_and_is_named(garden: Garden) -> None:
    broken = garden.store.folder("eval_report", TYPE, "eval3") / MANIFEST
    text = broken.read_text()
    broken.write_text(text[:40])
    with pytest.raises(ArtifactError) as error:
        garden.clean()
    assert error.value.where == str(broken)
    broken.write_text(text)
    assert len(garden.there()) == 8 * len(EDGES)


def test_a_manifest_of_another_artifact_stops_it_too(garden: Garden) -> None:
    broken = garden.store.folder("eval_report", TYPE, "eval3") / MANIFEST
    broken.write_text(json.dumps(json.loads(broken.read_text()) | {"data_version": "eval1"}))
    with pytest.raises(ArtifactError, match="of another artifact"):
        garden.clean()


def test_a_lineage_with_a_hole_stops_it_too(garden: Garden) -> None:
    garden.store.remove("srl_checkpoint", TYPE, "srl_3")
    before = files(garden)
    with pytest.raises(ArtifactError, match="rests on srl_checkpoint srl_3, which is not there"):
        garden.clean()
    assert files(garden) == before


@pytest.mark.parametrize("alias", ["current", "previous", "candidate"])
def test_an_alias_of_a_model_that_is_lost_stops_it_too(garden: Garden, alias: str) -> None:
    garden.name(**{alias: "lost"})
    before = files(garden)
    with pytest.raises(ArtifactError, match=f"The {alias} model of lanterns, lost, is not there"):
        garden.clean()
    assert files(garden) == before


def test_what_is_removed_is_written_down(garden: Garden) -> None:
    done = garden.clean()
    with closing(open_decisions(garden.store.home)) as decisions:
        (told,) = decisions.decisions(TYPE, kind="retention")
    assert told.evidence["removed"] == [f"{one.asset} {one.data_version}" for one in done.removed]
    assert told.verdict == "change" and "older than 0 days" in told.reasons[0]


class Moving(ArtifactStore):
    """Test-only: somebody promotes another model while sizes are read."""

    promote: Callable[[], None]

    def stored(self, asset: str, model_type: str, data_version: str) -> Stored:
        self.promote()
        return super().stored(asset, model_type, data_version)


def test_nothing_is_removed_where_somebody_promotes_meanwhile(garden: Garden) -> None:
    store, before = Moving(garden.store.root), garden.there()
    store.promote = lambda: garden.name(current="regi3")
    with pytest.raises(Conflict):
        clean(store, TYPE, STRICT)
    assert garden.there() == before


class Dying(ArtifactStore):
    """Test-only: its process dies at a removal; at its end, before it, or with the folder moved but not deleted."""

    left: int
    how: str

    def remove(self, asset: str, model_type: str, data_version: str) -> None:
        self.left -= 1
        if self.left < 0:
            if self.how == "moved":
                bin_folder = tempfile.mkdtemp(dir=self.root / "_work", prefix="removed-")
                self.folder(asset, model_type, data_version).replace(Path(bin_folder) / data_version)
            raise KeyboardInterrupt
        super().remove(asset, model_type, data_version)


@pytest.mark.parametrize("how", [pytest.param("before", marks=pytest.mark.chain), "moved"])
def test_it_may_die_at_each_removal_and_the_next_cleaning_goes_on(garden: Garden, how: str) -> None:
    planned = look(garden.store, TYPE, STRICT).removed
    end = garden.there() - {(one.asset, one.data_version) for one in planned}
    store = Dying(garden.store.root)
    for number in range(len(planned), 0, -1):
        assert len(look(garden.store, TYPE, STRICT).removed) == number
        store.left, store.how = int(how == "before"), how
        with suppress(KeyboardInterrupt):
            clean(store, TYPE, STRICT)
        assert end <= garden.there()  # reads everything: whole, and nothing rests on what is gone
    assert len(planned) > 10 and garden.there() == end
    garden.clean()
    assert list((garden.store.root / "_work").glob("removed-*")) == []
