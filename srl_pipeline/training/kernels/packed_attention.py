"""Attention for packed prompts with their completions: every query meets only the keys that it may see.

A *trunk* is a prompt; where the prompts of several groups are beginnings of one another (the steps of one trajectory),
the longest is the trunk of all, and each group is a *branch* that leaves it at its own prompt's end:
``[trunk | completions of branch 1 | … | completions of branch B]``. The trunk attends causally to itself, a completion
to the trunk up to its branch and causally to itself. A masked attention over the packed sequence would compute all L²
scores and hide most of them. Trunks lie one after another without padding. The parts are cut out with one `split`: a
slice a part would make the backward pass fill and add a whole row for each of them.
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
class Branch:
    """The completions of one group: ``at`` tokens of the trunk are their prompt."""

    at: int
    lengths: tuple[int, ...]


@dataclass(frozen=True)
class Trunk:
    """Where one trunk lies in the packed sequence: ``length`` tokens, then the completions of its branches."""

    length: int
    branches: tuple[Branch, ...]

    @property
    def simple(self) -> bool:
        """Whether a lone completion just goes on from its prompt."""
        return len(self.branches) == 1 and len(self.branches[0].lengths) == 1 and self.branches[0].at == self.length

    @property
    def pieces(self) -> list[int]:
        """Tokens of the parts that attend alike."""
        completions = [sum(branch.lengths) for branch in self.branches]
        return [self.length + completions[0]] if self.simple else [self.length, *completions]


class Layout:
    """All trunks of one packed row, and what every layer needs to know of them, computed once."""

    def __init__(self, trunks: Sequence[Trunk], device: torch.device, dtype: torch.dtype) -> None:
        self.pieces = [size for trunk in trunks for size in trunk.pieces]
        self.branches = [[] if t.simple else [_Rectangle(b, device, dtype) for b in t.branches] for t in trunks]


class _Rectangle:
    """The completions of one branch as a rectangle ``[G, T]``, the shorter ones padded at their end."""

    def __init__(self, branch: Branch, device: torch.device, dtype: torch.dtype) -> None:
        sizes = torch.tensor(branch.lengths, device=device)
        self.at, self.count, self.longest = branch.at, len(branch.lengths), max(branch.lengths)
        steps = torch.arange(self.longest, device=device)
        real = steps[None, :] < sizes[:, None]
        first = functional.pad(sizes.cumsum(0)[:-1], (1, 0))
        even = min(branch.lengths) == self.longest
        self.places = None if even else torch.where(real, first[:, None] + steps[None, :], first[:, None]).flatten()
        self.real = None if even else real.flatten().nonzero().squeeze(1)
        future = torch.full((self.longest, self.longest), float("-inf"), device=device, dtype=dtype).triu(1)
        self.mask = functional.pad(future, (branch.at, 0))  # [T, P + T]: a query sees the prompt and its own past

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
    for branches in layout.branches:
        q, k, v = next(queries), next(keys), next(values)
        found.append(_attention(q[None], k[None], v[None], None, scale)[0])
        for branch in branches:
            prompt = k[:, : branch.at], v[:, : branch.at]
            found.append(_completions(next(queries), next(keys), next(values), *prompt, branch, scale))
    return torch.cat(found, dim=1).transpose(0, 1).unsqueeze(0), None


def _completions(
    query: torch.Tensor,
    key: torch.Tensor,
    value: torch.Tensor,
    prompt_key: torch.Tensor,
    prompt_value: torch.Tensor,
    branch: _Rectangle,
    scale: float,
) -> torch.Tensor:
    """Completions ``[heads, tokens, D]`` to their prompt and, causally, to themselves."""
    heads, kv, dim = query.shape[0], key.shape[0], query.shape[2]
    share, count, longest = heads // kv, branch.count, branch.longest
    # one batch entry a completion; the heads that share keys lie one after another in its queries
    q = branch.spread(query).view(kv, share, count, longest, dim).permute(2, 0, 1, 3, 4)
    k, v = (
        torch.cat([p.expand(count, -1, -1, -1), branch.spread(own).transpose(0, 1)], dim=2)
        for p, own in ((prompt_key, key), (prompt_value, value))
    )
    out = _attention(q.reshape(count, kv, share * longest, dim), k, v, branch.mask.repeat(share, 1), scale)
    out = out.view(count, kv, share, longest, dim).permute(1, 2, 0, 3, 4).reshape(heads, count, longest, dim)
    return branch.gather(out)


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
