"""Which sampler a stage's configuration asks for."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from srl_pipeline.config import PolicyConfig
from srl_pipeline.training.rollouts.sampling import Sampler
from srl_pipeline.training.students.student import Student


def policy_sampler(student: Student, model: Any, config: PolicyConfig, scratch: Path) -> Any:
    """A `Sampler`, or a `VllmSampler` that is called alike and keeps the adapter's copies in ``scratch``."""
    if config.sampler == "own":
        return Sampler(model, student.tokenizer)
    from srl_pipeline.training.rollouts.vllm_sampler import VllmSampler

    return VllmSampler(model, student, scratch, memory_share=config.vllm_memory_share)
