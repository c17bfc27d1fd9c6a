"""Which trainer, and which groups, a stage's configuration asks for. SRL is always GRPO."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from typing import Any

from srl_pipeline.config import PolicyConfig, RlvrConfig
from srl_pipeline.errors import TrainingError
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.environment.tasks import Task
from srl_pipeline.training.optimization.dpo import DpoTrainer
from srl_pipeline.training.optimization.ppo import PpoTrainer
from srl_pipeline.training.optimization.trainer import PolicyTrainer
from srl_pipeline.training.peers import peers
from srl_pipeline.training.rollouts.collector import Collector, Group
from srl_pipeline.training.rollouts.sampling import Sampler
from srl_pipeline.training.students.student import Student

_TRAINERS: dict[str, type[PolicyTrainer]] = {"grpo": PolicyTrainer, "ppo": PpoTrainer, "dpo": DpoTrainer}


def policy_trainer(
    student: Student, model: Any, collector: Collector, config: PolicyConfig, **rest: Any
) -> PolicyTrainer:
    """The trainer of a stage; further arguments are those of `PolicyTrainer`."""
    algorithm = config.algorithm if isinstance(config, RlvrConfig) else "grpo"
    if algorithm == "ppo" and peers().count > 1:
        raise TrainingError(
            "PPO trains in one process only: its advantages are whitened over the whole batch.",
            where="rlvr.algorithm, processes",
            mend="Set processes to 1, or rlvr.algorithm to grpo or dpo.",
        )
    return _TRAINERS[algorithm](student, model, collector, config, **rest)


def policy_collector(prompts: Sequence[Prompt], task: Task, config: PolicyConfig, seed: int) -> Collector:
    """The collector of a stage, with the group filter that its algorithm needs.

    GRPO and DPO learn from differences within a group and keep the task's filter. PPO learns from every episode: see
    `PpoConfig.group_filter`.
    """
    every = isinstance(config, RlvrConfig) and config.algorithm == "ppo" and not config.ppo.group_filter
    return (_EveryGroup if every else Collector)(prompts, task, config, seed, peers())


class _EveryGroup(Collector):
    """All groups count, also those that are all right or all wrong."""

    def sample(self, sampler: Sampler, prompts: Sequence[Prompt], *, seed: int) -> list[Group]:
        groups = super().sample(sampler, prompts, seed=seed)
        return [replace(group, signal=replace(group.signal, kept=True)) for group in groups]
