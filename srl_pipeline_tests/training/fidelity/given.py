"""Rollouts that are given rather than sampled, and one optimizer step of our trainer on them."""

from __future__ import annotations

import copy
import random
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from torch import Tensor
from transformers import TrainerCallback

from srl_pipeline.config import PolicyConfig
from srl_pipeline.training.environment.groups import GroupSignal, Score
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.optimization.trainer import PolicyTrainer
from srl_pipeline.training.rollouts.collector import Batch, Counts, Group
from srl_pipeline.training.rollouts.sampling import Completion
from srl_pipeline.training.students.student import Student

from ..world import SCENARIO, policy_config, random_ids

Gradients = dict[str, Tensor]
Shape = tuple[int, Sequence[int]]
"""Tokens of a prompt, and of each of its completions."""


def rollouts(student: Student, shapes: Sequence[Shape], seed: int = 1) -> list[Group]:
    """Random prompts and completions of these lengths, with random rewards and no advantages yet."""
    rng, words = random.Random(seed), len(student.tokenizer)
    groups: list[Group] = []
    for number, (length, completions) in enumerate(shapes):
        prompt = Prompt(f"p{number}", random_ids(rng, length, words), SCENARIO, None, [], [])
        made = [Completion(random_ids(rng, n, words), "", True, []) for n in completions]
        scores = [Score(rng.uniform(0, 1), well_formed=True, correct=False) for _ in completions]
        groups.append(Group(prompt, made, scores, GroupSignal([], True, 0.0)))
    return groups


@dataclass
class GivenBatch:
    """Hands the trainer the same groups at every step. Named double of `Collector`."""

    groups: list[Group]
    counts: Counts = field(default_factory=lambda: Counts(updates=1))

    def collect(self, sampler: Any, step: int) -> Batch:
        return Batch(self.groups, self.groups, 1)


@dataclass
class Seen(TrainerCallback):
    """What an optimizer step used and left: gradients before it, the model before it, the loss that was reported."""

    gradients: list[Gradients] = field(default_factory=list)
    before: list[Any] = field(default_factory=list)
    losses: list[float] = field(default_factory=list)

    def on_pre_optimizer_step(self, args: Any, state: Any, control: Any, model: Any = None, **_: Any) -> None:
        self.before.append(copy.deepcopy(model))
        self.gradients.append({n: p.grad.clone() for n, p in model.named_parameters() if p.grad is not None})

    def on_log(self, args: Any, state: Any, control: Any, logs: Any = None, **_: Any) -> None:
        if logs and "loss" in logs:
            self.losses.append(logs["loss"])


def config_for(shapes: Sequence[Shape], **changes: Any) -> PolicyConfig:
    """One micro-batch a group unless told otherwise; the gradient is not clipped."""
    count = len(shapes[0][1])
    return policy_config(**({"prompts_per_step": len(shapes), "rollouts": count, "micro_batch_size": count} | changes))


def trainer(student: Student, model: Any, groups: list[Group], config: PolicyConfig, folder: Path) -> PolicyTrainer:
    given: Any = GivenBatch(groups)
    return PolicyTrainer(
        student, model, given, config, output=folder, seed=1, on_batch=lambda *_: None, callbacks=[Seen()]
    )


def seen_by(trainer: PolicyTrainer) -> Seen:
    return next(c for c in trainer.callback_handler.callbacks if isinstance(c, Seen))


def train(student: Student, model: Any, groups: list[Group], config: PolicyConfig, folder: Path) -> Seen:
    """Our trainer on the given groups."""
    made = trainer(student, model, groups, config, folder)
    made.train()
    return seen_by(made)
