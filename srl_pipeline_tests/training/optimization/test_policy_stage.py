from __future__ import annotations

import json
import math
import signal
import subprocess
import sys
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import torch

from srl_pipeline.errors import TrainingError
from srl_pipeline.training.journal import Journal
from srl_pipeline.training.optimization.policy_stage import (
    STATE,
    PolicyOutcome,
    StageJob,
    _Stage,
    last_complete_checkpoint,
    run_policy_stage,
)
from srl_pipeline.training.optimization.trainer import MAX_IDLE
from srl_pipeline.training.rollouts.collector import Collector
from srl_pipeline.training.students.adapters import with_frozen_adapter

from .. import stage
from ..stage import STEPS, policy_of, run_stage, scripted_validation
from ..world import TIMES, LetterTask, adapted, adapter_weights, equal, load, policy_config

ROOT = Path(__file__).parents[3]


class Killed(BaseException):
    """Stands for the end of the process: nothing may catch it."""


@dataclass(frozen=True)
class Whole:
    """A stage that nothing interrupted."""

    outcome: PolicyOutcome
    rows: list[dict[str, float]]
    last: dict[str, torch.Tensor]


def checkpoints(work: Path) -> Path:
    return work / "_checkpoints_srl"


def last_weights(work: Path) -> dict[str, torch.Tensor]:
    return adapter_weights(checkpoints(work) / f"checkpoint-{STEPS}")


def timeless(rows: list[dict[str, float]]) -> list[dict[str, float]]:
    return [{k: v for k, v in row.items() if k not in TIMES} for row in rows]


@pytest.fixture(scope="module")
def whole(student_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> Whole:
    work = tmp_path_factory.mktemp("whole")
    outcome = run_stage(student_folder, work)
    return Whole(outcome, timeless(outcome.rows), last_weights(work))


def assert_the_same(found: PolicyOutcome, work: Path, whole: Whole) -> None:
    assert equal(last_weights(work), whole.last)
    assert equal(adapter_weights(found.adapter), adapter_weights(whole.outcome.adapter))
    assert timeless(found.rows) == whole.rows
    assert (found.counts, found.metrics) == (whole.outcome.counts, whole.outcome.metrics)


def kill(
    monkeypatch: pytest.MonkeyPatch, owner: type, name: str, when: Callable[..., bool], *, after: bool = False
) -> Callable[[], None]:
    """Raise `Killed` before (or ``after``) a call for which ``when(self, *args)`` holds; returns the undoing."""
    original = getattr(owner, name)

    def dying(self: Any, *args: Any, **kwargs: Any) -> Any:
        doomed = when(self, *args)
        if doomed and not after:
            raise Killed
        result = original(self, *args, **kwargs)
        if doomed:
            raise Killed
        return result

    monkeypatch.setattr(owner, name, dying)
    return lambda: monkeypatch.setattr(owner, name, original)


def at_step(step: int) -> Callable[..., bool]:
    return lambda stage, *_: stage.trainer.state.global_step == step


MOMENTS: dict[str, tuple[type, str, Callable[..., bool], bool]] = {
    "while sampling for step 3": (Collector, "collect", lambda self, sampler, step: step == 2, False),
    "after sampling for step 3": (Collector, "collect", lambda self, sampler, step: step == 2, True),
    "while the row of step 3 is written": (Journal, "finish", lambda self, row: row["step"] == 3, True),
    "while the checkpoint of step 3 is written": (_Stage, "complete_checkpoint", at_step(3), False),
    "when the last checkpoint is complete": (_Stage, "complete_checkpoint", at_step(STEPS), True),
    "before the first checkpoint": (_Stage, "complete_checkpoint", at_step(1), False),
    "while the best adapter is chosen": (_Stage, "outcome", lambda *_: True, False),
}


@pytest.mark.chain
@pytest.mark.parametrize("moment", MOMENTS)
def test_a_stage_killed_and_resumed_ends_with_the_same_weights_bit_for_bit(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, whole: Whole, moment: str
) -> None:
    owner, name, when, after = MOMENTS[moment]
    heal = kill(monkeypatch, owner, name, when, after=after)
    with pytest.raises(Killed):
        run_stage(student_folder, tmp_path)
    heal()
    torch.manual_seed(12345)  # a new process has another random state
    assert_the_same(run_stage(student_folder, tmp_path), tmp_path, whole)


def test_a_stage_is_not_resumed_in_other_numbers_and_keeps_its_checkpoints(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    heal = kill(monkeypatch, _Stage, "complete_checkpoint", at_step(1), after=True)
    with pytest.raises(Killed):
        run_stage(student_folder, tmp_path)
    heal()
    monkeypatch.setattr(stage, "load", lambda folder: load(folder, "bfloat16"))
    with pytest.raises(TrainingError, match=r"computes in cpu, float32; this one .* in cpu, bfloat16(.|\n)*mend"):
        run_stage(student_folder, tmp_path)
    kept = last_complete_checkpoint(checkpoints(tmp_path))
    assert kept is not None and kept.name == "checkpoint-1"


@pytest.mark.slow
def test_a_process_killed_with_sigkill_and_resumed_ends_with_the_same_weights_bit_for_bit(
    student_folder: Path, tmp_path: Path, whole: Whole
) -> None:
    work = tmp_path / "work"
    command = [sys.executable, "-m", f"{__package__}.stage", str(student_folder), str(work), "3"]
    assert subprocess.run(command, cwd=ROOT, capture_output=True, timeout=200).returncode == -signal.SIGKILL
    folders = {p.name for p in checkpoints(work).glob("checkpoint-*")}
    assert "checkpoint-3" in folders and not (checkpoints(work) / "checkpoint-3" / STATE).exists()
    assert_the_same(run_stage(student_folder, work), work, whole)


def test_two_runs_without_interruption_are_equal(student_folder: Path, tmp_path: Path, whole: Whole) -> None:
    assert_the_same(run_stage(student_folder, tmp_path), tmp_path, whole)


def test_a_stage_really_trains(whole: Whole) -> None:
    assert whole.outcome.counts.updates == STEPS and whole.outcome.note == ""
    assert max(float(t.abs().max()) for name, t in whole.last.items() if "lora_B" in name) > 1e-3


def test_every_step_has_one_row_with_its_metrics(whole: Whole) -> None:
    assert [row["step"] for row in whole.rows] == [1.0, 2.0, 3.0, 4.0]
    wanted = {"loss", "grad_norm", "reward", "kept_fraction", "validation_reward"}
    assert all(wanted <= row.keys() for row in whole.rows)


def test_the_outcome_says_that_rollouts_were_fresh_and_how_far_the_policy_went(whole: Whole) -> None:
    assert whole.outcome.metrics["canary_gap"] < 1e-4 and whole.outcome.metrics["kl"] > 0


def test_an_incomplete_checkpoint_is_not_resumed_from(tmp_path: Path) -> None:
    for step, complete in ((2, True), (10, True), (9, True), (12, False)):
        (tmp_path / f"checkpoint-{step}").mkdir()
        if complete:
            (tmp_path / f"checkpoint-{step}" / STATE).write_text("{}")
    assert last_complete_checkpoint(tmp_path) == tmp_path / "checkpoint-10"


def test_without_any_complete_checkpoint_a_stage_begins_anew(tmp_path: Path) -> None:
    (tmp_path / "checkpoint-3").mkdir()
    (tmp_path / "checkpoint-3" / f"{STATE}.tmp").write_text("{}")
    assert last_complete_checkpoint(tmp_path) is None


class Broken(LetterTask):
    """Its advantages go bad from a given step on. Named double."""

    def __init__(self, value: float, good_steps: int) -> None:
        super().__init__(advantages=self._advantages)
        self.value, self.left = value, good_steps * policy_config().prompts_per_step

    def _advantages(self) -> list[float]:
        self.left -= 1
        return [1.0, -1.0, 0.5, -0.5] if self.left >= 0 else [self.value] * 4


@pytest.mark.parametrize("value", [math.nan, 3e38])
def test_a_loss_or_gradient_that_is_no_number_stops_and_keeps_the_last_checkpoint(
    student_folder: Path, tmp_path: Path, value: float
) -> None:
    with pytest.raises(TrainingError, match=r"not a number at step 3(.|\n)*mend"):
        run_stage(student_folder, tmp_path, Broken(value, 2), max_resamples=9)
    kept = last_complete_checkpoint(checkpoints(tmp_path))
    assert kept and kept.name == "checkpoint-2"
    assert all(torch.isfinite(t).all() for t in adapter_weights(kept).values())
    assert json.loads((kept / STATE).read_text())["step"] == 2


@pytest.mark.parametrize(
    ("rewards", "best"),
    [([0.1, 0.3, 0.9, 0.5, 0.2], 2), ([0.2, 0.3, 0.1, 0.3, 0.4], 4), ([0.9, 0.3, 0.1, 0.3, 0.4], 0), ([0.5] * 5, 1)],
)
def test_the_adapter_kept_is_the_one_with_the_best_validation_reward(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, rewards: list[float], best: int
) -> None:
    seen = scripted_validation(monkeypatch, rewards)
    outcome = run_stage(student_folder, tmp_path)
    kept = policy_of(with_frozen_adapter(load(student_folder), outcome.adapter).get_base_model())
    matches = [equal(kept, weights) for weights in seen]
    assert matches == [step == best for step in range(STEPS + 1)]
    assert outcome.metrics["validation_step"] == best and outcome.metrics["validation_start_reward"] == rewards[0]


def test_a_stage_that_lowers_its_own_validation_passes_its_start_on_and_says_so(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_validation(monkeypatch, [0.9, 0.3, 0.1, 0.3, 0.4])
    outcome = run_stage(student_folder, tmp_path)
    assert outcome.metrics["updates"] == STEPS and outcome.metrics["kl"] == 0
    assert "No checkpoint reached the start's validation reward (0.900)" in outcome.note


@pytest.mark.chain
def test_the_start_is_passed_on_after_an_interruption_too(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen = scripted_validation(monkeypatch, [0.9, 0.3, 0.1, 0.3, 0.4])
    heal = kill(monkeypatch, _Stage, "complete_checkpoint", at_step(3))
    with pytest.raises(Killed):
        run_stage(student_folder, tmp_path)
    heal()
    scripted_validation(monkeypatch, [0.3, 0.4])
    outcome = run_stage(student_folder, tmp_path)
    kept = policy_of(with_frozen_adapter(load(student_folder), outcome.adapter).get_base_model())
    assert equal(kept, seen[0])


def test_of_the_best_weights_so_far_only_the_last_are_kept(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_validation(monkeypatch, [0.1, 0.3, 0.9, 0.5, 0.2])
    run_stage(student_folder, tmp_path)
    assert [p.name for p in checkpoints(tmp_path).glob("best-*")] == ["best-2"]


def test_steps_without_an_update_are_no_candidates_of_their_own(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scored = iter(range(10_000))
    task = LetterTask(keep=lambda _: next(scored) >= 16)  # two silent steps of two groups of four
    scripted_validation(monkeypatch, [0.1, 0.9, 0.9, 0.5, 0.4])
    outcome = run_stage(student_folder, tmp_path, task, max_resamples=0)
    assert (outcome.metrics["validation_step"], outcome.metrics["updates"]) == (3, 2)


@pytest.mark.chain
def test_the_best_adapter_of_before_an_interruption_is_not_forgotten_even_for_an_equal_one(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    scripted_validation(monkeypatch, [0.1, 2 / 3, 0.5, 0.4, 0.4])
    heal = kill(monkeypatch, _Stage, "complete_checkpoint", at_step(3))
    with pytest.raises(Killed):
        run_stage(student_folder, tmp_path)
    heal()
    scripted_validation(monkeypatch, [2 / 3, 0.4])
    assert run_stage(student_folder, tmp_path).metrics["validation_step"] == 1


def test_a_stage_without_validation_prompts_keeps_its_last_adapter(student_folder: Path, tmp_path: Path) -> None:
    outcome = run_stage(student_folder, tmp_path, validation_prompts=0)
    assert equal(adapter_weights(outcome.adapter), last_weights(tmp_path))


@pytest.mark.chain
def test_a_stage_without_signal_says_so_and_can_be_resumed_after_its_end(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    task = LetterTask(keep=lambda _: False)
    first = run_stage(student_folder, tmp_path / "a", task, steps=9, save_every=9)
    assert "no weight was changed" in first.note and len(first.rows) == MAX_IDLE
    heal = kill(monkeypatch, _Stage, "outcome", lambda *_: True)
    with pytest.raises(Killed):
        run_stage(student_folder, tmp_path / "b", task, steps=9, save_every=9)
    heal()
    second = run_stage(student_folder, tmp_path / "b", task, steps=9, save_every=9)
    assert (second.counts, timeless(second.rows)) == (first.counts, timeless(first.rows))


def test_a_time_budget_ends_a_stage_early_and_keeps_what_is_done(student_folder: Path, tmp_path: Path) -> None:
    outcome = run_stage(student_folder, tmp_path, time_budget_seconds=1e-6, save_every=50)
    assert [row["step"] for row in outcome.rows] == [1.0] and outcome.metrics["validation_step"] == 1
    assert last_complete_checkpoint(checkpoints(tmp_path)) is not None


def test_no_prompts_is_an_error_with_a_remedy(student_folder: Path, tmp_path: Path) -> None:
    student = load(student_folder)
    with pytest.raises(TrainingError, match=r"no prompts(.|\n)*mend"):
        run_policy_stage(StageJob("srl", student, adapted(student), LetterTask(), [], [], policy_config(), tmp_path, 1))


def test_the_time_of_a_step_is_split_into_rollout_reward_and_update(whole: Whole) -> None:
    for row in whole.outcome.rows:
        parts = [row[name] for name in ("rollout_seconds", "reward_seconds", "update_seconds")]
        assert all(part > 0 for part in parts) and sum(parts) == pytest.approx(row["step_time"], rel=0.01)
