"""Which parts are made, which are found, and what an interruption costs."""

from __future__ import annotations

import json
import time
from pathlib import Path
from threading import Thread

import pytest

from srl_pipeline.ablation.plan import Place
from srl_pipeline.ablation.run import run_ablation
from srl_pipeline.errors import ArtifactError, PipelineError
from srl_pipeline.launchers.lock import exclusive

from .cases import PLAN, FakeLaboratory, ablation

ALL = ["base", "warmup", "sft", "rlvr", "holistic", "srl", "srl_rlvr"]


def test_every_arm_has_a_cell_in_every_regime_and_seed(tmp_path: Path) -> None:
    measured = run_ablation(ablation(tmp_path, FakeLaboratory(), seeds=2))
    cells = [(c.seed, c.regime, c.arm) for c in measured.cells]
    assert cells == [(seed, regime, arm) for seed in (1, 2) for regime in ("hard", "easy") for arm in ALL]
    assert measured.skipped == [] and len(measured.starts) == len(measured.calibrations) == 2


def test_trained_arms_begin_with_the_warm_up_and_see_only_their_regime(tmp_path: Path) -> None:
    laboratory = FakeLaboratory()
    run_ablation(ablation(tmp_path, laboratory, regimes=["easy"]))
    assert set(laboratory.starts.values()) == {tmp_path / "starts" / "seed-1" / "warmup"}
    assert all(scenarios == ["s2", "s3"] for scenarios in laboratory.trained_on.values())


def test_the_base_model_is_tried_untouched_and_the_start_again(tmp_path: Path) -> None:
    laboratory = FakeLaboratory()
    run_ablation(ablation(tmp_path, laboratory, regimes=["hard"], arms=["sft"]))
    assert laboratory.asked[-4:] == ["examine 1 base", "examine 1 start", "train 1 sft", "examine 1 sft"]


def test_without_a_warm_up_the_start_is_the_base_model_and_has_no_row_of_its_own(tmp_path: Path) -> None:
    laboratory = FakeLaboratory(warmed=False)
    measured = run_ablation(ablation(tmp_path, laboratory, regimes=["hard"]))
    assert [c.arm for c in measured.cells] == [arm for arm in ALL if arm != "warmup"]
    assert set(laboratory.starts.values()) == {None}


def test_a_second_run_makes_nothing(tmp_path: Path) -> None:
    first = run_ablation(ablation(tmp_path, FakeLaboratory()))
    again = FakeLaboratory()
    assert run_ablation(ablation(tmp_path, again)) == first
    assert [call for call in again.asked if not call.startswith("check")] == []


@pytest.mark.parametrize("killed_at", ["warm up 1", "calibrate 1", "train 1 rlvr", "examine 1 srl"])
def test_after_a_kill_only_what_is_not_finished_is_made(tmp_path: Path, killed_at: str) -> None:
    killed, after = FakeLaboratory(fails=lambda call: call == killed_at), FakeLaboratory()
    with pytest.raises(KeyboardInterrupt):
        run_ablation(ablation(tmp_path, killed, regimes=["hard"]))
    measured = run_ablation(ablation(tmp_path, after, regimes=["hard"]))
    assert [c.arm for c in measured.cells] == ALL
    twice = [call for call in killed.asked if call in after.asked and not call.startswith("check")]
    assert twice == (["train 1 srl"] if killed_at == "examine 1 srl" else [])  # a trained stage is resumed at its end


def test_checkpoints_of_a_finished_cell_are_removed_and_its_weights_kept(tmp_path: Path) -> None:
    run_ablation(ablation(tmp_path, FakeLaboratory(), regimes=["hard"], arms=["srl"]))
    assert {p.name for p in (tmp_path / "seed-1" / "hard" / "srl").iterdir()} == {"adapter", "result.json"}


def test_more_seeds_and_arms_are_added_to_what_is_there(tmp_path: Path) -> None:
    run_ablation(ablation(tmp_path, FakeLaboratory(), regimes=["hard"], arms=["sft"]))
    more = FakeLaboratory()
    run_ablation(ablation(tmp_path, more, regimes=["hard"], arms=["sft", "srl"], seeds=2))
    assert [call for call in more.asked if " 1" in call] == ["train 1 srl", "examine 1 srl"]
    assert "warm up 2" in more.asked


def test_another_plan_of_the_arms_begins_with_the_starts_that_are_there(tmp_path: Path) -> None:
    run_ablation(ablation(tmp_path, FakeLaboratory(), regimes=["hard"], arms=["srl"]))
    other = FakeLaboratory()
    cells = Place("other", tmp_path / "other")
    measured = run_ablation(ablation(tmp_path, other, regimes=["hard"], arms=["srl"], cells=cells))
    assert other.asked[1:] == ["examine 1 base", "examine 1 start", "train 1 srl", "examine 1 srl"]
    assert {c.plan for c in measured.cells} == {"other"} and {s.plan for s in measured.starts} == {PLAN.digest}


def test_a_start_is_made_by_one_process_at_a_time(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    laboratory = FakeLaboratory()
    other = Thread(target=lambda: run_ablation(ablation(tmp_path, laboratory, regimes=["hard"], arms=["srl"])))
    with caplog.at_level("INFO"), exclusive(tmp_path / "starts" / "seed-1" / ".lock", on_wait=lambda: None):
        other.start()
        while "another process makes its start" not in caplog.text:
            time.sleep(0.01)
        assert laboratory.asked == ["check srl"]
    other.join(timeout=30)
    assert "examine 1 srl" in laboratory.asked


def test_a_regime_with_too_few_scenarios_is_left_out_with_the_reason(tmp_path: Path) -> None:
    measured = run_ablation(ablation(tmp_path, FakeLaboratory(found=([0, 0, 0, 1], [0, 0, 0, 0]))))
    assert {c.regime for c in measured.cells} == {"hard"}
    [skipped] = measured.skipped
    assert (skipped.seed, skipped.regime) == (1, "easy")
    assert "1 of 4 training scenarios" in skipped.reason and "0 of 4 held-out scenarios" in skipped.reason


def test_where_no_regime_can_be_shown_it_is_an_error_that_says_why(tmp_path: Path) -> None:
    asked = ablation(tmp_path, FakeLaboratory(found=([0, 0], [0, 0])), regimes=["easy"])
    with pytest.raises(PipelineError, match=r"No regime has enough scenarios\. seed 1, easy: 0 of 2 training"):
        run_ablation(asked)


def test_a_corrupt_result_is_an_error_and_not_made_again_in_silence(tmp_path: Path) -> None:
    run_ablation(ablation(tmp_path, FakeLaboratory()))
    file = tmp_path / "seed-1" / "hard" / "srl" / "result.json"
    file.write_text(file.read_text()[:50])
    with pytest.raises(ArtifactError) as caught:
        run_ablation(ablation(tmp_path, FakeLaboratory()))
    assert caught.value.where == str(file) and "not readable" in caught.value.what


def test_a_cell_of_another_plan_is_refused(tmp_path: Path) -> None:
    run_ablation(ablation(tmp_path, FakeLaboratory()))
    file = tmp_path / "starts" / "seed-1" / "calibration.json"
    file.write_text(json.dumps(json.loads(file.read_text()) | {"plan": "other"}))
    with pytest.raises(ArtifactError, match=r"calibration\.json was made by another plan"):
        run_ablation(ablation(tmp_path, FakeLaboratory()))
