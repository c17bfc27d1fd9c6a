"""Our trainer on the same work: completions of exact length, every group with signal, one group a micro-batch."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import torch

from benchmarks.engine.cases import ROLLOUTS, Case, folder
from srl_pipeline.config import PolicyConfig, StudentConfig
from srl_pipeline.training.environment.groups import GroupSignal, Score, srl_signal
from srl_pipeline.training.environment.prompts import Prompt
from srl_pipeline.training.optimization.trainer import PolicyTrainer
from srl_pipeline.training.rollouts.collector import Collector
from srl_pipeline.training.rollouts.sampling import Completion, Sampler
from srl_pipeline.training.students.adapters import with_adapter
from srl_pipeline.training.students.student import Student

Reward = Callable[[Prompt, str], float]


def adapted(student: Student, seed: int = 3) -> Any:
    """The student with the same adapter, computed by our fused layers."""
    return with_adapter(student, StudentConfig(), None, seed)


class EqualWork:
    """The benchmark's task: no completion ends early, every group is kept, so that both sides do the same work."""

    def __init__(self, reward: Reward) -> None:
        self._reward = reward

    def stop(self, text: str) -> bool:
        return False

    def score(self, prompt: Prompt, text: str) -> Score:
        return Score(self._reward(prompt, text), well_formed=True, correct=False)

    def signal(self, scores: Sequence[Score]) -> GroupSignal:
        found = srl_signal(scores, std_epsilon=0.0, format_weight=0.0)
        return GroupSignal(found.advantages, True, found.std)


def trainer(
    student: Student,
    model: Any,
    case: Case,
    prompts: Sequence[Prompt],
    reward: Reward,
    *,
    steps: int,
    callbacks: Sequence[Any] = (),
) -> PolicyTrainer:
    """A trainer of ``len(prompts)`` prompts a step, in micro-batches of one group; completions of exact length."""
    config = PolicyConfig(
        steps=steps,
        prompts_per_step=len(prompts),
        rollouts=ROLLOUTS,
        micro_batch_size=ROLLOUTS,
        max_tokens=case.completion,
        max_resamples=0,
        save_every=10**6,
    )
    made = PolicyTrainer(
        student,
        model,
        Collector(list(prompts), EqualWork(reward), config, seed=1),
        config,
        output=folder() / "ours",
        seed=1,
        on_batch=lambda *_: None,
        callbacks=list(callbacks),
    )
    endless(made.sampler)
    return made


def endless(sampler: Sampler) -> Sampler:
    """No token ends a completion: work of a known size."""
    sampler.endings.tokens = set()
    return sampler


def update(
    ours: PolicyTrainer, prompt: Sequence[int], completions: Sequence[Sequence[int]], advantages: Sequence[float]
) -> None:
    """Forward and backward pass of one group, the prompt computed once."""
    device = ours.accelerator.device
    ids = torch.tensor([list(c) for c in completions], device=device)
    empty = torch.zeros((len(completions), 0), dtype=torch.long, device=device)
    loss = ours._compute_loss(
        ours.model,
        {
            "groups": [(list(prompt), [list(c) for c in completions])],
            "prompt_ids": empty,
            "prompt_mask": empty,
            "completion_ids": ids,
            "completion_mask": torch.ones_like(ids),
            "advantages": torch.tensor(advantages, device=device),
            "num_items_in_batch": torch.tensor(ids.numel(), device=device),
            "share": 1.0,
        },
    )
    loss.backward()


def generate(sampler: Sampler, prompts: Sequence[Prompt], case: Case) -> list[list[Completion]]:
    """G completions of exact length for each prompt, each prompt prefilled once."""
    return sampler.sample(
        [p.ids for p in prompts],
        per_prompt=ROLLOUTS,
        max_tokens=case.completion,
        temperature=1.0,
        seed=1,
        stop=lambda _: False,
    )
