"""What lies about and is no artifact: it goes when nobody wrote into it for long enough, and not before."""

from __future__ import annotations

import os
import time
from pathlib import Path

import pytest

from srl_pipeline.config import RetentionConfig
from srl_pipeline.registry import ArtifactStore
from srl_pipeline.retention import Cleaning, clean, look
from srl_pipeline_tests.retention.garden import TYPE, Garden

WEEK = RetentionConfig(keep=1, keep_days=7)
DAY = 86_400


@pytest.fixture
def garden(tmp_path: Path) -> Garden:
    return Garden(ArtifactStore(tmp_path / "home" / "artifacts"))


def lay(folder: Path, days_old: float, name: str = "data") -> Path:
    """A folder with a file of a hundred bytes, written so long ago."""
    folder.mkdir(parents=True)
    (folder / name).write_bytes(b"x" * 100)
    for path in (folder / name, folder):
        age(path, days_old)
    return folder


def age(path: Path, days_old: float) -> None:
    written = time.time() - days_old * DAY
    os.utime(path, (written, written))


def told(cleaning: Cleaning) -> dict[str, int]:
    return {one.path: one.bytes for one in cleaning.leftovers}


@pytest.mark.parametrize("name", ["trash-abc", "fetch-abc"])
def test_folders_of_moves_go_after_a_day(garden: Garden, name: str) -> None:
    old, young = (lay(garden.store.root / "_work" / f"{name}{days}", days) for days in (1.5, 0.5))
    done = clean(garden.store, TYPE, WEEK)
    assert told(done) == {str(old): 100}
    assert not old.exists() and young.exists()


def test_what_a_dead_removal_left_goes_at_once(garden: Garden) -> None:
    left = lay(garden.store.root / "_work" / "removed-abc", 0)
    clean(garden.store, TYPE, WEEK)
    assert not left.exists()


def test_unfinished_work_stays_until_nobody_went_on_with_it_for_long(garden: Garden) -> None:
    work = garden.store.root / "_work" / "srl_checkpoint"
    old, young = lay(work / TYPE / "v1", 8), lay(work / TYPE / "v2", 6)
    resumed, other = lay(work / TYPE / "v3", 8), lay(work / "trees" / "v1", 8)
    (resumed / "checkpoint").write_text("saved just now")
    clean(garden.store, TYPE, WEEK)
    assert not old.exists() and young.exists() and resumed.exists() and other.exists()


def test_unfinished_work_of_the_last_day_stays_whatever_is_asked_for(garden: Garden) -> None:
    work = lay(garden.store.root / "_work" / "srl_checkpoint" / TYPE / "v1", 0.9)
    clean(garden.store, TYPE, RetentionConfig(keep=1, keep_days=0))
    assert work.exists()


def test_logs_go_with_their_artifacts(garden: Garden) -> None:
    garden.plant("srl_checkpoint", "v1")
    logs = garden.store.root / "_logs" / "srl_checkpoint" / TYPE
    lay(logs, 20, "v1.log")
    orphan = logs / "gone.log"
    orphan.write_text("long ago")
    age(orphan, 20)
    clean(garden.store, TYPE, WEEK)
    assert (logs / "v1.log").exists() and not orphan.exists()


def test_a_look_removes_none_of_it(garden: Garden) -> None:
    left = lay(garden.store.root / "_work" / "removed-abc", 0)
    assert told(look(garden.store, TYPE, WEEK)) == {str(left): 100} and left.exists()


def test_a_visible_folder_without_manifest_goes_when_it_is_old(garden: Garden) -> None:
    old = lay(garden.store.root / "srl_checkpoint" / TYPE / "half", 8)
    young = lay(garden.store.root / "srl_checkpoint" / TYPE / "other", 6)
    done = clean(garden.store, TYPE, WEEK)
    assert [(one.data_version, one.bytes, one.created_at) for one in done.removed] == [("half", 100, "")]
    assert not old.exists() and young.exists()
