"""Settings that SRL and RLVR share."""

from __future__ import annotations

import math
from typing import Literal, Self

from pydantic import Field, model_validator

from srl_pipeline.config.base import Config


class PolicyConfig(Config):
    """What SRL and RLVR share: sampling, optimisation, budgets. SRL is always GRPO."""

    steps: int = Field(default=20, ge=0, description="Optimizer steps.")
    epochs: int = Field(
        default=0, ge=0, description="As many steps as take this many passes over the prompts; 0: `steps` decides."
    )
    prompts_per_step: int = Field(default=8, ge=1)
    draw: Literal["steps", "trajectories"] = Field(
        default="steps",
        description="'trajectories': all steps of a trajectory together, whose prompts are then computed once; a batch "
        "is at least prompts_per_step. RLVR has one prompt a scenario, where both are the same.",
    )
    rollouts: int = Field(default=8, ge=2, description="G: completions a prompt.")
    sampler: Literal["own", "vllm"] = Field(
        default="own",
        description="'vllm' needs the package and a GPU; its numbers are its own, so resuming is not exact.",
    )
    vllm_memory_share: float = Field(
        default=0.35, gt=0, lt=1, description="Share of the GPU's memory that vLLM may keep."
    )
    micro_batch_size: int = Field(default=8, ge=1, description="Sequences in one forward and backward pass.")
    learning_rate: float = Field(default=1e-4, gt=0)
    temperature: float = Field(default=1.0, gt=0)
    clip_epsilon: float = Field(default=0.2, gt=0, lt=1)
    kl_beta: float = Field(
        default=0.0,
        ge=0,
        description="Coefficient of the KL term to the stage's start; where kl_target is set, the first one.",
    )
    kl_target: float = Field(
        default=0.0, ge=0, description="KL a token that the coefficient is steered to; 0: the coefficient stays."
    )
    kl_beta_min: float = Field(default=1e-4, gt=0, description="Least coefficient that kl_target leads to.")
    kl_beta_max: float = Field(default=1.0, gt=0, description="Largest coefficient that kl_target leads to.")
    max_grad_norm: float = Field(default=1.0, gt=0)
    std_epsilon: float = Field(
        default=0.01, ge=0, description="Dynamic sampling keeps a group above this population std."
    )
    max_resamples: int = Field(default=3, ge=0, description="Further sampling rounds when a batch is not full.")
    max_tokens: int = Field(default=64, ge=8, description="Tokens a completion.")
    time_budget_seconds: float = Field(
        default=0.0, ge=0, description="Stop after this time, keep what is done; 0: no limit."
    )
    token_budget: int = Field(
        default=0, ge=0, description="Stop after this many generated and trained tokens together; 0: no limit."
    )
    cost_budget_usd: float = Field(
        default=0.0,
        ge=0,
        description="Stop when the machine has cost so much (usd_per_hour), a warm-up included; 0: no limit.",
    )
    save_every: int = Field(default=5, ge=1, description="Optimizer steps between checkpoints.")
    max_kl: float = Field(default=0.1, gt=0, description="Gate: mean KL a token to the stage's start.")
    validation_prompts: int = Field(default=32, ge=0, description="Held-back prompts for choosing the best checkpoint.")
    validate_every: int = Field(default=10, ge=1, description="Optimizer steps between validations.")
    patience: int = Field(
        default=0, ge=0, description="Stop after this many validations without a better reward; 0: never."
    )
    step_samples: int = Field(
        default=4, ge=0, le=50, description="Prompts whose answers, before and after, the report shows; 0: none."
    )

    @model_validator(mode="after")
    def _steered_within_bounds(self) -> PolicyConfig:
        if self.kl_target and not self.kl_beta_min <= self.kl_beta <= self.kl_beta_max:
            raise ValueError("with kl_target, kl_beta must lie between kl_beta_min and kl_beta_max")
        return self

    def in_steps(self, prompts: int) -> Self:
        """The same with `epochs` of so many prompts said in `steps`; refills may draw more prompts than a pass has."""
        if not self.epochs:
            return self
        batches = math.ceil(self.epochs * prompts / self.prompts_per_step)
        return self.model_copy(update={"steps": batches * self.updates_per_batch})

    @property
    def updates_per_batch(self) -> int:
        """Optimizer steps that are taken on one batch of rollouts."""
        return 1
