"""The one configuration tree: typed, validated, defaults documented. `presets` names complete configurations.

Every value can be overridden by its dotted name (``srl.learning_rate=1e-4``): in the Launchpad, on the command line,
or in a pack's ``training:`` section. An unknown name is an error.
"""

from __future__ import annotations

import math
import os
from pathlib import Path
from typing import Any, Literal, Self

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


class EvaluationConfig(Config):
    """The frozen held-out set."""

    scenarios: int = Field(default=200, ge=1, description="Scenarios evaluated, from the front of the frozen list.")
    max_tokens: int = Field(default=320, ge=16)
    confidence: float = Field(default=0.95, gt=0.5, lt=1)
    stages: list[Literal["base", "warmup", "srl", "rlvr"]] = ["base", "warmup", "srl", "rlvr"]
    expert_samples: int = Field(default=6, ge=0, le=20, description="Sample episodes shown in the report.")


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


class PipelineConfig(Config):
    """Everything that decides a run of the chain."""

    preset: str
    seed: int = 1
    device: Literal["auto", "cpu", "cuda"] = "auto"
    processes: int = Field(
        default=1, ge=1, description="Processes that train a stage together on one machine: one a GPU."
    )
    usd_per_hour: float = Field(
        default=0.0, ge=0, description="Price of the machine that trains; 0: nothing is charged. Changes no weight."
    )
    lore: LoreConfig = LoreConfig()
    generation: GenerationConfig = GenerationConfig()
    student: StudentConfig = StudentConfig()
    warmup: WarmupConfig = WarmupConfig()
    preflight: PreflightConfig = PreflightConfig()
    srl: SrlConfig = SrlConfig()
    rlvr: RlvrConfig = RlvrConfig()
    evaluation: EvaluationConfig = EvaluationConfig()
    ablation: AblationConfig = AblationConfig()

    @model_validator(mode="after")
    def _money_has_a_price(self) -> PipelineConfig:
        if (self.srl.cost_budget_usd or self.rlvr.cost_budget_usd) and not self.usd_per_hour:
            raise ValueError("cost_budget_usd needs the price of the machine: set usd_per_hour")
        return self


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
            f"{name} = {first.get('input')!r}: {first['msg']}." if name else f"{first['msg']}.",
            where="overrides",
            mend="Give a value within its bounds.",
        ) from error


def home() -> Path:
    """Where artifacts, caches and history live: ``SRL_HOME``, else ``.srl`` in the current folder."""
    return Path(os.environ.get("SRL_HOME") or ".srl").absolute()
