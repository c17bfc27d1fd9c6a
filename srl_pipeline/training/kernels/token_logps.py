"""Log-probabilities of given tokens from hidden states, without ever holding all logits.

The vocabulary is far larger than the hidden size, so logits are made, used and dropped in chunks; the backward pass
makes them again.
"""

from __future__ import annotations

from typing import Any

import torch

CHUNK = 256
"""Positions whose logits are held at once."""


class _TokenLogps(torch.autograd.Function):
    @staticmethod
    def forward(
        ctx: Any, hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor, temperature: float
    ) -> torch.Tensor:
        found = []
        totals = []
        for rows, wanted in zip(hidden.split(CHUNK), labels.split(CHUNK), strict=True):
            logits = _logits(rows, weight, temperature)
            total = logits.logsumexp(-1)
            found.append(logits.gather(1, wanted[:, None]).squeeze(1) - total)
            totals.append(total)
        ctx.save_for_backward(hidden, weight, labels, torch.cat(totals))
        ctx.temperature = temperature
        return torch.cat(found)

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        hidden, weight, labels, totals = ctx.saved_tensors
        back = torch.empty_like(hidden)
        for start in range(0, len(labels), CHUNK):
            part = slice(start, start + CHUNK)
            # d logp / d logits = onehot - softmax
            chances = _logits(hidden[part], weight, ctx.temperature).sub_(totals[part, None]).exp_()
            grad = grads[0][part, None].float()
            chances.mul_(-grad)
            chances.scatter_add_(1, labels[part, None], grad)
            back[part] = (chances.to(weight.dtype) @ weight).div_(ctx.temperature)
        return back, None, None, None


def token_logps(hidden: torch.Tensor, weight: torch.Tensor, labels: torch.Tensor, temperature: float) -> torch.Tensor:
    """``log softmax(hidden @ weight.T / temperature)`` at ``labels``: ``[N]``; hidden ``[N, H]``, weight ``[V, H]``.

    Differentiable in ``hidden`` only: output embeddings are frozen in every stage.
    """
    return _TokenLogps.apply(hidden, weight, labels, temperature)


def _logits(hidden: torch.Tensor, weight: torch.Tensor, temperature: float) -> torch.Tensor:
    logits = (hidden @ weight.t()).float()
    return logits if temperature == 1.0 else logits.div_(temperature)
