"""Which checkpoints are asked, and which only look like another."""

from __future__ import annotations

from pathlib import Path

from srl_pipeline.evaluation.results import StageResult
from srl_pipeline.evaluation.run import Checkpoint, each_weights_once
from srl_pipeline.training.students.adapters import WEIGHTS


def checkpoint(folder: Path, name: str, weights: bytes) -> Checkpoint:
    (folder / name).mkdir()
    (folder / name / WEIGHTS).write_bytes(weights)
    return name, folder / name, f"version of {name}"


def asked(name: str, folder: Path | None, version: str) -> StageResult:
    return StageResult(stage=name, data_version=version, episodes=[], seconds=9.0, peak_memory_mb=1.0)


def test_every_checkpoint_with_weights_of_its_own_is_asked(tmp_path: Path) -> None:
    given = [("base", None, ""), checkpoint(tmp_path, "srl", b"one"), checkpoint(tmp_path, "rlvr", b"two")]
    assert [(r.stage, r.seconds) for r in each_weights_once(given, asked)] == [("base", 9), ("srl", 9), ("rlvr", 9)]


def test_a_checkpoint_that_changed_nothing_is_not_asked_again_and_keeps_its_own_name(tmp_path: Path) -> None:
    given = [("base", None, ""), checkpoint(tmp_path, "srl", b"one"), checkpoint(tmp_path, "rlvr", b"one")]
    rlvr = each_weights_once(given, asked)[2]
    assert (rlvr.stage, rlvr.data_version, rlvr.seconds) == ("rlvr", "version of rlvr", 0.0)
