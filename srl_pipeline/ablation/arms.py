"""Train one arm within the budget, from the common start, on one regime's scenarios. Each leaves ``adapter/``.

All arms leave their last weights: choosing a checkpoint by validation would cost tokens that the budget does not hold,
and SFT has no such choice.
"""

from __future__ import annotations

import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from srl_pipeline.ablation.budget import holistic_config, sft_within, shares, within
from srl_pipeline.ablation.plan import Arm
from srl_pipeline.ablation.progress import TokenProgress
from srl_pipeline.ablation.results import StageCost
from srl_pipeline.canonical import seed_of
from srl_pipeline.clock import StopWatch
from srl_pipeline.config import PipelineConfig, PolicyConfig
from srl_pipeline.contracts import Trajectory
from srl_pipeline.stages.workspace import Workspace
from srl_pipeline.training.environment.holistic import HolisticTask, solution_prompts
from srl_pipeline.training.environment.prompts import Prompt, PromptWriter, step_prompts
from srl_pipeline.training.environment.tasks import RlvrTask, SrlTask, Task
from srl_pipeline.training.failures import clean_failures
from srl_pipeline.training.optimization.budgets import Clock
from srl_pipeline.training.optimization.policy_stage import StageJob, run_policy_stage
from srl_pipeline.training.optimization.trainer import MAX_IDLE
from srl_pipeline.training.optimization.watch import observers_of
from srl_pipeline.training.rollouts.collector import Counts
from srl_pipeline.training.students.policy_weights import trainable
from srl_pipeline.training.warmup import run_warmup

ADAPTER = "adapter"
"""Folder of the weights that an arm leaves in its cell."""


@dataclass(frozen=True)
class Assignment:
    """What an arm is given.

    Attributes:
        start: Weights that it begins with; None: the base model.
        trajectories: The expert's solutions of the regime's training scenarios, variants included.
        work: The cell's folder; an interrupted stage goes on from what it left there.
    """

    room: Workspace
    start: Path | None
    trajectories: Sequence[Trajectory]
    work: Path

    @property
    def config(self) -> PipelineConfig:
        return self.room.config

    @property
    def budget(self) -> int:
        """Tokens."""
        return self.config.ablation.token_budget


def train_arm(arm: Arm, given: Assignment) -> list[StageCost]:
    """Train ``arm``; returns what its stages cost. An interrupted stage is resumed, SFT begins again."""
    makers: dict[Arm, Callable[[Assignment], list[StageCost]]] = {
        "sft": _sft,
        "rlvr": lambda a: [_rlvr(a, a.budget)],
        "holistic": lambda a: [_holistic(a)],
        "srl": lambda a: [_srl(a, a.budget)],
        "srl_rlvr": _srl_then_rlvr,
    }
    costs = makers[arm](given)
    trained = "warmup" if arm == "sft" else costs[-1].stage
    target = given.work / ADAPTER
    shutil.rmtree(target, ignore_errors=True)
    (given.work / trained).replace(target)
    return costs


def _sft(given: Assignment) -> list[StageCost]:
    config, watch = given.config, StopWatch()
    student = given.room.load()
    writer = given.room.writer(student)
    settings = sft_within(config.warmup, given.budget, mean_answer_tokens(writer, given.trajectories))
    seed = seed_of(config.seed, "ablation", "sft")
    model = trainable(student, config.student, given.start, seed)
    # Repeated, so that no pass over few solutions ends with a batch that is not full: all steps train as much.
    rows = list(given.trajectories) * settings.batch_size
    with clean_failures("warmup", given.work):
        metrics = run_warmup(student, model, writer, rows, settings, given.work, seed)
    return [
        StageCost(
            stage="sft",
            steps=settings.steps,
            updates=settings.steps,
            generated_tokens=0,
            trained_tokens=round(metrics["trained_tokens"]),
            seconds=watch.seconds,
        )
    ]


def _srl(given: Assignment, tokens: int) -> StageCost:
    config = given.config.srl

    def prompts(writer: PromptWriter) -> list[Prompt]:
        nearest = config.references == "nearest"
        return step_prompts(
            writer, given.trajectories, targets=config.targets, title=config.step_title, nearest=nearest
        )

    settings = within(config, tokens)
    return _policy("srl", given, settings, SrlTask(given.room.verifier, settings), prompts)


def _rlvr(given: Assignment, tokens: int) -> StageCost:
    def prompts(writer: PromptWriter) -> list[Prompt]:
        unique = {t.scenario.id: t for t in given.trajectories}.values()
        return [writer.episode(t.scenario, t.bundle) for t in unique]

    settings = within(given.config.rlvr, tokens)
    return _policy("rlvr", given, settings, RlvrTask(given.room.verifier, settings), prompts)


def _holistic(given: Assignment) -> StageCost:
    nearest = given.config.srl.references == "nearest"
    settings = within(holistic_config(given.config), given.budget)
    task = HolisticTask(given.room.verifier, settings)
    return _policy(
        "holistic", given, settings, task, lambda writer: solution_prompts(writer, given.trajectories, nearest=nearest)
    )


def _srl_then_rlvr(given: Assignment) -> list[StageCost]:
    """SRL on its share; RLVR on all that is left of the budget then, from SRL's weights."""
    first = _srl(given, shares(given.config)[0])
    left = given.budget - first.tokens
    if left <= 0:
        return [first.model_copy(update={"note": f"{first.note} Nothing was left for RLVR.".strip()})]
    return [first, _rlvr(replace(given, start=given.work / "srl"), left)]


def _policy(
    name: str,
    given: Assignment,
    settings: PolicyConfig,
    task: Task,
    prompts: Callable[[PromptWriter], list[Prompt]],
) -> StageCost:
    """One policy stage; its weights lie in ``work/name``. The seed is the stage's, whichever arm it belongs to."""
    seed = seed_of(given.config.seed, "ablation", name)
    student = given.room.load()
    train = prompts(given.room.writer(student))
    model: Any = trainable(student, given.config.student, given.start, seed)
    observers = [clock := Clock(), TokenProgress(name, settings.token_budget), *observers_of(settings)]
    with clean_failures(name, given.work):
        done = run_policy_stage(StageJob(name, student, model, task, train, [], settings, given.work, seed, observers))
    return StageCost(
        stage=name,
        steps=len(done.rows),
        updates=int(done.metrics["updates"]),
        generated_tokens=done.counts.generated_tokens,
        trained_tokens=done.counts.trained_tokens,
        seconds=clock.seconds,
        note=_note(done.counts, int(done.metrics["updates"]), settings.token_budget),
    )


def _note(counts: Counts, updates: int, budget: int) -> str:
    """What is not as it should be; empty when the budget was spent and something was learned."""
    early = (
        f"Ended at {counts.tokens:,} of {budget:,} tokens: no group carried signal in {counts.idle} batches in a row."
    )
    said = [early] if counts.idle >= MAX_IDLE else []
    return " ".join(said if updates else [*said, "No weight was changed."])


def mean_answer_tokens(writer: PromptWriter, trajectories: Sequence[Trajectory]) -> float:
    """Mean tokens of the expert's answers."""
    answers = [len(writer.transcript(t)[1]) for t in trajectories]
    return sum(answers) / len(answers)
