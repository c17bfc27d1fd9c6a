"""Settings of the held-out evaluation and of ablations."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from srl_pipeline.config.base import Config


class EvaluationConfig(Config):
    """The frozen held-out set."""

    scenarios: int = Field(default=200, ge=1, description="Scenarios evaluated, from the front of the frozen list.")
    max_tokens: int = Field(default=320, ge=16)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    stages: list[Literal["base", "warmup", "srl", "rlvr"]] = Field(
        default=["base", "warmup", "srl", "rlvr"], description="Checkpoints evaluated, where they exist."
    )
    expert_samples: int = Field(default=6, ge=0, le=20, description="Sample episodes shown in the report.")
    latency_scenarios: int = Field(
        default=12,
        ge=0,
        description="Scenarios that the last stage solves once more, one at a time, to measure its latency; 0: none.",
    )


class AblationConfig(Config):
    """The comparison of training methods at equal token budgets (`srl-pipeline ablate`)."""

    token_budget: int = Field(
        default=40_000, ge=1, description="Generated and trained tokens together that every trained arm may spend."
    )
    srl_share: float = Field(
        default=0.5, gt=0, lt=1, description="Share of the budget that SRL may spend where RLVR follows."
    )
    calibration_rollouts: int = Field(
        default=8, ge=1, description="Episodes a scenario, at temperature 1, that measure the start's pass rate."
    )
    train_candidates: int = Field(default=96, ge=1, description="Training scenarios measured.")
    held_out_candidates: int = Field(default=96, ge=1, description="Scenarios of the frozen held-out set measured.")
    hard_at_most: float = Field(default=0.0, ge=0, le=1, description="A scenario is hard up to this pass rate.")
    easy_at_least: float = Field(default=0.01, gt=0, le=1, description="A scenario is easy from this pass rate on.")
    train_scenarios: int = Field(default=48, ge=1, description="Training scenarios a regime, at most.")
    held_out_scenarios: int = Field(default=32, ge=1, description="Held-out scenarios a regime, at most.")
    min_train_scenarios: int = Field(default=4, ge=1, description="With fewer a regime is left out.")
    min_held_out_scenarios: int = Field(default=6, ge=1, description="With fewer a regime is left out.")
    samples: int = Field(
        default=4, ge=1, description="Episodes a held-out scenario at temperature 1, beside a greedy one."
    )

    @model_validator(mode="after")
    def _regimes_apart(self) -> AblationConfig:
        if self.hard_at_most >= self.easy_at_least:
            raise ValueError("hard_at_most must lie below easy_at_least: a scenario belongs to one regime")
        return self

    @model_validator(mode="after")
    def _minima_within_reach(self) -> AblationConfig:
        for name in ("train_scenarios", "held_out_scenarios"):
            if getattr(self, f"min_{name}") > getattr(self, name):
                raise ValueError(f"min_{name} is larger than {name}")
        return self
