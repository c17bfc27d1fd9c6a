"""Generalised advantage estimation (Schulman et al., arXiv 1506.02438). Pure functions, computed in float64.

All tensors are ``[B, T]``: sequences by tokens, padded at the end; ``mask`` is 1 where a token is. Token t is the
action taken in the state before it, and ``values[:, t]`` is that state's value.
"""

from __future__ import annotations

from collections.abc import Sequence

import torch
from torch import Tensor

EPSILON = 1e-8
"""Added to the std when whitening; far above the rounding of float64, so that equal advantages become 0."""


def token_rewards(
    outcomes: Tensor, mask: Tensor, logps: Tensor, reference: Tensor | None, coefficient: float
) -> Tensor:
    """Reward of each token: the outcome ``[B]`` at the last one, minus the KL penalty at every one.

    The penalty is ``coefficient * (logps - reference)``, the unbiased estimate of the KL on sampled tokens (k1); as a
    reward it may be negative, so its variance, not its bias, is what one pays.
    """
    mask = mask.double()
    rewards = torch.zeros_like(mask)
    if reference is not None:
        rewards -= coefficient * (logps.double() - reference.double()) * mask
    last = mask.sum(1).long() - 1
    rewards[torch.arange(len(rewards), device=rewards.device), last] += outcomes.double()
    return rewards


def advantages_and_returns(
    rewards: Tensor, values: Tensor, mask: Tensor, *, gamma: float, lam: float
) -> tuple[Tensor, Tensor]:
    """``A_t = sum_l (gamma lam)^l delta_{t+l}``, ``delta_t = r_t + gamma V_{t+1} - V_t`` (eq. 16); returns ``A + V``.

    The state after the last token has no value, also where the episode was cut off at its token limit: such an episode
    has failed, and what it might still have become is not to be rewarded.
    """
    mask = mask.double()
    rewards, values = rewards.double() * mask, values.double() * mask
    found = torch.zeros_like(values)
    after = torch.zeros_like(values[:, 0])
    value_after = torch.zeros_like(after)
    for t in reversed(range(values.shape[1])):
        delta = rewards[:, t] + gamma * value_after - values[:, t]
        after = found[:, t] = (delta + gamma * lam * after) * mask[:, t]
        value_after = values[:, t]
    return found, found + values


def whiten(parts: Sequence[Tensor], masks: Sequence[Tensor]) -> list[Tensor]:
    """Mean 0 and population std 1 over the tokens of all parts together; equal values become 0."""
    tokens = _tokens(parts, masks)
    mean, std = tokens.mean(), tokens.std(correction=0)
    return [(part - mean) / (std + EPSILON) * mask for part, mask in zip(parts, masks, strict=True)]


def explained_variance(returns: Sequence[Tensor], values: Sequence[Tensor], masks: Sequence[Tensor]) -> float:
    """``1 - Var(R - V) / Var(R)`` over all tokens: 1 is a perfect value function, 0 one that is constant.

    Not a number where all returns are equal.
    """
    target, guess = _tokens(returns, masks), _tokens(values, masks).double()
    spread = float(target.var(correction=0))
    return 1 - float((target - guess).var(correction=0)) / spread if spread > 0 else float("nan")


def _tokens(parts: Sequence[Tensor], masks: Sequence[Tensor]) -> Tensor:
    """The values at tokens, one after another."""
    return torch.cat([part[mask.bool()] for part, mask in zip(parts, masks, strict=True)])
