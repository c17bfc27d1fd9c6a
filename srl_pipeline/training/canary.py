"""A canary: do rollouts come from the *updated* weights?

The sampler holds a merged copy of the student. Were it stale, its greedy choices would be those of an older policy. So fresh completions are
scored by the training model and by the sampler's copy; the gap is rounding when the copy is current and large when it is not.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import torch

from srl_pipeline.training.shared_prefix import TokenGroup, completion_logps

if TYPE_CHECKING:
    from srl_pipeline.training.trainer import PolicyTrainer

@torch.no_grad()
def sampler_gap(trainer: PolicyTrainer, groups: list[TokenGroup]) -> float:
    """Mean absolute gap of log-probabilities a token on ``groups``, policy against sampler."""
    pad = trainer.processing_class.pad_token_id
    policy, _ = completion_logps(trainer.model, groups, temperature=1.0, pad_id=pad)
    copied, _ = completion_logps(trainer.sampler.weights, groups, temperature=1.0, pad_id=pad)
    gaps = torch.cat([(a - b).abs() for a, b in zip(policy, copied, strict=True)])
    return float(gaps.mean())
