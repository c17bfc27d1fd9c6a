"""Attention for packed groups ``[prompt | c1 | … | cG]``: every query meets only the keys that it may see.

A masked attention over the packed sequence would compute all L² scores and hide most of them (with 8 completions of
140 tokens two thirds). Here the prompt attends causally to itself, and each completion to the prompt and causally to
itself; several groups lie one after another without padding. The parts are cut out with one `split`: a slice a part
would make the backward pass fill and add a whole row for each of them.
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
    """Where one group lies in the packed sequence: its prompt, then its completions, without gaps."""

    prompt: int
    lengths: tuple[int, ...]

    @property
    def pieces(self) -> list[int]:
        """Tokens of the parts that attend alike: a lone completion simply goes on from its prompt."""
        completions = sum(self.lengths)
        return [self.prompt + completions] if len(self.lengths) == 1 else [self.prompt, completions]


class Layout:
    """All groups of one packed row, and what every layer needs to know of them, computed once."""

    def __init__(self, groups: Sequence[GroupLayout], device: torch.device, dtype: torch.dtype) -> None:
        self.groups = list(groups)
        self.pieces = [size for group in groups for size in group.pieces]
        self.several = [_Several(g, device, dtype) if len(g.lengths) > 1 else None for g in groups]


class _Several:
    """The completions of one group as a rectangle ``[G, T]``, the shorter ones padded at their end."""

    def __init__(self, group: GroupLayout, device: torch.device, dtype: torch.dtype) -> None:
        sizes = torch.tensor(group.lengths, device=device)
        self.count, self.longest = len(group.lengths), max(group.lengths)
        steps = torch.arange(self.longest, device=device)
        real = steps[None, :] < sizes[:, None]
        first = functional.pad(sizes.cumsum(0)[:-1], (1, 0))
        even = min(group.lengths) == self.longest
        self.places = None if even else torch.where(real, first[:, None] + steps[None, :], first[:, None]).flatten()
        self.real = None if even else real.flatten().nonzero().squeeze(1)
        future = torch.full((self.longest, self.longest), float("-inf"), device=device, dtype=dtype).triu(1)
        self.mask = functional.pad(future, (group.prompt, 0))  # [T, P + T]: a query sees the prompt and its own past

    def spread(self, states: torch.Tensor) -> torch.Tensor:
        """``[heads, tokens, D]`` to ``[heads, G, T, D]``."""
        padded = states if self.places is None else states.index_select(1, self.places)
        return padded.view(states.shape[0], self.count, self.longest, -1)

    def gather(self, states: torch.Tensor) -> torch.Tensor:
        """``[heads, G, T, D]`` to ``[heads, tokens, D]``."""
        flat = states.reshape(states.shape[0], self.count * self.longest, -1)
        return flat if self.real is None else flat.index_select(1, self.real)


def attend(
    module: torch.nn.Module,
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    attention_mask: torch.Tensor | None,
    scaling: float | None = None,
    layout: Layout | None = None,
    **_: Any,
) -> tuple[torch.Tensor, None]:
    """Attention over a packed row; ``query`` is ``[1, heads, L, D]``, ``key`` and ``value`` ``[1, kv heads, L, D]``."""
    if layout is None or query.shape[0] != 1:
        raise ValueError("this attention serves one packed row with its layout")
    scale = scaling if scaling is not None else query.shape[3] ** -0.5
    queries, keys, values = (iter(states[0].split(layout.pieces, dim=1)) for states in (query, key, value))
    found: list[torch.Tensor] = []
    for several in layout.several:
        q, k, v = next(queries), next(keys), next(values)
        found.append(_attention(q[None], k[None], v[None], None, scale)[0])
        if several is not None:
            found.append(_completions(next(queries), next(keys), next(values), k, v, several, scale))
    return torch.cat(found, dim=1).transpose(0, 1).unsqueeze(0), None


def _completions(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    prompt_key: torch.Tensor,
    prompt_value: torch.Tensor,
    several: _Several,
    scale: float,
) -> torch.Tensor:
    """Completions ``[heads, tokens, D]`` to their prompt and, causally, to themselves."""
    heads, kv, dim = query.shape[0], key.shape[0], query.shape[2]
    share, count, longest = heads // kv, several.count, several.longest
    # one batch entry a completion; the heads that share keys lie one after another in its queries
    q = several.spread(query).view(kv, share, count, longest, dim).permute(2, 0, 1, 3, 4)
    k, v = (
        torch.cat([p.expand(count, -1, -1, -1), several.spread(own).transpose(0, 1)], dim=2)
        for p, own in ((prompt_key, key), (prompt_value, value))
    )
    out = _attention(q.reshape(count, kv, share * longest, dim), k, v, several.mask.repeat(share, 1), scale)
    out = out.view(count, kv, share, longest, dim).permute(1, 2, 0, 3, 4).reshape(heads, count, longest, dim)
    return several.gather(out)


def _attention(
    query: torch.Tensor, key: torch.Tensor, value: torch.Tensor, mask: torch.Tensor | None, scale: float
) -> torch.Tensor:
    """Softmax attention ``[B, heads, Lq, D]`` over ``[B, kv heads, Lk, D]``; causal where there is no mask."""
    share = query.shape[1] // key.shape[1]
    return functional.scaled_dot_product_attention(
        query, _repeat(key, share), _repeat(value, share), attn_mask=mask, is_causal=mask is None, scale=scale
    )


def _repeat(states: torch.Tensor, times: int) -> torch.Tensor:
    return states.repeat_interleave(times, dim=1) if times > 1 else states


AttentionInterface.register(NAME, attend)
