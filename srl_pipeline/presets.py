"""Named configurations, one function each. Start with `smoke`: it takes seconds."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

from srl_pipeline.config import (
    EvaluationConfig,
    GenerationConfig,
    LoreConfig,
    PipelineConfig,
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
        evaluation=EvaluationConfig(scenarios=6, max_tokens=300, expert_samples=2),
    )


def embedded() -> PipelineConfig:
    """Minutes on two CPU cores with the default student: the main job."""
    return PipelineConfig(
        preset="embedded",
        generation=GenerationConfig(scenarios=400, reasoning_words=0),
        student=StudentConfig(lora_layers=0.7),
        # many small steps: 96 of 4 transcripts taught far more than 32 of 8 in the same time (docs/results.md)
        warmup=WarmupConfig(steps=96, batch_size=4, micro_batch_size=4, learning_rate=1e-3),
        srl=SrlConfig(
            steps=4,
            max_tokens=40,
            max_resamples=1,
            save_every=2,
            validation_prompts=24,
            validate_every=2,
        ),
        rlvr=RlvrConfig(
            steps=3,
            max_tokens=176,
            max_resamples=0,
            save_every=1,
            validation_prompts=8,
            validate_every=3,
        ),
        evaluation=EvaluationConfig(scenarios=60, max_tokens=176),
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
    )


PRESETS: dict[str, Callable[[], PipelineConfig]] = {"smoke": smoke, "embedded": embedded, "gpu": gpu}


def preset(name: str) -> PipelineConfig:
    """A preset by name."""
    if name not in PRESETS:
        raise PipelineError(f"There is no preset {name!r}.", where="preset", mend=f"Use one of {', '.join(PRESETS)}.")
    return PRESETS[name]()


def pack_config(name: str, overrides: Mapping[str, Any]) -> PipelineConfig:
    """A preset with overrides by dotted name: a pack's ``training:`` section, a user's settings."""
    return override(preset(name), dict(overrides))
