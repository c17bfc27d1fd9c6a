"""Named configurations, one function each. Start with `smoke`: it takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from srl_pipeline.config import (
    AblationConfig,
    EvaluationConfig,
    GenerationConfig,
    LoreConfig,
    PipelineConfig,
    PreflightConfig,
    RewardWeights,
    RlvrConfig,
    SrlConfig,
    StudentConfig,
    WarmupConfig,
    override,
)
from srl_pipeline.errors import PipelineError


def smoke() -> PipelineConfig:
    """A minute: a tiny student that learns next to nothing. For tests; it proves that the chain runs."""
    return PipelineConfig(
        preset="smoke",
        lore=LoreConfig(budget_tokens=160),
        generation=GenerationConfig(scenarios=16, candidates=2, reasoning_words=0),
        student=StudentConfig(name="tiny", dtype="float32", lora_rank=8, lora_alpha=16),
        warmup=WarmupConfig(mode="always", steps=32, batch_size=4, micro_batch_size=4, learning_rate=5e-3),
        preflight=PreflightConfig(episodes=2),
        srl=SrlConfig(
            steps=2,
            prompts_per_step=2,
            rollouts=4,
            temperature=0.7,
            max_tokens=72,
            max_resamples=2,
            save_every=1,
            validation_prompts=2,
            validate_every=1,
            std_epsilon=0.0,
            max_kl=1.0,
        ),
        rlvr=RlvrConfig(
            steps=2,
            prompts_per_step=2,
            rollouts=4,
            temperature=0.7,
            max_tokens=300,
            max_resamples=2,
            save_every=1,
            validation_prompts=2,
            validate_every=1,
            std_epsilon=0.0,
            max_kl=1.0,
        ),
        evaluation=EvaluationConfig(scenarios=6, max_tokens=300, expert_samples=2, latency_scenarios=3),
        ablation=AblationConfig(
            token_budget=5_000,
            calibration_rollouts=2,
            train_candidates=12,
            held_out_candidates=6,
            train_scenarios=8,
            held_out_scenarios=4,
            min_train_scenarios=2,
            min_held_out_scenarios=2,
            samples=2,
        ),
    )


def embedded() -> PipelineConfig:
    """Minutes on two CPU cores with the default student: the main job."""
    return PipelineConfig(
        preset="embedded",
        generation=GenerationConfig(scenarios=400, reasoning_words=0),
        student=StudentConfig(lora_layers=0.7),
        # many small steps: 96 of 4 transcripts taught far more than 32 of 8 in the same time (docs/results.md)
        warmup=WarmupConfig(steps=96, batch_size=4, micro_batch_size=4, learning_rate=1e-3),
        preflight=PreflightConfig(prompts=4, episodes=2),  # a third of a step each
        # after such a warm-up the texts are alike already: what differs is whether the rules hold, and a group whose
        # answers differ less than that is not worth a step of full size (docs/results.md, "SRL's settings")
        srl=SrlConfig(
            steps=6,
            learning_rate=6e-5,
            weights=RewardWeights(text=0.0, fields=0.3, rules=0.7),
            std_epsilon=0.05,
            max_tokens=40,
            max_resamples=1,
            save_every=3,
            validation_prompts=16,
            validate_every=3,
        ),
        rlvr=RlvrConfig(
            steps=2,
            learning_rate=6e-5,
            max_tokens=176,
            max_resamples=0,
            save_every=1,
            validation_prompts=8,
            validate_every=2,
            step_samples=2,  # whole episodes: half the time of four
        ),
        evaluation=EvaluationConfig(scenarios=60, max_tokens=176, latency_scenarios=8),
        ablation=AblationConfig(  # a regime and seed without bfloat16 units: two hours on one core
            token_budget=20_000,
            calibration_rollouts=4,
            train_candidates=48,
            held_out_candidates=48,
            train_scenarios=32,
            held_out_scenarios=24,
            samples=2,
        ),
    )


def gpu() -> PipelineConfig:
    """One GPU, LoRA, a student of 0.5 to 8 billion parameters (name it: ``student.name``)."""
    return PipelineConfig(
        preset="gpu",
        generation=GenerationConfig(scenarios=2000, candidates=2, concurrency=8, reasoning_words=40),
        warmup=WarmupConfig(steps=60, batch_size=32, micro_batch_size=8, learning_rate=2e-4),
        srl=SrlConfig(
            steps=300, prompts_per_step=32, micro_batch_size=32, learning_rate=5e-5, save_every=20, max_tokens=128
        ),
        rlvr=RlvrConfig(
            steps=300, prompts_per_step=32, micro_batch_size=32, learning_rate=3e-5, save_every=20, max_tokens=512
        ),
        evaluation=EvaluationConfig(max_tokens=512),
        ablation=AblationConfig(
            token_budget=4_000_000,
            train_candidates=1000,
            held_out_candidates=200,
            train_scenarios=400,
            held_out_scenarios=80,
            min_train_scenarios=32,
            min_held_out_scenarios=12,
            samples=8,
        ),
    )


def paper() -> PipelineConfig:
    """The figures of arXiv 2510.25992, as literal as its text allows, for a student of 7 billion parameters.

    Name the student (``student.name``). Full tuning keeps weights, gradients and Adam's two moments in float32: about
    16 bytes a parameter. ``docs/fidelity.md`` goes through the text statement by statement.

    Deviations: the transcript grammar and the packs are ours, a monologue is allowed but not demanded, and input and
    output embeddings stay frozen. Where the text is silent: a batch of 512 counts prompts; the clip is 0.2, the
    learning rate constant, Adam without weight decay; a batch is refilled up to 8 times; the filter's threshold is
    0.01; completions are bounded by 1,024 tokens (a step) and 4,096 (an episode). RLVR takes the figures of SRL.
    """
    figures: dict[str, Any] = {
        "epochs": 30,
        "prompts_per_step": 512,
        "rollouts": 8,
        "temperature": 1.0,
        "learning_rate": 5e-7,
        "max_grad_norm": 1.0,
        "kl_beta": 0.0,
        "clip_epsilon": 0.2,
        "max_resamples": 8,
        "validation_prompts": 64,
        "validate_every": 5,
    }
    return PipelineConfig(
        preset="paper",
        generation=GenerationConfig(scenarios=1000, candidates=1, reasoning_words=0),
        student=StudentConfig(tuning="full"),
        warmup=WarmupConfig(mode="never"),
        srl=SrlConfig(
            **figures,
            max_tokens=1024,
            targets="paper",
            references="one",
            autojunk=True,
            weights=RewardWeights(text=1.0, fields=0.0, rules=0.0),
            format_penalty=-1.0,
            format_advantage="in_reward",
        ),
        rlvr=RlvrConfig(**figures, max_tokens=4096),
        evaluation=EvaluationConfig(max_tokens=4096),
    )


PRESETS: dict[str, Callable[[], PipelineConfig]] = {"smoke": smoke, "embedded": embedded, "gpu": gpu, "paper": paper}


def preset(name: str) -> PipelineConfig:
    """A preset by name."""
    if name not in PRESETS:
        raise PipelineError(f"There is no preset {name!r}.", where="preset", mend=f"Use one of {', '.join(PRESETS)}.")
    return PRESETS[name]()


def pack_config(name: str, overrides: Mapping[str, Any]) -> PipelineConfig:
    """A preset with overrides by dotted name: a pack's ``training:`` section, a user's settings."""
    return override(preset(name), dict(overrides))
