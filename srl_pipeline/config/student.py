"""Settings of the student, its declared warm-up, and the checks before it is trained."""

from __future__ import annotations

from typing import Literal

from pydantic import Field, model_validator

from srl_pipeline.config.base import Config


class StudentConfig(Config):
    """The model that is trained."""

    name: str = Field(default="smollm2-135m", description="'smollm2-135m', 'tiny', or a Hugging Face folder or name.")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="'auto': bfloat16 where it is native; float32 when the whole model is tuned."
    )
    tuning: Literal["lora", "full"] = Field(
        default="lora", description="'full': every weight but the input and output embeddings is trained."
    )
    lora_rank: int = Field(default=16, ge=1)
    lora_alpha: int = Field(default=32, ge=1)
    lora_layers: float = Field(
        default=1.0, gt=0, le=1, description="Share of the layers, from the top, that get adapters."
    )
    lora_targets: list[str] | Literal["all-linear"] = "all-linear"

    @model_validator(mode="after")
    def _weights_that_small_steps_can_move(self) -> StudentConfig:
        if self.tuning == "full" and self.dtype == "bfloat16":
            raise ValueError("full tuning needs float32: bfloat16 would round most updates away")
        return self


class WarmupConfig(Config):
    """The declared format warm-up: short SFT, only where the student cannot follow the format (preflight)."""

    mode: Literal["auto", "always", "never"] = "auto"
    min_format_rate: float = Field(default=0.5, ge=0, le=1, description="'auto' warms up below this measured rate.")
    steps: int = Field(default=30, ge=0, description="Optimizer steps.")
    batch_size: int = Field(default=8, ge=1, description="Transcripts a step.")
    micro_batch_size: int = Field(default=4, ge=1)
    learning_rate: float = Field(default=5e-4, gt=0)


class PreflightConfig(Config):
    """Before SRL and before RLVR a few prompts are sampled: is there anything to learn from, and is there room?"""

    mode: Literal["refuse", "propose", "off"] = Field(
        default="refuse", description="'propose': even a start without hope is only reported."
    )
    prompts: int = Field(default=6, ge=1, le=64, description="Training prompts sampled before SRL.")
    episodes: int = Field(default=4, ge=1, le=64, description="Scenarios sampled before RLVR.")
    min_format_rate: float = Field(
        default=0.01, ge=0, le=1, description="SRL is refused where fewer of the sampled steps parse."
    )
