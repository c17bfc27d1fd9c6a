"""Attention for sampling G completions of each of P prompts, with every prompt's keys and values stored once.

Rows are ordered prompt by prompt, G rows each. A row attends to its prompt (shared) and to its own completion;
grouped key-value heads are used as they are, and completions are written into buffers allocated once, so that a
decoded token costs no copy of the cache. The result equals ordinary attention over ``prompt + completion`` (tested
against ``generate``).
"""

from __future__ import annotations

from typing import Any

import torch
from transformers import AttentionInterface, Cache

NAME = "srl_shared_prompt"


class RolloutCache(Cache):
    """Keys and values of prompts (shared) and of completions (own).

    Shapes per layer: prompt ``[P, kv heads, L, dim]``, padded at the end; own ``[P*G, kv heads, T, dim]``. ``lengths``
    ``[P]`` are those of the prompts.
    """

    def __init__(
        self, prompt: list[tuple[torch.Tensor, torch.Tensor]], lengths: torch.Tensor, per_prompt: int, room: int
    ) -> None:
        super().__init__(layers=[])
        self.prompt = prompt
        self.per_prompt = per_prompt
        self.length = 0
        keys = prompt[0][0]
        rows = keys.shape[0] * per_prompt
        shape = (rows, keys.shape[1], room, keys.shape[3])
        self.own = [(keys.new_empty(shape), keys.new_empty(shape)) for _ in prompt]
        places = torch.arange(keys.shape[2], device=keys.device)
        self.bias = torch.zeros((keys.shape[0], keys.shape[2]), dtype=torch.float32, device=keys.device)
        self.bias.masked_fill_(places[None, :] >= lengths[:, None], float("-inf"))

    def update(self, key_states: torch.Tensor, value_states: torch.Tensor, layer_idx: int, *_: Any, **__: Any) -> Any:
        """Append one token for every row; returns the own keys and values so far."""
        keys, values = self.own[layer_idx]
        keys[:, :, self.length : self.length + 1] = key_states
        values[:, :, self.length : self.length + 1] = value_states
        end = self.length + 1
        return keys[:, :, :end], values[:, :, :end]

    def get_seq_length(self, layer_idx: int = 0) -> int:
        return self.length

    def keep(self, prompts: torch.Tensor, rows: torch.Tensor, per_prompt: int) -> None:
        """Keep only some prompts and rows (indices into the present ones, prompt by prompt)."""
        self.prompt = [(k[prompts], v[prompts]) for k, v in self.prompt]
        self.bias = self.bias[prompts]
        self.own = [(k[rows], v[rows]) for k, v in self.own]
        self.per_prompt = per_prompt


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    rollout_cache: RolloutCache | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention of a new token a row: ``query`` ``[P*G, heads, 1, dim]``, ``key`` and ``value`` are the rows' own."""
    if rollout_cache is None:
        raise ValueError("this attention only serves sampling with a RolloutCache")
    rows, heads, _one, dim = query.shape
    per, kv = rollout_cache.per_prompt, key.shape[1]
    prompts, share = rows // per, heads // kv
    layer: int = module.layer_idx  # type: ignore[assignment]
    prompt_key, prompt_value = rollout_cache.prompt[layer]
    scale = scaling if scaling is not None else dim**-0.5
    own_query = query.reshape(rows, kv, share, dim) * scale
    grouped = own_query.view(prompts, per, kv, share, dim).transpose(1, 2).reshape(prompts, kv, per * share, dim)
    prompt_scores = (grouped @ prompt_key.transpose(2, 3)).float() + rollout_cache.bias[:, None, None, :]
    own_scores = (own_query @ key.transpose(2, 3)).float()
    length = own_scores.shape[-1]
    own_scores = (
        own_scores.view(prompts, per, kv, share, length).transpose(1, 2).reshape(prompts, kv, per * share, length)
    )
    weights = torch.cat([prompt_scores, own_scores], dim=-1).softmax(dim=-1).to(value.dtype)
    prompt_weights, own_weights = weights.split([prompt_scores.shape[-1], length], dim=-1)
    out = prompt_weights @ prompt_value
    own_weights = own_weights.view(prompts, kv, per, share, length).transpose(1, 2).reshape(rows, kv, share, length)
    own = own_weights @ value
    out = out.view(prompts, kv, per, share, dim).transpose(1, 2).reshape(rows, heads, dim) + own.reshape(
        rows, heads, dim
    )
    return out.unsqueeze(1), None


AttentionInterface.register(NAME, attend)
