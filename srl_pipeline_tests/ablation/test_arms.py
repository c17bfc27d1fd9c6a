"""Arms on the random student: they spend the budget to within a prompt or so, and can be interrupted."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest

from srl_pipeline.ablation import arms
from srl_pipeline.ablation.arms import Assignment, train_arm
from srl_pipeline.ablation.plan import Arm
from srl_pipeline.ablation.results import StageCost
from srl_pipeline.config import AblationConfig, PipelineConfig, RlvrConfig, SrlConfig
from srl_pipeline.training.environment.groups import GroupSignal, Score
from srl_pipeline.training.optimization import policy_stage
from srl_pipeline.training.optimization.trainer import MAX_IDLE
from srl_pipeline.training.students.adapters import difference
from srl_pipeline_tests.training.outcome import OutcomeTask
from srl_pipeline_tests.training.room import SOLUTIONS, Writer, warmup_config
from srl_pipeline_tests.training.world import LORA, LetterTask, load, policy_config, prompts

ROLLOUTS = 4
LONGEST = 12
"""Tokens of the longest completion."""


def room(folder: Path, budget: int) -> Any:
    """Named double of a `Workspace` for arms; nobody asks for its verifier."""
    small: dict[str, Any] = policy_config(max_grad_norm=1.0, max_resamples=0, max_tokens=LONGEST).model_dump()
    config = PipelineConfig(
        preset="test",
        device="cpu",
        student=LORA,
        warmup=warmup_config(batch_size=2),
        srl=SrlConfig(**small),
        rlvr=RlvrConfig.model_validate(small | {"max_tokens": 16}),
        ablation=AblationConfig(token_budget=budget),
    )
    return SimpleNamespace(
        config=config, verifier=None, load=lambda: load(folder), writer=lambda student: Writer(student.tokenizer)
    )


@pytest.fixture(autouse=True)
def _scripted(monkeypatch: pytest.MonkeyPatch) -> None:
    """Tasks that a random student earns something in, and prompts that it can read."""
    monkeypatch.setattr(arms, "SrlTask", lambda *_: LetterTask())
    monkeypatch.setattr(arms, "HolisticTask", lambda *_: LetterTask())
    monkeypatch.setattr(arms, "RlvrTask", lambda *_: OutcomeTask())
    for name in ("step_prompts", "solution_prompts"):
        monkeypatch.setattr(arms, name, lambda writer, given, **_: prompts(writer, len(given)))


def train(arm: Arm, folder: Path, work: Path, budget: int = 500) -> list[StageCost]:
    work.mkdir(exist_ok=True)
    return train_arm(arm, Assignment(room(folder, budget), None, SOLUTIONS, work))


def weights(work: Path) -> bytes:
    return (work / "adapter" / "adapter_model.safetensors").read_bytes()


@pytest.mark.parametrize("arm", ["rlvr", "holistic", "srl"])
def test_a_policy_arm_spends_its_budget_to_within_a_prompt(arm: Arm, student_folder: Path, tmp_path: Path) -> None:
    [cost] = train(arm, student_folder, tmp_path)
    prompt = 2 * ROLLOUTS * (16 if arm != "srl" else LONGEST)
    assert cost.stage == arm and 500 - prompt <= cost.tokens <= 500 + prompt
    assert cost.generated_tokens >= cost.trained_tokens > 0 and cost.updates > 0 and cost.note == ""
    assert difference(tmp_path / "adapter", None) > 0


def test_sft_trains_the_budget_and_generates_nothing(student_folder: Path, tmp_path: Path) -> None:
    [cost] = train("sft", student_folder, tmp_path)
    answer = max(len(Writer(load(student_folder).tokenizer).transcript(t)[1]) for t in SOLUTIONS)
    assert cost.stage == "sft" and cost.generated_tokens == 0
    assert 500 <= cost.trained_tokens < 500 + 2 * answer
    assert difference(tmp_path / "adapter", None) > 0


def test_sft_fills_every_batch_however_few_solutions_there_are(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    seen: list[int] = []
    from srl_pipeline.training.warmup import WarmupTrainer

    compute = WarmupTrainer.compute_loss
    monkeypatch.setattr(
        WarmupTrainer,
        "compute_loss",
        lambda self, model, inputs, *a, **k: seen.append(len(inputs)) or compute(self, model, inputs, *a, **k),
    )
    train_arm("sft", Assignment(room(student_folder, 300), None, SOLUTIONS[:3], tmp_path))
    assert set(seen) == {2}


@pytest.mark.chain
def test_rlvr_gets_what_srl_left_and_begins_with_its_weights(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    starts: list[Path | None] = []
    trainable = arms.trainable
    monkeypatch.setattr(
        arms, "trainable", lambda s, c, start, seed: starts.append(start) or trainable(s, c, start, seed)
    )
    first, second = train("srl_rlvr", student_folder, tmp_path)
    assert (first.stage, second.stage) == ("srl", "rlvr") and starts == [None, tmp_path / "srl"]
    prompt = 2 * ROLLOUTS * 16
    assert abs(first.tokens - 250) <= prompt and abs(first.tokens + second.tokens - 500) <= 2 * prompt
    assert difference(tmp_path / "adapter", tmp_path / "srl") > 0


def test_where_srl_spends_everything_there_is_no_rlvr_and_it_says_so(student_folder: Path, tmp_path: Path) -> None:
    [only] = train("srl_rlvr", student_folder, tmp_path, budget=20)
    assert only.stage == "srl" and "Nothing was left for RLVR" in only.note
    assert (tmp_path / "adapter").is_dir()


@pytest.mark.chain
def test_srl_alone_begins_as_the_first_half_of_srl_then_rlvr(student_folder: Path, tmp_path: Path) -> None:
    [alone] = train("srl", student_folder, tmp_path / "a", budget=250)
    first, _ = train("srl_rlvr", student_folder, tmp_path / "b", budget=500)
    assert alone.model_copy(update={"seconds": 0.0}) == first.model_copy(update={"seconds": 0.0})
    assert weights(tmp_path / "a") == (tmp_path / "b" / "srl" / "adapter_model.safetensors").read_bytes()


@pytest.mark.chain
def test_an_interrupted_arm_ends_as_one_that_was_not(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = train("srl_rlvr", student_folder, tmp_path / "whole")
    complete, left = policy_stage._Stage.complete_checkpoint, [3]

    def dying(self: Any, folder: Path) -> None:
        left[0] -= 1
        if left[0] == 0:
            raise KeyboardInterrupt
        complete(self, folder)

    monkeypatch.setattr(policy_stage._Stage, "complete_checkpoint", dying)
    with pytest.raises(KeyboardInterrupt):
        train("srl_rlvr", student_folder, tmp_path / "killed")
    assert (tmp_path / "killed" / "_checkpoints_rlvr").is_dir()  # SRL was over, RLVR was not
    again = train("srl_rlvr", student_folder, tmp_path / "killed")
    assert weights(tmp_path / "killed") == weights(tmp_path / "whole")
    assert [c.tokens for c in again] == [c.tokens for c in whole]


class AllEqual(LetterTask):
    """No answer is better than another."""

    def signal(self, scores: Any) -> GroupSignal:
        return GroupSignal([0.0] * len(scores), kept=False, std=0.0)

    def score(self, prompt: Any, text: str) -> Score:
        return Score(0.0, well_formed=False, correct=False)


def test_an_arm_that_finds_no_signal_ends_early_and_says_so(
    student_folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(arms, "RlvrTask", lambda *_: AllEqual())
    [cost] = train("rlvr", student_folder, tmp_path, budget=100_000)
    assert cost.steps == MAX_IDLE and cost.updates == 0
    assert cost.note == (
        f"Ended at {cost.tokens:,} of 100,000 tokens: no group carried signal in {MAX_IDLE} batches in a row. "
        "No weight was changed."
    )
    assert difference(tmp_path / "adapter", None) == 0
