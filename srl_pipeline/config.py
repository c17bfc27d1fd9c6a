"""The one configuration tree: typed, validated, defaults documented. `presets` names complete configurations.

Every value can be overridden by its dotted name (``srl.learning_rate=1e-4``): in the Launchpad, on the command line,
or in a pack's ``training:`` section. An unknown name is an error.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any, Literal

from pydantic import BaseModel, ConfigDict, Field, ValidationError, model_validator

from srl_pipeline.errors import PipelineError


class Config(BaseModel):
    """Base: closed and immutable."""

    model_config = ConfigDict(frozen=True, extra="forbid", protected_namespaces=())


class LoreConfig(Config):
    """Model A."""

    embedder: str = Field(
        default="minilm", description="'minilm' (offline package) or the path of a Hugging Face encoder."
    )
    candidates: int = Field(default=12, ge=1, description="Chunks that each query brings before fusion.")
    rrf_k: int = Field(default=60, ge=1, description="Constant of reciprocal rank fusion, 1/(k + rank).")
    budget_tokens: int = Field(
        default=280, ge=16, description="Tokens of lore that a prompt may carry (embedder's tokens)."
    )
    max_chunk_words: int = Field(default=90, ge=20, description="Longer sections are cut at sentence ends.")


class GenerationConfig(Config):
    """Models B and C make trajectories."""

    teacher: str = Field(default="search", description="Name of the teacher; its version is pinned by teacher_model.")
    scenarios: int = Field(default=240, ge=2, description="Scenarios drawn in one generation.")
    candidates: int = Field(
        default=1, ge=1, le=8, description="Candidate solutions a scenario; all but the first near-best."
    )
    generation: int = Field(default=1, ge=1, description="Number of this generation: another number, other scenarios.")
    max_revisions: int = Field(default=2, ge=0, description="Times a rejected step goes back to the teacher.")
    concurrency: int = Field(default=2, ge=1, description="Scenarios worked on at once.")
    reasoning_words: int = Field(default=24, ge=0, description="Words of reasoning kept a step; 0 leaves it out.")
    min_acceptance: float = Field(
        default=0.8, ge=0, le=1, description="Gate: share of trajectories that Model C accepts."
    )
    min_novelty: float = Field(default=0.05, ge=0, le=1, description="Gate: mean novelty of the scenarios drawn.")
    validation_share: float = Field(
        default=0.1, gt=0, lt=0.5, description="Share of scenarios kept for validation rewards."
    )


class StudentConfig(Config):
    """The model that is trained."""

    name: str = Field(default="smollm2-135m", description="'smollm2-135m', 'tiny', or a Hugging Face folder or name.")
    dtype: Literal["auto", "float32", "bfloat16"] = Field(
        default="auto", description="'auto': bfloat16 where it is native."
    )
    lora_rank: int = Field(default=16, ge=1)
    lora_alpha: int = Field(default=32, ge=1)
    lora_layers: float = Field(
        default=1.0, gt=0, le=1, description="Share of the layers, from the top, that get adapters."
    )
    lora_targets: list[str] | Literal["all-linear"] = "all-linear"


class WarmupConfig(Config):
    """The declared format warm-up: short SFT, only where the student cannot follow the format (preflight)."""

    mode: Literal["auto", "always", "never"] = "auto"
    min_format_rate: float = Field(default=0.5, ge=0, le=1, description="'auto' warms up below this measured rate.")
    steps: int = Field(default=30, ge=0, description="Optimizer steps.")
    batch_size: int = Field(default=8, ge=1, description="Transcripts a step.")
    micro_batch_size: int = Field(default=4, ge=1)
    learning_rate: float = Field(default=5e-4, gt=0)


class PolicyConfig(Config):
    """What SRL and RLVR share: GRPO on a LoRA adapter."""

    steps: int = Field(default=20, ge=0, description="Optimizer steps.")
    prompts_per_step: int = Field(default=8, ge=1)
    rollouts: int = Field(default=8, ge=2, description="G: completions a prompt.")
    micro_batch_size: int = Field(default=8, ge=1, description="Sequences in one forward and backward pass.")
    learning_rate: float = Field(default=1e-4, gt=0)
    temperature: float = Field(default=1.0, gt=0)
    clip_epsilon: float = Field(default=0.2, gt=0, lt=1)
    kl_beta: float = Field(default=0.0, ge=0, description="Coefficient of the KL term to the stage's start.")
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
    save_every: int = Field(default=5, ge=1, description="Optimizer steps between checkpoints.")
    max_kl: float = Field(default=0.1, gt=0, description="Gate: mean KL a token to the stage's start.")
    validation_prompts: int = Field(default=32, ge=0, description="Held-back prompts for choosing the best checkpoint.")
    validate_every: int = Field(default=10, ge=1, description="Optimizer steps between validations.")


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


class RlvrConfig(PolicyConfig):
    """Stage 2: reward for the verified outcome of a whole episode."""

    algorithm: Literal["grpo"] = "grpo"
    max_difficulty: float = Field(
        default=1.0,
        gt=0,
        le=1,
        description="Train on scenarios up to this difficulty: where the student is never right it cannot learn.",
    )
    max_tokens: int = Field(default=320, ge=16, description="Tokens an episode.")


class EvaluationConfig(Config):
    """The frozen held-out set."""

    scenarios: int = Field(default=200, ge=1, description="Scenarios evaluated, from the front of the frozen list.")
    max_tokens: int = Field(default=320, ge=16)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    stages: list[Literal["base", "warmup", "srl", "rlvr"]] = ["base", "warmup", "srl", "rlvr"]
    expert_samples: int = Field(default=6, ge=0, le=20, description="Sample episodes shown in the report.")


class PipelineConfig(Config):
    """Everything that decides a run of the chain."""

    preset: str
    seed: int = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    lore: LoreConfig = LoreConfig()
    generation: GenerationConfig = GenerationConfig()
    student: StudentConfig = StudentConfig()
    warmup: WarmupConfig = WarmupConfig()
    srl: SrlConfig = SrlConfig()
    rlvr: RlvrConfig = RlvrConfig()
    evaluation: EvaluationConfig = EvaluationConfig()


def override(config: PipelineConfig, values: dict[str, Any]) -> PipelineConfig:
    """``config`` with dotted names replaced; raises PipelineError for an unknown name or a bad value."""
    tree = config.model_dump()
    for dotted, value in values.items():
        *parents, leaf = dotted.split(".")
        node: Any = tree
        for part in parents:
            node = node.get(part) if isinstance(node, dict) else None
        if not isinstance(node, dict) or leaf not in node:
            raise PipelineError(
                f"There is no setting {dotted!r}.", where="overrides", mend="Names are those of srl_pipeline/config.py."
            )
        node[leaf] = value
    try:
        return PipelineConfig.model_validate(tree)
    except ValidationError as error:
        first = error.errors()[0]
        name = ".".join(str(p) for p in first["loc"])
        raise PipelineError(
            f"{name} = {first.get('input')!r}: {first['msg']}.",
            where="overrides",
            mend="Give a value within its bounds.",
        ) from error


def home() -> Path:
    """Where artifacts, caches and history live: ``SRL_HOME``, else ``.srl`` in the current folder."""
    return Path(os.environ.get("SRL_HOME") or ".srl").absolute()
