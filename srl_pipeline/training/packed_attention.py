"""Attention for packed groups ``[prompt | c1 | … | cG]``: every query meets only the keys that it may see.

A masked attention over the packed sequence would compute all L² scores and hide most of them (with 8 completions of
140 tokens two thirds). Here the prompt attends causally to itself, and each completion to the prompt and causally to
itself; several groups lie one after another without padding. The backward pass is written out and recomputes the
weights, so that no score matrix is kept.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import torch
from torch.nn import functional
from transformers import AttentionInterface

NAME = "srl_packed_groups"


@dataclass(frozen=True)
class GroupLayout:
    """Where one group lies in the packed sequence.

    Attributes:
        start: Position of its prompt's first token.
        prompt: Number of prompt tokens.
        lengths: Number of tokens of each completion; they follow the prompt without gaps.
    """

    start: int
    prompt: int
    lengths: tuple[int, ...]

    def places(self, device: torch.device) -> tuple[torch.Tensor, torch.Tensor]:
        """Positions of the completions' tokens, padded to ``[G, T]``, and which of them are real."""
        longest = max(self.lengths)
        sizes = torch.tensor(self.lengths, device=device)
        first = self.start + self.prompt + functional.pad(sizes.cumsum(0)[:-1], (1, 0))
        steps = torch.arange(longest, device=device)
        real = steps[None, :] < sizes[:, None]
        return torch.where(real, first[:, None] + steps[None, :], first[:, None]), real


class _CompletionAttention(torch.autograd.Function):
    """Completions to their prompt and, causally, to themselves.

    Shapes: query ``[kv, share, G, T, D]``; prompt key/value ``[kv, P, D]``; own key/value ``[kv, G, T, D]``.
    Returns the query's shape.
    """

    @staticmethod
    def forward(
        ctx: Any,
        query: torch.Tensor,
        prompt_key: torch.Tensor,
        prompt_value: torch.Tensor,
        own_key: torch.Tensor,
        own_value: torch.Tensor,
        scale: float,
    ) -> torch.Tensor:
        prompt_scores, own_scores = _scores(query, prompt_key, own_key, scale)
        total = torch.logaddexp(prompt_scores.logsumexp(-1, keepdim=True), own_scores.logsumexp(-1, keepdim=True))
        prompt_weights = prompt_scores.sub_(total).exp_().to(query.dtype)
        own_weights = own_scores.sub_(total).exp_().to(query.dtype)
        out = _mix(prompt_weights, prompt_value, own_weights, own_value, query.shape)
        ctx.save_for_backward(query, prompt_key, prompt_value, own_key, own_value, total, out)
        ctx.scale = scale
        return out

    @staticmethod
    def backward(ctx: Any, *grads: torch.Tensor) -> Any:
        query, prompt_key, prompt_value, own_key, own_value, total, out = ctx.saved_tensors
        kv, share, count, length, dim = query.shape
        grad = grads[0].contiguous()
        prompt_scores, own_scores = _scores(query, prompt_key, own_key, ctx.scale)
        prompt_weights = prompt_scores.sub_(total).exp_()
        own_weights = own_scores.sub_(total).exp_()
        delta = (grad.float() * out.float()).sum(-1, keepdim=True)
        flat = grad.view(kv, -1, dim)
        flat_query = query.reshape(kv, -1, dim)
        by_row = grad.transpose(1, 2).reshape(kv * count, share * length, dim)
        query_by_row = query.transpose(1, 2).reshape(kv * count, share * length, dim)
        own_k, own_v = own_key.reshape(kv * count, length, dim), own_value.reshape(kv * count, length, dim)
        d_prompt_value = prompt_weights.view(kv, -1, prompt_weights.shape[-1]).to(grad.dtype).transpose(1, 2) @ flat
        d_prompt = (flat @ prompt_value.transpose(1, 2)).view(prompt_weights.shape).float()
        d_prompt = (
            d_prompt.sub_(delta)
            .mul_(prompt_weights)
            .mul_(ctx.scale)
            .to(grad.dtype)
            .view(kv, -1, prompt_weights.shape[-1])
        )
        own_rows = own_weights.transpose(1, 2).reshape(kv * count, share * length, length)
        d_own_value = own_rows.to(grad.dtype).transpose(1, 2) @ by_row
        delta_rows = delta.transpose(1, 2).reshape(kv * count, share * length, 1)
        d_own = (by_row @ own_v.transpose(1, 2)).float().sub_(delta_rows).mul_(own_rows).mul_(ctx.scale).to(grad.dtype)
        d_query = (d_prompt @ prompt_key).view(kv, share, count, length, dim)
        d_query = d_query + (d_own @ own_k).view(kv, count, share, length, dim).transpose(1, 2)
        return (
            d_query,
            d_prompt.transpose(1, 2) @ flat_query,
            d_prompt_value,
            (d_own.transpose(1, 2) @ query_by_row).view(own_key.shape),
            d_own_value.view(own_value.shape),
            None,
        )


def _scores(
    query: torch.Tensor, prompt_key: torch.Tensor, own_key: torch.Tensor, scale: float
) -> tuple[torch.Tensor, torch.Tensor]:
    """Float32 scores ``[kv, share, G, T, P]`` and ``[kv, share, G, T, T]``, the latter with the future masked."""
    kv, share, count, length, dim = query.shape
    prompt = (query.reshape(kv, -1, dim) @ prompt_key.transpose(1, 2)).float().mul_(scale)
    by_row = query.transpose(1, 2).reshape(kv * count, share * length, dim)
    own = (by_row @ own_key.reshape(kv * count, length, dim).transpose(1, 2)).float().mul_(scale)
    own = own.view(kv, count, share, length, length).transpose(1, 2)
    future = torch.ones(length, length, dtype=torch.bool, device=query.device).triu(1)
    return prompt.view(kv, share, count, length, -1), own.masked_fill(future, float("-inf"))


def _mix(
    prompt_weights: torch.Tensor,
    prompt_value: torch.Tensor,
    own_weights: torch.Tensor,
    own_value: torch.Tensor,
    shape: torch.Size,
) -> torch.Tensor:
    kv, share, count, length, dim = shape
    out = (prompt_weights.view(kv, -1, prompt_weights.shape[-1]) @ prompt_value).view(shape)
    rows = own_weights.transpose(1, 2).reshape(kv * count, share * length, length)
    own = rows @ own_value.reshape(kv * count, length, dim)
    return out + own.view(kv, count, share, length, dim).transpose(1, 2)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    layout: Sequence[GroupLayout] | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention over a packed row; ``query`` is ``[1, heads, L, D]``, ``key`` and ``value`` ``[1, kv heads, L, D]``."""
    if layout is None or query.shape[0] != 1:
        raise ValueError("this attention serves one packed row with its layout")
    heads, dim = query.shape[1], query.shape[3]
    kv = key.shape[1]
    scale = scaling if scaling is not None else dim**-0.5
    pieces: list[torch.Tensor] = []
    for group in layout:
        prompt = slice(group.start, group.start + group.prompt)
        pieces.append(
            functional.scaled_dot_product_attention(
                query[:, :, prompt],
                _repeat(key[:, :, prompt], heads // kv),
                _repeat(value[:, :, prompt], heads // kv),
                is_causal=True,
                scale=scale,
            )[0]
        )
        places, real = group.places(query.device)
        count, longest = places.shape
        flat = places.flatten()
        found = _CompletionAttention.apply(
            query[0].index_select(1, flat).view(kv, heads // kv, count, longest, dim),
            key[0, :, prompt],
            value[0, :, prompt],
            key[0].index_select(1, flat).view(kv, count, longest, dim),
            value[0].index_select(1, flat).view(kv, count, longest, dim),
            scale,
        )
        pieces.append(found.reshape(heads, count * longest, dim)[:, real.flatten()])
    return torch.cat(pieces, dim=1).transpose(0, 1).unsqueeze(0), None


def _repeat(states: torch.Tensor, times: int) -> torch.Tensor:
    return states.repeat_interleave(times, dim=1) if times > 1 else states


AttentionInterface.register(NAME, attend)
