"""Which checkpoints are asked, and which only look like another."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from srl_pipeline.errors import ArtifactError
from srl_pipeline.evaluation.results import StageResult
from srl_pipeline.stages.evaluate import Checkpoint, _steps, each_weights_once
from srl_pipeline.training.step_records import samples_name, samples_text
from srl_pipeline.training.students.adapters import WEIGHTS
from srl_pipeline_tests.evaluation.step_builders import prompt, samples


def checkpoint(folder: Path, name: str, weights: bytes) -> Checkpoint:
    (folder / name).mkdir()
    (folder / name / WEIGHTS).write_bytes(weights)
    return name, folder / name, f"version of {name}"


def asked(name: str, folder: Path | None, version: str, *, timed: bool) -> StageResult:
    latencies = [0.5] if timed else []
    return StageResult(
        stage=name, data_version=version, episodes=[], seconds=9.0, peak_memory_mb=1.0, latencies=latencies
    )


def test_every_checkpoint_with_weights_of_its_own_is_asked(tmp_path: Path) -> None:
    given = [("base", None, ""), checkpoint(tmp_path, "srl", b"one"), checkpoint(tmp_path, "rlvr", b"two")]
    assert [(r.stage, r.seconds) for r in each_weights_once(given, asked)] == [("base", 9), ("srl", 9), ("rlvr", 9)]


def test_a_checkpoint_that_changed_nothing_is_not_asked_again_and_keeps_its_own_name(tmp_path: Path) -> None:
    given = [("base", None, ""), checkpoint(tmp_path, "srl", b"one"), checkpoint(tmp_path, "rlvr", b"one")]
    rlvr = each_weights_once(given, asked)[2]
    assert (rlvr.stage, rlvr.data_version, rlvr.seconds) == ("rlvr", "version of rlvr", 0.0)


def test_only_the_last_checkpoint_is_timed(tmp_path: Path) -> None:
    given = [("base", None, ""), checkpoint(tmp_path, "srl", b"one"), checkpoint(tmp_path, "rlvr", b"two")]
    assert [r.latencies for r in each_weights_once(given, asked)] == [[], [], [0.5]]


def test_the_last_checkpoint_is_timed_also_where_its_weights_were_asked_under_another_name(tmp_path: Path) -> None:
    given = [("base", None, ""), checkpoint(tmp_path, "srl", b"one"), checkpoint(tmp_path, "rlvr", b"one")]
    assert each_weights_once(given, asked)[2].latencies == [0.5]


class Inputs:
    """A workspace with two checkpoints whose stages took so many step samples. Named double."""

    def __init__(self, folder: Path, **taken: int | None) -> None:
        self.folder, self.taken = folder, taken
        for stage, count in taken.items():
            (folder / f"{stage}_checkpoint").mkdir()
            if count:
                text = samples_text(samples(stage, *(prompt(i) for i in range(count))))
                (folder / f"{stage}_checkpoint" / samples_name(stage)).write_text(text)

    def input(self, asset: str) -> Any:
        stage = asset.removesuffix("_checkpoint")
        count = self.taken[stage]
        config = {stage: {} if count is None else {"step_samples": count}}
        return SimpleNamespace(path=self.folder / asset, manifest=SimpleNamespace(config=config))


@pytest.mark.parametrize(
    ("srl", "rlvr", "stages"),
    [(2, 1, ["srl", "rlvr"]), (2, 0, ["srl"]), (0, 1, ["rlvr"]), (0, 0, []), (None, None, [])],
)
def test_the_report_has_the_samples_of_the_stages_that_took_some(
    tmp_path: Path, srl: int | None, rlvr: int | None, stages: list[str]
) -> None:
    workspace: Any = Inputs(tmp_path, srl=srl, rlvr=rlvr)
    assert [s.stage for s in _steps(workspace)] == stages


def test_samples_that_a_stage_should_have_left_are_demanded(tmp_path: Path) -> None:
    workspace: Any = Inputs(tmp_path, srl=1, rlvr=1)
    (tmp_path / "rlvr_checkpoint" / "steps_rlvr.json").unlink()
    with pytest.raises(ArtifactError, match="samples of rlvr are missing"):
        _steps(workspace)
