"""A canary: do rollouts come from the *updated* weights?

The log-probabilities that completions were sampled with are compared with those that the training model gives the
same tokens: the gap is rounding when sampling and training see the same weights and the same text, and large when
they do not. The training model computes as in an update, with gradients: without them it would work with the sampler's
own copies of the weights (`kernels/weight_copies.py`), and nothing would be compared.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import torch

from srl_pipeline.training.kernels.shared_prefix import completion_logps

if TYPE_CHECKING:
    from srl_pipeline.training.optimization.trainer import PolicyTrainer
    from srl_pipeline.training.rollouts.collector import Group


@torch.enable_grad()
def sampler_gap(trainer: PolicyTrainer, groups: Sequence[Group]) -> float:
    """Mean absolute gap of log-probabilities a token, training model against sampler."""
    gaps: list[float] = []
    for group in groups:  # one at a time: what the backward pass would need is given back at once
        tokens = (group.prompt.ids, [c.ids for c in group.completions])
        found = completion_logps(trainer.model, [tokens], temperature=trainer.temperature)
        for ours, theirs in zip(found, (c.logps for c in group.completions), strict=True):
            gaps += [abs(a - b) for a, b in zip(ours.tolist(), theirs, strict=True)]
    return sum(gaps) / len(gaps)
