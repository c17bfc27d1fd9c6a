"""A canary: do rollouts come from the *updated* weights?

The log-probabilities that completions were sampled with are compared with those that the training model gives the
same tokens: the gap is rounding when sampling and training see the same weights and the same text, and large when
they do not.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from srl_pipeline.training.kernels.shared_prefix import completion_logps

if TYPE_CHECKING:
    from srl_pipeline.training.optimization.trainer import PolicyTrainer
    from srl_pipeline.training.rollouts.collector import Group


@torch.no_grad()
def sampler_gap(trainer: PolicyTrainer, groups: Sequence[Group]) -> float:
    """Mean absolute gap of log-probabilities a token, training model against sampler."""
    tokens = [(g.prompt.ids, [c.ids for c in g.completions]) for g in groups]
    found = completion_logps(trainer.model, tokens, temperature=trainer.temperature)
    sampled = [c.logps for g in groups for c in g.completions]
    gaps = [
        abs(a - b)
        for ours, theirs in zip(found, sampled, strict=True)
        for a, b in zip(ours.tolist(), theirs, strict=True)
    ]
    return sum(gaps) / len(gaps)
