"""Settings of SRL and of RLVR with its algorithms."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from srl_pipeline.config.base import Config
from srl_pipeline.config.policy import PolicyConfig


class RewardWeights(Config):
    """Composition of the step-wise reward; 'paper' is text similarity alone."""

    text: float = Field(default=0.3, ge=0, description="difflib ratio of the canonical action texts.")
    fields: float = Field(
        default=0.4, ge=0, description="Per-key similarity: enums equal, numbers by distance, sets by F1."
    )
    rules: float = Field(default=0.3, ge=0, description="Weighted share of the step's rules that hold.")

    @model_validator(mode="after")
    def _some_weight(self) -> RewardWeights:
        if self.text + self.fields + self.rules <= 0:
            raise ValueError("at least one weight must be above 0")
        return self


class SrlConfig(PolicyConfig):
    """Stage 1: step-wise reward against the expert's action (arXiv 2510.25992, section 3)."""

    targets: Literal["all", "paper"] = Field(default="all", description="'paper': the last step is never a target.")
    step_title: bool = Field(default=True, description="Give the title of the step to be written.")
    autojunk: bool = Field(
        default=False, description="difflib's heuristic; its default, and the paper preset, is True."
    )
    references: Literal["one", "nearest"] = Field(default="nearest", description="Which accepted action is compared.")
    weights: RewardWeights = RewardWeights()
    format_penalty: float = Field(default=-1.0, le=0, description="Reward of a completion that does not parse.")
    format_advantage: Literal["separate", "in_reward"] = Field(
        default="separate",
        description="'in_reward' (paper): the penalty enters the group's mean, std and filter like any reward.",
    )


class PpoConfig(Config):
    """What only `ppo` reads (arXiv 1707.06347; advantages: arXiv 1506.02438)."""

    updates_per_batch: int = Field(
        default=2,
        ge=1,
        description="Optimizer steps on one batch of rollouts; checkpoints lie between batches, never inside one.",
    )
    gamma: float = Field(default=1.0, gt=0, le=1, description="Discount a token.")
    gae_lambda: float = Field(
        default=1.0,
        ge=0,
        le=1,
        description="Below 1 the reward at an episode's end fades on its way back, and the value function is trusted.",
    )
    whiten: bool = Field(default=True, description="Advantages get mean 0 and std 1 over the tokens of a batch.")
    value_clip: float = Field(
        default=0.2, ge=0, description="A value is pushed at most this far from the old one; 0: any distance."
    )
    value_coef: float = Field(default=0.1, ge=0, description="Weight of the value loss beside the policy's.")
    value_learning_rate: float = Field(default=1e-4, gt=0, description="Learning rate of the value head.")
    group_filter: bool = Field(
        default=False,
        description="Drop groups that are all right or all wrong. Off: the value function must see them, or it learns "
        "the success rate of mixed groups alone.",
    )


class DpoConfig(Config):
    """What only `dpo` reads (arXiv 2305.18290)."""

    beta: float = Field(default=0.1, gt=0, description="How dearly a distance from the stage's start is paid.")
    pairs: int = Field(
        default=1, ge=1, description="Pairs of a group at most: best with worst, second best with second worst, …"
    )


class RlvrConfig(PolicyConfig):
    """Stage 2: reward for the verified outcome of a whole episode."""

    algorithm: Literal["grpo", "ppo", "dpo"] = Field(
        default="grpo", description="'grpo': group baseline; 'ppo': learned value function; 'dpo': verified pairs."
    )
    ppo: PpoConfig = PpoConfig()
    dpo: DpoConfig = DpoConfig()
    max_difficulty: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Train on scenarios up to this difficulty: where the student is never right it cannot learn.",
    )
    routing: Literal["off", "measured"] = Field(
        default="off",
        description="'measured': train on those scenarios alone that the student solves sometimes, as measured before.",
    )
    routing_rollouts: int = Field(default=4, ge=2, description="Episodes a scenario when 'measured'.")
    routing_scenarios: int = Field(default=32, ge=1, description="Training scenarios measured at most.")
    max_tokens: int = Field(default=320, ge=16, description="Tokens an episode.")

    @model_validator(mode="after")
    def _one_reference_term(self) -> RlvrConfig:
        if self.algorithm == "dpo" and (self.kl_beta or self.kl_target):
            raise ValueError("dpo's loss holds its own distance to the start (dpo.beta): leave kl_beta and kl_target 0")
        return self

    @property
    def updates_per_batch(self) -> int:
        return self.ppo.updates_per_batch if self.algorithm == "ppo" else 1
